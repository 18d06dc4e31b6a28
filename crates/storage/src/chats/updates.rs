//! The inbox: updates as they came, each once, handled in the order of their chat.

use std::collections::HashSet;

use nexus_domain::{BotId, ChatId, Person, TelegramId, Timestamp, Update, UpdateId, UpdateState, UserId};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{HANDFULS, handfuls, statements, tuples};
use crate::types::{At, from_json, limit, number, to_json, word};

macro_rules! columns {
    () => {
        "id, bot_id, update_id, chat_id, user_id, topic_id, message_id, telegram_id, person, event, state, attempts,
         trace_id, received_at"
    };
}

const NEW_UPDATES: &str = concat!("INSERT INTO updates (", columns!(), ") VALUES ");
const IF_NEW: &str = " ON CONFLICT (bot_id, update_id) DO NOTHING RETURNING id";

statements! {
    INSERT = tuples!(NEW_UPDATES, 1, 14, IF_NEW);
    INSERT_SOME = tuples!(NEW_UPDATES, HANDFULS[1], 14, IF_NEW);
    INSERT_MANY = tuples!(NEW_UPDATES, HANDFULS[0], 14, IF_NEW);
    NEXT = concat!("SELECT ", columns!(), " FROM updates WHERE chat_id = $1 AND state = 'waiting'
        ORDER BY update_id LIMIT 1");
    BY_NUMBER = concat!("SELECT ", columns!(), " FROM updates WHERE bot_id = $1 AND update_id = $2");
    OF_CHAT = concat!("SELECT ", columns!(), " FROM updates WHERE chat_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    OF_MESSAGE = concat!("SELECT ", columns!(), " FROM updates
        WHERE chat_id = $1 AND message_id = $2 AND id < $3 ORDER BY id DESC LIMIT 1");
    WAITING = "SELECT COUNT(*) FROM updates WHERE chat_id = $1 AND state = 'waiting'";
    // A cancel that waits behind the update, by the same person in the same topic.
    IS_CANCELLED = "SELECT COUNT(*) FROM updates WHERE chat_id = $1 AND state = 'waiting' AND update_id > $2
        AND telegram_id = $3 AND COALESCE(topic_id, 0) = $4 AND event LIKE '{\"kind\":\"command\",\"name\":\"cancel\"%'";
    IS_OLD = "SELECT id FROM updates WHERE bot_id = $1 AND update_id = $2 AND received_at < $3 AND state <> 'waiting'";
    LOWEST = "SELECT MIN(update_id) FROM updates WHERE bot_id = $1";
    RENUMBER = "UPDATE updates SET update_id = $3 WHERE bot_id = $1 AND update_id = $2";
    RENUMBER_ANSWERS = "UPDATE deliveries SET update_id = $3 WHERE bot_id = $1 AND update_id = $2";
    OLD = "SELECT id FROM updates WHERE received_at < $1 AND state <> 'waiting' ORDER BY id LIMIT $2";
    DELETE = "DELETE FROM updates WHERE id = $1 AND state <> 'waiting'";
    BEGIN = "UPDATE updates SET attempts = attempts + 1 WHERE id = $1 AND state = 'waiting' RETURNING attempts";
    FINISH = "UPDATE updates SET state = $2, user_id = $3, handled_at = $4 WHERE id = $1 AND state = 'waiting'";
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    bot_id: Uuid,
    update_id: i64,
    chat_id: Uuid,
    user_id: Option<Uuid>,
    topic_id: Option<i64>,
    message_id: Option<i64>,
    telegram_id: Option<i64>,
    person: Option<String>,
    event: String,
    state: String,
    attempts: i64,
    trace_id: String,
    received_at: At,
}

/// What is kept of a person beside their id.
#[derive(Serialize, Deserialize)]
struct Names {
    username: Option<String>,
    first_name: String,
    last_name: Option<String>,
    language_code: Option<String>,
}

impl TryFrom<Row> for Update {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let person = row.telegram_id.zip(row.person).map(|(id, names)| {
            let names: Names = from_json(&names, "person of an update")?;
            let telegram_id = TelegramId::new(id)
                .ok_or_else(|| StorageError::corrupt(format_args!("{id} is no Telegram id")))?;
            Ok::<_, StorageError>(Person {
                telegram_id,
                username: names.username,
                first_name: names.first_name,
                last_name: names.last_name,
                language_code: names.language_code,
            })
        });
        Ok(Self {
            id: UpdateId::from_uuid(row.id),
            bot_id: BotId::from_uuid(row.bot_id),
            update_id: row.update_id,
            chat_id: ChatId::from_uuid(row.chat_id),
            user_id: row.user_id.map(UserId::from_uuid),
            topic_id: row.topic_id,
            message_id: row.message_id,
            person: person.transpose()?,
            event: from_json(&row.event, "event of an update")?,
            state: word(&row.state)?,
            attempts: number(row.attempts, "attempts of an update")?,
            trace_id: row.trace_id,
            received_at: row.received_at.0,
        })
    }
}

fn names(person: &Person) -> String {
    to_json(&Names {
        username: person.username.clone(),
        first_name: person.first_name.clone(),
        last_name: person.last_name.clone(),
        language_code: person.language_code.clone(),
    })
}

#[derive(Debug)]
pub struct Updates<C>(pub(crate) C);

impl<C: Connect> Updates<C> {
    /// The oldest of the chat that waits.
    pub async fn next(&mut self, chat: ChatId) -> Result<Option<Update>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(NEXT)
            .bind(chat.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// By Telegram's number.
    pub async fn by_number(&mut self, bot: BotId, update_id: i64) -> Result<Option<Update>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(BY_NUMBER)
            .bind(bot.as_uuid())
            .bind(update_id)
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Newest first, older than `before`.
    pub async fn of_chat(
        &mut self,
        chat: ChatId,
        before: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<Update>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(OF_CHAT)
            .bind(chat.as_uuid())
            .bind(before.unwrap_or(Uuid::max()))
            .bind(limit(most))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The latest that was about the same message of the chat, before another one.
    pub async fn of_message(
        &mut self,
        chat: ChatId,
        message_id: i64,
        before: UpdateId,
    ) -> Result<Option<Update>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(OF_MESSAGE)
            .bind(chat.as_uuid())
            .bind(message_id)
            .bind(before.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// What was handled and came before `before`, the oldest first.
    pub async fn old(&mut self, before: Timestamp, most: usize) -> Result<Vec<UpdateId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(OLD)
            .bind(At(before))
            .bind(limit(most))
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(UpdateId::from_uuid).collect())
    }

    /// How many of the chat wait.
    pub async fn waiting(&mut self, chat: ChatId) -> Result<u64, StorageError> {
        let waiting: i64 = on!(self.0, |c| sqlx::query_scalar(WAITING)
            .bind(chat.as_uuid())
            .fetch_one(c)
            .await?);
        number(waiting, "waiting updates")
    }

    /// Whether the person has asked, after the update, that it be left.
    pub async fn is_cancelled(&mut self, update: &Update) -> Result<bool, StorageError> {
        let Some(person) = &update.person else {
            return Ok(false);
        };
        let found: i64 = on!(self.0, |c| {
            let select = sqlx::query_scalar(IS_CANCELLED)
                .bind(update.chat_id.as_uuid())
                .bind(update.update_id);
            let select = select.bind(person.telegram_id.get());
            select.bind(update.topic_id.unwrap_or(0)).fetch_one(c).await?
        });
        Ok(found > 0)
    }
}

impl Updates<&mut Tx> {
    /// Those that are new. Of a number that the bot has had before, or that comes twice, the first stays as it is.
    pub async fn insert(&mut self, updates: &[Update]) -> Result<HashSet<UpdateId>, StorageError> {
        let new: Vec<Uuid> = on!(self.0, |c| {
            let mut new = Vec::with_capacity(updates.len());
            for handful in handfuls(updates) {
                let mut insert = sqlx::query_scalar(match handful.len() {
                    1 => INSERT,
                    4 => INSERT_SOME,
                    _ => INSERT_MANY,
                });
                for update in handful {
                    insert = insert
                        .bind(update.id.as_uuid())
                        .bind(update.bot_id.as_uuid())
                        .bind(update.update_id)
                        .bind(update.chat_id.as_uuid())
                        .bind(update.user_id.map(UserId::as_uuid))
                        .bind(update.topic_id)
                        .bind(update.message_id)
                        .bind(update.person.as_ref().map(|person| person.telegram_id.get()))
                        .bind(update.person.as_ref().map(names))
                        .bind(to_json(&update.event))
                        .bind(update.state.as_str())
                        .bind(i64::from(update.attempts))
                        .bind(update.trace_id.as_str())
                        .bind(At(update.received_at));
                }
                new.append(&mut insert.fetch_all(&mut *c).await?);
            }
            new
        });
        Ok(new.into_iter().map(UpdateId::from_uuid).collect())
    }

    /// Whether the bot's update of this number was handled and came before `before`, so that the number means another one now.
    /// Then the old one, with its answers, gets a number that Telegram never gives.
    pub async fn give_number_free(
        &mut self,
        bot: BotId,
        update_id: i64,
        before: Timestamp,
    ) -> Result<bool, StorageError> {
        Ok(on!(self.0, |c| {
            let old: Option<Uuid> = sqlx::query_scalar(IS_OLD)
                .bind(bot.as_uuid())
                .bind(update_id)
                .bind(At(before))
                .fetch_optional(&mut *c)
                .await?;
            if old.is_some() {
                let lowest: Option<i64> = sqlx::query_scalar(LOWEST)
                    .bind(bot.as_uuid())
                    .fetch_one(&mut *c)
                    .await?;
                let free = lowest.unwrap_or(0).min(0) - 1;
                for statement in [RENUMBER, RENUMBER_ANSWERS] {
                    sqlx::query(statement)
                        .bind(bot.as_uuid())
                        .bind(update_id)
                        .bind(free)
                        .execute(&mut *c)
                        .await?;
                }
            }
            old.is_some()
        }))
    }

    /// Forgets those of them that were handled. How many.
    pub async fn forget(&mut self, handled: &[UpdateId]) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| {
            let mut forgotten = 0;
            for id in handled {
                let deleted = sqlx::query(DELETE).bind(id.as_uuid()).execute(&mut *c).await?;
                forgotten += deleted.rows_affected();
            }
            forgotten
        }))
    }

    /// Counts an attempt: which one it is. `None`: it does not wait any more.
    pub async fn begin(&mut self, id: UpdateId) -> Result<Option<u32>, StorageError> {
        let attempts: Option<i64> = on!(self.0, |c| sqlx::query_scalar(BEGIN)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        attempts
            .map(|attempts| number(attempts, "attempts of an update"))
            .transpose()
    }

    /// Ends the update. `false`: it had ended.
    pub async fn finish(
        &mut self,
        id: UpdateId,
        state: UpdateState,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let finished = on!(self.0, |c| {
            let update = sqlx::query(FINISH).bind(id.as_uuid()).bind(state.as_str());
            let update = update.bind(user.map(UserId::as_uuid)).bind(At(now));
            update.execute(c).await?.rows_affected()
        });
        Ok(finished == 1)
    }
}
