//! The outbox: messages on their way to Telegram. What is due is handed out to the process that serves the bot; which
//! hand-out counts is said by a lease, so that one that was taken from a process cannot be reported by it any more.

use nexus_domain::{
    BotId, Chat, ChatId, Content, Delivery, DeliveryId, DeliveryState, KbId, LeaseToken, Priority, ProcessId,
    TaskId, Timestamp, UserId,
};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::chats::{ChatRow, chat_columns};
use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, displayable, from_json, limit, number, to_json, word};

/// Longest error that is kept, in bytes.
const MAX_ERROR_BYTES: usize = 2_000;

macro_rules! columns {
    () => {
        "id, bot_id, chat_id, user_id, update_id, topic_id, reply_to, priority, language, state, content, kbs, question,
         version, task_id, file_name, parts, handed_to, lease, handed_version, due_at, attempts, error, trace_id,
         created_at, updated_at"
    };
}

statements! {
    INSERT = concat!("INSERT INTO deliveries (", columns!(), ", look_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15, $16, NULL, NULL, 0, $17, $18, $19,
            $20, $21, $22, $23)");
    GET = concat!("SELECT ", columns!(), " FROM deliveries WHERE id = $1");
    OF_UPDATE = concat!("SELECT ", columns!(), " FROM deliveries WHERE bot_id = $1 AND update_id = $2 ORDER BY id");
    OF_CHAT = concat!("SELECT ", columns!(), " FROM deliveries WHERE chat_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    DEAD = concat!("SELECT ", columns!(), " FROM deliveries WHERE state = 'dead' AND id < $1 AND (bot_id = $2 OR $3 = 0)
        ORDER BY id DESC LIMIT $4");
    TO_LOOK_AT = concat!("SELECT ", columns!(), " FROM deliveries WHERE look_at <= $1 ORDER BY look_at LIMIT $2");
    PREVIEW = "SELECT preview FROM deliveries WHERE id = $1";
    // Messages of one chat go out in their order; those that somebody waits for do not wait for notices.
    DUE = "SELECT id, handed_to FROM deliveries d WHERE bot_id = $1 AND priority = $2 AND due_at <= $3
        AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.chat_id = d.chat_id AND e.due_at IS NOT NULL AND e.id < d.id
            AND e.priority >= d.priority)
        ORDER BY due_at, id LIMIT $4";
    NEXT_DUE = "SELECT MIN(due_at) FROM deliveries WHERE bot_id = $1 AND due_at > $2";
    // What has changed since it was found due is left out.
    HAND_OUT = concat!("UPDATE deliveries SET handed_to = $2, lease = $3, handed_version = version
        WHERE id = $1 AND due_at IS NOT NULL AND state IN ('writing', 'pending') RETURNING ", columns!());
    CHAT_OF = concat!("SELECT ", chat_columns!(), " FROM chats WHERE id = $1");
    HOLD = concat!("UPDATE deliveries SET lease = lease WHERE id = $1 AND lease = $2 RETURNING ", columns!());
    LOCK = concat!("UPDATE deliveries SET lease = lease WHERE id = $1 RETURNING ", columns!());
    // What is given up keeps nothing of a text that was being written.
    SETTLE = "UPDATE deliveries SET preview = CASE WHEN $2 IN ('dead', 'dropped') THEN NULL ELSE preview END, state = $2, parts = $3, due_at = $4, attempts = $5, error = $6, updated_at = $7,
            handed_to = CASE WHEN $8 = 1 THEN handed_to ELSE NULL END, lease = CASE WHEN $8 = 1 THEN lease ELSE NULL END
        WHERE id = $1";
    // A file that is fetched holds up nothing that people wait for.
    WRITE = "UPDATE deliveries SET content = $2, kbs = $3, version = version + 1, preview = NULL, state = 'pending',
            due_at = $4, updated_at = $4, attempts = 0, error = NULL,
            priority = CASE WHEN $5 = 1 THEN 0 ELSE priority END
        WHERE id = $1 AND state NOT IN ('dead', 'dropped')";
    SET_PREVIEW = "UPDATE deliveries SET preview = $2, kbs = $3, updated_at = $4 WHERE id = $1 AND state = 'writing'";
    WATCH = "UPDATE deliveries SET task_id = $2, file_name = $3, look_at = $4 WHERE id = $1";
    LOOK_AGAIN = "UPDATE deliveries SET look_at = $2 WHERE id = $1";
    OLD = "SELECT id FROM deliveries WHERE updated_at < $1 AND state IN ('sent', 'dropped', 'dead') AND due_at IS NULL
        AND look_at IS NULL ORDER BY id LIMIT $2";
    // Their buttons and what was thought of them go with them. What has changed since they were found stays.
    DELETE_OLD = "DELETE FROM deliveries WHERE id = $1 AND updated_at < $2 AND state IN ('sent', 'dropped', 'dead')
        AND due_at IS NULL AND look_at IS NULL";
    DROP_OF_CHAT = "UPDATE deliveries SET state = 'dropped', due_at = NULL, look_at = NULL, handed_to = NULL, lease = NULL, preview = NULL,
            updated_at = $2
        WHERE chat_id = $1 AND state IN ('writing', 'pending')";
    // Ids of messages mean nothing in another chat: what was begun is begun anew.
    MOVE = "UPDATE deliveries SET chat_id = $2, parts = '[]', reply_to = NULL, due_at = $3, handed_to = NULL, lease = NULL
        WHERE chat_id = $1 AND state IN ('writing', 'pending')";
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    bot_id: Uuid,
    chat_id: Uuid,
    user_id: Option<Uuid>,
    update_id: Option<i64>,
    topic_id: Option<i64>,
    reply_to: Option<i64>,
    priority: i64,
    language: String,
    state: String,
    content: Option<String>,
    kbs: String,
    question: Option<String>,
    version: i64,
    task_id: Option<Uuid>,
    file_name: Option<String>,
    parts: String,
    lease: Option<Uuid>,
    handed_version: i64,
    due_at: Option<At>,
    attempts: i64,
    error: Option<String>,
    trace_id: String,
    created_at: At,
    updated_at: At,
}

const fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Notice => 0,
        Priority::Answer => 1,
    }
}

