//! Incoming webhooks: who may tell us of a knowledge base, and what they have told, each delivery once.

use nexus_domain::{
    ApiKeyId, IncomingWebhook, IncomingWebhookId, KbId, Maker, SourceId, TaskId, Timestamp, UserId,
};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::LOCK_SEALED_INCOMING_WEBHOOKS;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, limit};

macro_rules! columns {
    () => {
        "i.id, i.kb_id, i.name, i.user_id, i.api_key_id, i.created_at, i.used_at"
    };
}

statements! {
    // Of a deleted knowledge base nobody tells us anything any more.
    GET = concat!("SELECT ", columns!(), " FROM incoming_webhooks i
        JOIN knowledge_bases k ON k.id = i.kb_id AND k.deleted_at IS NULL WHERE i.id = $1");
    LIST = concat!("SELECT ", columns!(), " FROM incoming_webhooks i
        WHERE i.kb_id = $1 AND i.id < $2 ORDER BY i.id DESC LIMIT $3");
    COUNT = "SELECT COUNT(*) FROM incoming_webhooks WHERE kb_id = $1";
    SECRET = "SELECT i.secret FROM incoming_webhooks i
        JOIN knowledge_bases k ON k.id = i.kb_id AND k.deleted_at IS NULL WHERE i.id = $1";
    INSERT = "INSERT INTO incoming_webhooks (id, kb_id, name, secret, user_id, api_key_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    USED = "UPDATE incoming_webhooks SET used_at = $2 WHERE id = $1";
    RESEAL = "UPDATE incoming_webhooks SET secret = $2 WHERE id = $1";
    DELETE = "DELETE FROM incoming_webhooks WHERE id = $1 AND kb_id = $2";
    RECEIVED = "SELECT source_id, task_id FROM incoming_deliveries WHERE webhook_id = $1 AND delivery_id = $2";
    RECEIVE = "INSERT INTO incoming_deliveries (webhook_id, delivery_id, received_at) VALUES ($1, $2, $3)
        ON CONFLICT (webhook_id, delivery_id) DO NOTHING";
    NOTE = "UPDATE incoming_deliveries SET source_id = $3, task_id = $4 WHERE webhook_id = $1 AND delivery_id = $2";
    DELETE_OLDER = "DELETE FROM incoming_deliveries WHERE received_at < $1";
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    kb_id: Uuid,
    name: String,
    user_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    created_at: At,
    used_at: Option<At>,
}

impl TryFrom<Row> for IncomingWebhook {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let maker = match (row.user_id, row.api_key_id) {
            (Some(user), None) => Maker::Person(UserId::from_uuid(user)),
            (None, Some(key)) => Maker::ApiKey(ApiKeyId::from_uuid(key)),
            _ => return Err(StorageError::corrupt("an incoming webhook without one maker")),
        };
        Ok(Self {
            id: IncomingWebhookId::from_uuid(row.id),
            kb_id: KbId::from_uuid(row.kb_id),
            name: row.name,
            maker,
            created_at: row.created_at.0,
            used_at: row.used_at.map(|at| at.0),
        })
    }
}

/// What an earlier delivery of the same id has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub source: Option<SourceId>,
    pub task: Option<TaskId>,
}

#[derive(Debug)]
pub struct IncomingWebhooks<C>(pub(crate) C);

