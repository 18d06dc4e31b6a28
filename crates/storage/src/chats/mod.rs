//! Chats of bots, and who works on their updates: one worker at a time for each, under a fenced lease.

mod bot_leases;
mod buttons;
mod conversations;
mod dialogues;
mod feedback;
mod files;
mod shown;
mod updates;

use std::time::Duration;

use nexus_domain::{BotId, Chat, ChatId, ChatState, LeaseToken, Timestamp};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::CLAIM_CHAT;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{HANDFULS, IDS, handfuls, ids_in, padded, statements, tuples};
use crate::types::{At, displayable, limit, word};

pub use bot_leases::BotLeases;
pub use buttons::{ButtonRow, Buttons};
pub use conversations::Conversations;
pub use dialogues::Dialogues;
pub use feedback::Feedbacks;
pub use files::TelegramFiles;
pub use shown::{ShownBy, ShownPassages, ShownText};
pub use updates::Updates;

/// Statements of all files here, for the test that prepares them.
#[cfg(feature = "testing")]
pub(crate) const ALL_STATEMENTS: [&[&str]; 9] = [
    STATEMENTS,
    bot_leases::STATEMENTS,
    buttons::STATEMENTS,
    conversations::STATEMENTS,
    dialogues::STATEMENTS,
    feedback::STATEMENTS,
    files::STATEMENTS,
    shown::STATEMENTS,
    updates::STATEMENTS,
];

/// Longest title that is kept, in bytes.
const MAX_TITLE_BYTES: usize = 1_024;

macro_rules! chat_columns {
    () => {
        "id, bot_id, telegram_chat_id, kind, title, state, cancelled_to, created_at, last_message_at"
    };
}
pub(crate) use chat_columns;

const NEW_CHATS: &str =
    "INSERT INTO chats (id, bot_id, telegram_chat_id, kind, title, state, cancelled_to, created_at,
    last_message_at) VALUES ";
const OR_REFRESHED: &str = concat!(
    " ON CONFLICT (bot_id, telegram_chat_id) DO UPDATE SET kind = excluded.kind, title = excluded.title,
        last_message_at = excluded.last_message_at
    RETURNING ",
    chat_columns!()
);
/// No update is cancelled yet.
const NONE_CANCELLED: i64 = -1;

statements! {
    ARRIVE = tuples!(NEW_CHATS, 1, 9, OR_REFRESHED);
    ARRIVE_SOME = tuples!(NEW_CHATS, HANDFULS[1], 9, OR_REFRESHED);
    ARRIVE_MANY = tuples!(NEW_CHATS, HANDFULS[0], 9, OR_REFRESHED);
    GET = concat!("SELECT ", chat_columns!(), " FROM chats WHERE id = $1");
    BY_TELEGRAM = concat!("SELECT ", chat_columns!(), " FROM chats WHERE bot_id = $1 AND telegram_chat_id = $2");
    LIST = concat!("SELECT ", chat_columns!(), " FROM chats
        WHERE id < $1 AND (bot_id = $2 OR $3 = 0) AND (telegram_chat_id = $4 OR $5 = 0) ORDER BY id DESC LIMIT $6");
    WAKE = ids_in!("UPDATE chats SET due_at = $65 WHERE id IN ", " AND due_at IS NULL");
    CANCEL_TO = "UPDATE chats SET cancelled_to = $2 WHERE id = $1";
    ANY_DUE = "SELECT COUNT(*) FROM (SELECT 1 FROM chats WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
        LIMIT 1) AS due";
    FENCE = "UPDATE chats SET lease_token = lease_token WHERE id = $1 AND lease_token = $2";
    RENEW = "UPDATE chats SET lease_until = $3 WHERE id = $1 AND lease_token = $2 RETURNING cancelled_to";
    WAITS = "SELECT COUNT(*) FROM (SELECT 1 FROM updates WHERE chat_id = $1 AND state = 'waiting' LIMIT 1) AS waiting";
    RELEASE = "UPDATE chats SET lease_token = NULL, lease_until = NULL, due_at = $3
        WHERE id = $1 AND lease_token = $2";
    EXPIRE_LEASES = "UPDATE chats SET lease_until = $1 WHERE lease_until > $1";
    SET_STATE = "UPDATE chats SET state = $2 WHERE id = $1 AND state <> $2";
    MOVE = "UPDATE chats SET telegram_chat_id = $2, kind = 'supergroup' WHERE id = $1";
    TOUCH = "UPDATE chats SET last_message_at = $2 WHERE id = $1 AND last_message_at < $2";
}