impl TryFrom<Row> for HandedOut {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let content = row.content.as_deref();
        let delivery = Delivery {
            id: DeliveryId::from_uuid(row.id),
            bot_id: BotId::from_uuid(row.bot_id),
            chat_id: ChatId::from_uuid(row.chat_id),
            user_id: row.user_id.map(UserId::from_uuid),
            update_id: row.update_id,
            topic_id: row.topic_id,
            reply_to: row.reply_to,
            priority: match row.priority {
                0 => Priority::Notice,
                _ => Priority::Answer,
            },
            language: word(&row.language)?,
            state: word(&row.state)?,
            content: content
                .map(|content| from_json::<Content>(content, "content of a delivery"))
                .transpose()?,
            kbs: from_json(&row.kbs, "knowledge bases of a delivery")?,
            question: row.question,
            task_id: row.task_id.map(TaskId::from_uuid),
            file_name: row.file_name,
            parts: from_json(&row.parts, "parts of a delivery")?,
            lease: row.lease.map(LeaseToken::from_uuid),
            due_at: row.due_at.map(|at| at.0),
            attempts: number(row.attempts, "attempts of a delivery")?,
            error: row.error,
            trace_id: row.trace_id,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        };
        Ok(Self {
            delivery,
            is_current: row.version == row.handed_version,
        })
    }
}

fn delivery(row: Row) -> Result<Delivery, StorageError> {
    HandedOut::try_from(row).map(|handed| handed.delivery)
}

/// A delivery that a process reports on.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedOut {
    pub delivery: Delivery,
    /// Whether its content is still what was handed out.
    pub is_current: bool,
}

/// What a report makes of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub state: DeliveryState,
    pub parts: Vec<i64>,
    /// When it is handed out (again).
    pub due_at: Option<Timestamp>,
    pub attempts: u32,
    pub error: Option<String>,
    /// Whether the process goes on working on it.
    pub keeps: bool,
}

#[derive(Debug)]
pub struct Deliveries<C>(pub(crate) C);

impl<C: Connect> Deliveries<C> {
    pub async fn get(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(delivery).transpose()
    }

