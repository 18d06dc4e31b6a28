//! Which process serves a bot.

use nexus_domain::{BotId, ProcessId, Timestamp};

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::At;

statements! {
    TAKE = "INSERT INTO bot_leases (bot_id, holder, lease_until) VALUES ($1, $2, $3)
        ON CONFLICT (bot_id) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
        WHERE bot_leases.holder = excluded.holder OR bot_leases.lease_until <= $4";
    IS_HELD = "SELECT COUNT(*) FROM bot_leases WHERE bot_id = $1 AND holder = $2 AND lease_until > $3";
    FENCE = "UPDATE bot_leases SET holder = holder WHERE bot_id = $1 AND holder = $2 AND lease_until > $3";
    GIVE_BACK = "DELETE FROM bot_leases WHERE bot_id = $1 AND holder = $2";
}

#[derive(Debug)]
pub struct BotLeases<C>(pub(crate) C);

impl<C: Connect> BotLeases<C> {
    pub async fn is_held(
        &mut self,
        bot: BotId,
        holder: ProcessId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let held: i64 = on!(self.0, |c| sqlx::query_scalar(IS_HELD)
            .bind(bot.as_uuid())
            .bind(holder.as_uuid())
            .bind(At(now))
            .fetch_one(c)
            .await?);
        Ok(held == 1)
    }
}

impl BotLeases<&mut Tx> {
    /// Takes the bot, or goes on holding it. `false`: another process holds it.
    pub async fn take(
        &mut self,
        bot: BotId,
        holder: ProcessId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let taken = on!(self.0, |c| sqlx::query(TAKE)
            .bind(bot.as_uuid())
            .bind(holder.as_uuid())
            .bind(At(until))
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(taken == 1)
    }

    /// Whether the process holds the bot; if so, no other takes it before this transaction ends.
    pub async fn fence(
        &mut self,
        bot: BotId,
        holder: ProcessId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let held = on!(self.0, |c| sqlx::query(FENCE)
            .bind(bot.as_uuid())
            .bind(holder.as_uuid())
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(held == 1)
    }

    /// Whether it was held.
    pub async fn give_back(&mut self, bot: BotId, holder: ProcessId) -> Result<bool, StorageError> {
        let given = on!(self.0, |c| sqlx::query(GIVE_BACK)
            .bind(bot.as_uuid())
            .bind(holder.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(given == 1)
    }
}