#[derive(FromRow)]
pub(crate) struct ChatRow {
    id: Uuid,
    bot_id: Uuid,
    telegram_chat_id: i64,
    kind: String,
    title: Option<String>,
    state: String,
    cancelled_to: i64,
    created_at: At,
    last_message_at: At,
}

impl TryFrom<ChatRow> for Chat {
    type Error = StorageError;

    fn try_from(row: ChatRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: ChatId::from_uuid(row.id),
            bot_id: BotId::from_uuid(row.bot_id),
            telegram_chat_id: row.telegram_chat_id,
            kind: word(&row.kind)?,
            title: row.title,
            state: word(&row.state)?,
            created_at: row.created_at.0,
            last_message_at: row.last_message_at.0,
        })
    }
}

/// A chat under a lease.
#[derive(Clone, Debug)]
pub struct ClaimedChat {
    pub chat: Chat,
    /// The latest update that cancels something.
    pub cancelled_to: i64,
}

/// Which chats a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChatFilter {
    pub bot: Option<BotId>,
    /// The chat's id at Telegram; a person's own one is that of their private chats.
    pub telegram_chat: Option<i64>,
}

#[derive(Debug)]
pub struct Chats<C>(pub(crate) C);

impl<C: Connect> Chats<C> {
    pub async fn get(&mut self, id: ChatId) -> Result<Option<Chat>, StorageError> {
        let row: Option<ChatRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    pub async fn by_telegram_id(
        &mut self,
        bot: BotId,
        telegram_chat_id: i64,
    ) -> Result<Option<Chat>, StorageError> {
        let row: Option<ChatRow> = on!(self.0, |c| sqlx::query_as(BY_TELEGRAM)
            .bind(bot.as_uuid())
            .bind(telegram_chat_id)
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Whether a chat waits that nobody works on: worth a transaction that would claim it.
    pub async fn any_due(&mut self, now: Timestamp) -> Result<bool, StorageError> {
        let due: i64 = on!(self.0, |c| sqlx::query_scalar(ANY_DUE)
            .bind(At(now))
            .fetch_one(c)
            .await?);
        Ok(due > 0)
    }

    /// Newest first, older than `before`.
    pub async fn list(
        &mut self,
        filter: &ChatFilter,
        before: Option<ChatId>,
        most: usize,
    ) -> Result<Vec<Chat>, StorageError> {
        let before = before.map_or(Uuid::max(), ChatId::as_uuid);
        let rows: Vec<ChatRow> = on!(self.0, |c| {
            let select = sqlx::query_as(LIST).bind(before);
            let select = select
                .bind(filter.bot.map_or(Uuid::nil(), BotId::as_uuid))
                .bind(i64::from(filter.bot.is_some()));
            let select = select
                .bind(filter.telegram_chat.unwrap_or(0))
                .bind(i64::from(filter.telegram_chat.is_some()));
            select.bind(limit(most)).fetch_all(c).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Chats<&mut Tx> {
    /// The chats of these Telegram ids, as they are now: the stored rows, refreshed, or the candidates, stored now. Each id comes
    /// once; the order is not theirs. Others who write updates of the chats wait until this transaction ends.
    pub async fn arrive(&mut self, candidates: &[Chat]) -> Result<Vec<Chat>, StorageError> {
        let rows: Vec<ChatRow> = on!(self.0, |c| {
            let mut rows = Vec::with_capacity(candidates.len());
            for handful in handfuls(candidates) {
                let mut insert = sqlx::query_as(match handful.len() {
                    1 => ARRIVE,
                    4 => ARRIVE_SOME,
                    _ => ARRIVE_MANY,
                });
                for chat in handful {
                    let title = chat.title.as_deref();
                    insert = insert
                        .bind(chat.id.as_uuid())
                        .bind(chat.bot_id.as_uuid())
                        .bind(chat.telegram_chat_id)
                        .bind(chat.kind.as_str())
                        .bind(title.map(|title| displayable(title, MAX_TITLE_BYTES)))
                        .bind(chat.state.as_str())
                        .bind(NONE_CANCELLED)
                        .bind(At(chat.created_at))
                        .bind(At(chat.last_message_at));
                }
                rows.append(&mut insert.fetch_all(&mut *c).await?);
            }
            rows
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Somebody should look at the updates of these chats at `at`, but for those that wait for another attempt already.
    pub async fn wake(&mut self, chats: &[ChatId], at: Timestamp) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for batch in chats.chunks(IDS) {
                let mut wake = sqlx::query(WAKE);
                for id in padded(batch) {
                    wake = wake.bind(id.as_uuid());
                }
                wake.bind(At(at)).execute(&mut *c).await?;
            }
        });
        Ok(())
    }

    /// Whoever works on the chat should ask whether its update is still wanted.
    pub async fn cancel_to(&mut self, id: ChatId, update_id: i64) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(CANCEL_TO)
            .bind(id.as_uuid())
            .bind(update_id)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Takes the chat that has waited longest under a new lease.
    pub async fn claim(
        &mut self,
        now: Timestamp,
        lease_for: Duration,
        token: LeaseToken,
    ) -> Result<Option<ClaimedChat>, StorageError> {
        let claim = CLAIM_CHAT.on(self.0.kind());
        let row: Option<ChatRow> = on!(self.0, |c| {
            let claim = sqlx::query_as(claim).bind(At(now)).bind(token.as_uuid());
            claim.bind(At(now.plus(lease_for))).fetch_optional(c).await?
        });
        row.map(|row| {
            let cancelled_to = row.cancelled_to;
            Ok(ClaimedChat {
                chat: row.try_into()?,
                cancelled_to,
            })
        })
        .transpose()
    }

    /// Whether the worker still holds the chat; if so, nobody can take it over before this transaction ends. Belongs into
    /// every transaction in which a worker writes something for its chat.
    pub async fn fence(&mut self, id: ChatId, token: LeaseToken) -> Result<bool, StorageError> {
        let held = on!(self.0, |c| sqlx::query(FENCE)
            .bind(id.as_uuid())
            .bind(token.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(held == 1)
    }

    /// Extends the lease; which update cancelled something last. `None`: the lease is lost.
    pub async fn renew(
        &mut self,
        id: ChatId,
        token: LeaseToken,
        until: Timestamp,
    ) -> Result<Option<i64>, StorageError> {
        Ok(on!(self.0, |c| sqlx::query_scalar(RENEW)
            .bind(id.as_uuid())
            .bind(token.as_uuid())
            .bind(At(until))
            .fetch_optional(c)
            .await?))
    }

    /// Gives the chat back, to be looked at again at `again_at` if updates wait. `false`: the lease was lost.
    pub async fn release(
        &mut self,
        id: ChatId,
        token: LeaseToken,
        again_at: Timestamp,
    ) -> Result<bool, StorageError> {
        // First the row, for writers of updates hold it too; then what waits, as it is with the row in hand.
        if !self.fence(id, token).await? {
            return Ok(false);
        }
        let released = on!(self.0, |c| {
            let waiting: i64 = sqlx::query_scalar(WAITS)
                .bind(id.as_uuid())
                .fetch_one(&mut *c)
                .await?;
            let release = sqlx::query(RELEASE).bind(id.as_uuid()).bind(token.as_uuid());
            release
                .bind((waiting > 0).then_some(At(again_at)))
                .execute(&mut *c)
                .await?
                .rows_affected()
        });
        Ok(released == 1)
    }

    /// Ends all leases, for a process that knows that it is alone.
    pub async fn expire_leases(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(EXPIRE_LEASES)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Whether that changed anything.
    pub async fn set_state(&mut self, id: ChatId, state: ChatState) -> Result<bool, StorageError> {
        let changed = on!(self.0, |c| sqlx::query(SET_STATE)
            .bind(id.as_uuid())
            .bind(state.as_str())
            .execute(c)
            .await?
            .rows_affected());
        Ok(changed == 1)
    }

    /// The group has become a supergroup of this id, which no chat of the bot may have.
    pub async fn move_to(&mut self, id: ChatId, telegram_chat_id: i64) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(MOVE)
            .bind(id.as_uuid())
            .bind(telegram_chat_id)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Something was said in the chat.
    pub async fn touch(&mut self, id: ChatId, at: Timestamp) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(TOUCH)
            .bind(id.as_uuid())
            .bind(At(at))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }
}