    /// What answers an update, oldest first.
    pub async fn of_update(&mut self, bot: BotId, update_id: i64) -> Result<Vec<Delivery>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(OF_UPDATE)
            .bind(bot.as_uuid())
            .bind(update_id)
            .fetch_all(c)
            .await?);
        rows.into_iter().map(delivery).collect()
    }

    /// Newest first, older than `before`.
    pub async fn of_chat(
        &mut self,
        chat: ChatId,
        before: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<Delivery>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(OF_CHAT)
            .bind(chat.as_uuid())
            .bind(before.unwrap_or(Uuid::max()))
            .bind(limit(most))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(delivery).collect()
    }

    /// Dead letters, newest first, older than `before`.
    pub async fn dead(
        &mut self,
        bot: Option<BotId>,
        before: Option<DeliveryId>,
        most: usize,
    ) -> Result<Vec<Delivery>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| {
            let select = sqlx::query_as(DEAD).bind(before.map_or(Uuid::max(), DeliveryId::as_uuid));
            let select = select
                .bind(bot.map_or(Uuid::nil(), BotId::as_uuid))
                .bind(i64::from(bot.is_some()));
            select.bind(limit(most)).fetch_all(c).await?
        });
        rows.into_iter().map(delivery).collect()
    }

    /// Messages on which nothing is to be done and nothing has changed since `before`, the oldest first.
    pub async fn old(&mut self, before: Timestamp, most: usize) -> Result<Vec<DeliveryId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(OLD)
            .bind(At(before))
            .bind(limit(most))
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(DeliveryId::from_uuid).collect())
    }

    /// Cards whose task is to be looked at by now.
    pub async fn to_look_at(&mut self, now: Timestamp, most: usize) -> Result<Vec<Delivery>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(TO_LOOK_AT)
            .bind(At(now))
            .bind(limit(most))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(delivery).collect()
    }

    /// What was written so far, while it is written.
    pub async fn preview(&mut self, id: DeliveryId) -> Result<Option<String>, StorageError> {
        let preview: Option<Option<String>> = on!(self.0, |c| sqlx::query_scalar(PREVIEW)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        Ok(preview.flatten())
    }

    /// When the next delivery of the bot becomes due.
    pub async fn next_due(
        &mut self,
        bot: BotId,
        after: Timestamp,
    ) -> Result<Option<Timestamp>, StorageError> {
        let at: Option<At> = on!(self.0, |c| sqlx::query_scalar(NEXT_DUE)
            .bind(bot.as_uuid())
            .bind(At(after))
            .fetch_one(c)
            .await?);
        Ok(at.map(|at| at.0))
    }
}