impl<C: Connect> IncomingWebhooks<C> {
    /// `None` also where its knowledge base was deleted.
    pub async fn get(&mut self, id: IncomingWebhookId) -> Result<Option<IncomingWebhook>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Those of a knowledge base, newest first, before the webhook `before`.
    pub async fn list(
        &mut self,
        kb: KbId,
        before: Option<IncomingWebhookId>,
        rows: usize,
    ) -> Result<Vec<IncomingWebhook>, StorageError> {
        let before = before.map_or(Uuid::max(), IncomingWebhookId::as_uuid);
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(kb.as_uuid())
            .bind(before)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    pub async fn count(&mut self, kb: KbId) -> Result<u64, StorageError> {
        let count: i64 = on!(self.0, |c| sqlx::query_scalar(COUNT)
            .bind(kb.as_uuid())
            .fetch_one(c)
            .await?);
        Ok(count.unsigned_abs())
    }

    /// What deliveries are signed with, sealed; `None` also where its knowledge base was deleted.
    pub async fn sealed_secret(&mut self, id: IncomingWebhookId) -> Result<Option<String>, StorageError> {
        Ok(on!(self.0, |c| sqlx::query_scalar(SECRET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?))
    }

    /// What the delivery has started, if it has come before.
    pub async fn received(
        &mut self,
        id: IncomingWebhookId,
        delivery: &str,
    ) -> Result<Option<Received>, StorageError> {
        let row: Option<(Option<Uuid>, Option<Uuid>)> = on!(self.0, |c| sqlx::query_as(RECEIVED)
            .bind(id.as_uuid())
            .bind(delivery)
            .fetch_optional(c)
            .await?);
        Ok(row.map(|(source, task)| Received {
            source: source.map(SourceId::from_uuid),
            task: task.map(TaskId::from_uuid),
        }))
    }
}

impl IncomingWebhooks<&mut Tx> {
    pub async fn insert(&mut self, webhook: &IncomingWebhook, sealed: &str) -> Result<(), StorageError> {
        check_text(&webhook.name, "the name of a webhook")?;
        check_text(sealed, "the sealed secret")?;
        let (user, key) = match webhook.maker {
            Maker::Person(user) => (Some(user.as_uuid()), None),
            Maker::ApiKey(key) => (None, Some(key.as_uuid())),
        };
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(webhook.id.as_uuid())
                .bind(webhook.kb_id.as_uuid());
            let insert = insert.bind(&webhook.name).bind(sealed).bind(user).bind(key);
            insert
                .bind(At(webhook.created_at))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// Notes a delivery; `false` if one of this id was noted before. Of two that come at once, the second one waits here until
    /// the first one's transaction has ended.
    pub async fn receive(
        &mut self,
        id: IncomingWebhookId,
        delivery: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        check_text(delivery, "the id of a delivery")?;
        let first = on!(self.0, |c| {
            let insert = sqlx::query(RECEIVE).bind(id.as_uuid()).bind(delivery);
            let first = insert.bind(At(now)).execute(&mut *c).await?.rows_affected();
            if first == 1 {
                let used = sqlx::query(USED).bind(id.as_uuid()).bind(At(now));
                used.execute(&mut *c).await?;
            }
            first
        });
        Ok(first == 1)
    }

    /// Notes what a delivery has started.
    pub async fn note(
        &mut self,
        id: IncomingWebhookId,
        delivery: &str,
        started: Received,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let update = sqlx::query(NOTE).bind(id.as_uuid()).bind(delivery);
            let update = update
                .bind(started.source.map(SourceId::as_uuid))
                .bind(started.task.map(TaskId::as_uuid));
            update.execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// `false` if the knowledge base has none of this id.
    pub async fn delete(&mut self, kb: KbId, id: IncomingWebhookId) -> Result<bool, StorageError> {
        let deleted = on!(self.0, |c| sqlx::query(DELETE)
            .bind(id.as_uuid())
            .bind(kb.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(deleted == 1)
    }

    /// All secrets, sealed. Nobody else changes them until this transaction ends.
    pub async fn sealed_values(&mut self) -> Result<Vec<(IncomingWebhookId, String)>, StorageError> {
        let lock = LOCK_SEALED_INCOMING_WEBHOOKS.on(self.0.kind());
        let rows: Vec<(Uuid, String)> = on!(self.0, |c| sqlx::query_as(lock).fetch_all(c).await?);
        Ok(rows
            .into_iter()
            .map(|(id, sealed)| (IncomingWebhookId::from_uuid(id), sealed))
            .collect())
    }

    /// The same secret under another key.
    pub async fn reseal(&mut self, id: IncomingWebhookId, sealed: &str) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(RESEAL)
            .bind(id.as_uuid())
            .bind(sealed)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Forgets deliveries that came before; how many.
    pub async fn delete_received_before(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_OLDER)
            .bind(At(before))
            .execute(c)
            .await?
            .rows_affected()))
    }
}
