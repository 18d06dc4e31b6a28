//! Which bots a knowledge base is open to: whoever comes through one of them reads it.

use nexus_domain::{Bot, BotId, KbId, Timestamp};

use crate::bots::{BotColumns, bot_columns};
use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::At;

statements! {
    LIST = concat!("SELECT ", bot_columns!(), " FROM kb_bots
        JOIN bots ON bots.id = kb_bots.bot_id AND bots.deleted_at IS NULL
        WHERE kb_bots.kb_id = $1 ORDER BY bots.code");
    ADD = "INSERT INTO kb_bots (kb_id, bot_id, created_at) VALUES ($1, $2, $3) ON CONFLICT (bot_id, kb_id) DO NOTHING";
    REMOVE = "DELETE FROM kb_bots WHERE kb_id = $1 AND bot_id = $2";
}

#[derive(Debug)]
pub struct KbBots<C>(pub(crate) C);

impl<C: Connect> KbBots<C> {
    /// The live bots that a knowledge base is open to, by code.
    pub async fn list(&mut self, kb: KbId) -> Result<Vec<Bot>, StorageError> {
        let rows: Vec<BotColumns> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(kb.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl KbBots<&mut Tx> {
    /// `false` if it was open to the bot before. [`StorageError::ReferenceViolation`] if there is no such bot or
    /// knowledge base.
    pub async fn add(&mut self, kb: KbId, bot: BotId, now: Timestamp) -> Result<bool, StorageError> {
        let added = on!(self.0, |c| {
            let insert = sqlx::query(ADD).bind(kb.as_uuid()).bind(bot.as_uuid());
            insert.bind(At(now)).execute(c).await?.rows_affected()
        });
        Ok(added == 1)
    }

    /// `false` if it was not open to the bot.
    pub async fn remove(&mut self, kb: KbId, bot: BotId) -> Result<bool, StorageError> {
        let removed = on!(self.0, |c| {
            let delete = sqlx::query(REMOVE).bind(kb.as_uuid()).bind(bot.as_uuid());
            delete.execute(c).await?.rows_affected()
        });
        Ok(removed == 1)
    }
}