impl Deliveries<&mut Tx> {
    /// `look_at`: when the task of a card is looked at.
    pub async fn insert(&mut self, new: &Delivery, look_at: Option<Timestamp>) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(new.id.as_uuid())
                .bind(new.bot_id.as_uuid())
                .bind(new.chat_id.as_uuid())
                .bind(new.user_id.map(UserId::as_uuid))
                .bind(new.update_id)
                .bind(new.topic_id)
                .bind(new.reply_to);
            let insert = insert
                .bind(rank(new.priority))
                .bind(new.language.as_str())
                .bind(new.state.as_str())
                .bind(new.content.as_ref().map(to_json))
                .bind(to_json(&new.kbs))
                .bind(new.question.as_deref().map(|text| displayable(text, usize::MAX)));
            let insert = insert
                .bind(new.task_id.map(TaskId::as_uuid))
                .bind(new.file_name.as_deref().map(|text| displayable(text, usize::MAX)))
                .bind(to_json(&new.parts))
                .bind(new.due_at.map(At))
                .bind(i64::from(new.attempts))
                .bind(&new.error);
            let insert = insert
                .bind(&new.trace_id)
                .bind(At(new.created_at))
                .bind(At(new.updated_at))
                .bind(look_at.map(At));
            insert.execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// Hands out what is due: answers first, the oldest of each chat. Leaves out what the process says that it is working
    /// on. The caller has made sure that the process holds the bot.
    pub async fn hand_out(
        &mut self,
        bot: BotId,
        holder: ProcessId,
        working_on: &[DeliveryId],
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<(Delivery, Chat)>, StorageError> {
        let mut handed = Vec::new();
        for priority in [Priority::Answer, Priority::Notice] {
            let wanted = most.saturating_sub(handed.len());
            if wanted == 0 {
                break;
            }
            let due: Vec<(Uuid, Option<Uuid>)> = on!(self.0, |c| {
                let select = sqlx::query_as(DUE).bind(bot.as_uuid()).bind(rank(priority));
                let select = select.bind(At(now)).bind(limit(wanted + working_on.len()));
                select.fetch_all(c).await?
            });
            let free = due.into_iter().filter(|(id, handed_to)| {
                *handed_to != Some(holder.as_uuid()) || !working_on.contains(&DeliveryId::from_uuid(*id))
            });
            for (id, _) in free.take(wanted) {
                let lease = LeaseToken::new(now);
                let found: Option<(Row, ChatRow)> = on!(self.0, |c| {
                    let update = sqlx::query_as(HAND_OUT).bind(id).bind(holder.as_uuid());
                    let row: Option<Row> = update.bind(lease.as_uuid()).fetch_optional(&mut *c).await?;
                    match row {
                        None => None,
                        Some(row) => {
                            let chat = sqlx::query_as(CHAT_OF)
                                .bind(row.chat_id)
                                .fetch_one(&mut *c)
                                .await?;
                            Some((row, chat))
                        }
                    }
                });
                if let Some((row, chat)) = found {
                    handed.push((delivery(row)?, chat.try_into()?));
                }
            }
        }
        Ok(handed)
    }

    /// The delivery, if this hand-out still counts; nobody else changes it before this transaction ends.
    pub async fn hold(
        &mut self,
        id: DeliveryId,
        lease: LeaseToken,
    ) -> Result<Option<HandedOut>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(HOLD)
            .bind(id.as_uuid())
            .bind(lease.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// The delivery, which nobody else changes before this transaction ends.
    pub async fn lock(&mut self, id: DeliveryId) -> Result<Option<Delivery>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(LOCK)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(delivery).transpose()
    }

    /// Writes what became of a delivery that is held.
    pub async fn settle(
        &mut self,
        id: DeliveryId,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let error = settled
            .error
            .as_deref()
            .map(|error| displayable(error, MAX_ERROR_BYTES));
        on!(self.0, |c| {
            let update = sqlx::query(SETTLE)
                .bind(id.as_uuid())
                .bind(settled.state.as_str())
                .bind(to_json(&settled.parts))
                .bind(settled.due_at.map(At));
            let update = update
                .bind(i64::from(settled.attempts))
                .bind(&error)
                .bind(At(now));
            update
                .bind(i64::from(settled.keeps))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// Gives the delivery its content, or another one; it is due now. `false`: it is not wanted any more.
    pub async fn write(
        &mut self,
        id: DeliveryId,
        content: &Content,
        kbs: &[KbId],
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let is_fetch = matches!(content, Content::FetchFile { .. });
        let written = on!(self.0, |c| {
            let update = sqlx::query(WRITE).bind(id.as_uuid()).bind(to_json(content));
            let update = update.bind(to_json(kbs)).bind(At(now));
            update.bind(i64::from(is_fetch)).execute(c).await?.rows_affected()
        });
        Ok(written == 1)
    }

    /// The text so far of a delivery that is being written, and the knowledge bases that it is written from.
    pub async fn set_preview(
        &mut self,
        id: DeliveryId,
        text: &str,
        kbs: &[KbId],
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let text = displayable(text, usize::MAX);
        let set = on!(self.0, |c| sqlx::query(SET_PREVIEW)
            .bind(id.as_uuid())
            .bind(&text)
            .bind(to_json(kbs))
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(set == 1)
    }

    /// Makes the delivery the card of a task.
    pub async fn watch(
        &mut self,
        id: DeliveryId,
        task: TaskId,
        file_name: &str,
        look_at: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(WATCH)
            .bind(id.as_uuid())
            .bind(task.as_uuid())
            .bind(displayable(file_name, usize::MAX))
            .bind(At(look_at))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// When the task of a card is looked at again; `None`: never.
    pub async fn look_again(
        &mut self,
        id: DeliveryId,
        look_at: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(LOOK_AGAIN)
            .bind(id.as_uuid())
            .bind(look_at.map(At))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Forgets those of them on which still nothing is to be done and nothing has changed since `before`. How many.
    pub async fn forget(&mut self, old: &[DeliveryId], before: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| {
            let mut forgotten = 0;
            for id in old {
                let delete = sqlx::query(DELETE_OLD).bind(id.as_uuid()).bind(At(before));
                forgotten += delete.execute(&mut *c).await?.rows_affected();
            }
            forgotten
        }))
    }

    /// Nothing of what waits will be sent to the chat.
    pub async fn drop_of_chat(&mut self, chat: ChatId, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DROP_OF_CHAT)
            .bind(chat.as_uuid())
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// What waits in a chat goes out in the one that has taken its place, from its beginning.
    pub async fn move_to(&mut self, from: ChatId, to: ChatId, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(MOVE)
            .bind(from.as_uuid())
            .bind(to.as_uuid())
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }
}
