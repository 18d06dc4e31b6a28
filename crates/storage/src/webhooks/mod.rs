//! Webhooks. This file keeps the addresses that are told of events; [`deliveries`] is what they are told, [`incoming`]
//! who may tell us.

mod deliveries;
mod incoming;

pub use deliveries::{ClaimedDelivery, WebhookDeliveries, WebhookOutcome};
pub(crate) use deliveries::{due_webhook_delivery, webhook_delivery_columns};
pub use incoming::{IncomingWebhooks, Received};

use nexus_domain::{KbId, Webhook, WebhookEvent, WebhookId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::{DELETE_WEBHOOK_DELIVERIES, LOCK_SEALED_WEBHOOKS};
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, from_json, limit, to_json, word};

macro_rules! columns {
    () => {
        "id, url, events, kbs, enabled, created_at, updated_at"
    };
}

statements! {
    GET = concat!("SELECT ", columns!(), " FROM webhooks WHERE id = $1");
    LIST = concat!("SELECT ", columns!(), " FROM webhooks WHERE id < $1 ORDER BY id DESC LIMIT $2");
    ENABLED = concat!("SELECT ", columns!(), " FROM webhooks WHERE enabled ORDER BY id");
    COUNT = "SELECT COUNT(*) FROM webhooks";
    SECRET = "SELECT secret FROM webhooks WHERE id = $1";
    INSERT = "INSERT INTO webhooks (id, url, events, kbs, enabled, secret, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    UPDATE = "UPDATE webhooks SET url = $2, events = $3, kbs = $4, enabled = $5, updated_at = $6 WHERE id = $1";
    LOCK = concat!("UPDATE webhooks SET url = url WHERE id = $1 RETURNING ", columns!());
    RESEAL = "UPDATE webhooks SET secret = $2 WHERE id = $1";
    DELETE = "DELETE FROM webhooks WHERE id = $1";
}

#[cfg(feature = "testing")]
pub(crate) const ALL_STATEMENTS: [&[&str]; 3] = [STATEMENTS, deliveries::STATEMENTS, incoming::STATEMENTS];

#[derive(FromRow)]
struct Row {
    id: Uuid,
    url: String,
    events: String,
    kbs: Option<String>,
    enabled: bool,
    created_at: At,
    updated_at: At,
}

impl TryFrom<Row> for Webhook {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let events: Vec<String> = from_json(&row.events, "events of a webhook")?;
        let kbs = row.kbs.as_deref();
        Ok(Self {
            id: WebhookId::from_uuid(row.id),
            url: row.url,
            events: events
                .iter()
                .map(|event| word::<WebhookEvent>(event))
                .collect::<Result<_, _>>()?,
            kbs: kbs
                .map(|kbs| from_json::<Vec<KbId>>(kbs, "knowledge bases of a webhook"))
                .transpose()?,
            enabled: row.enabled,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

fn events_json(events: &[WebhookEvent]) -> String {
    to_json(&events.iter().map(|event| event.as_str()).collect::<Vec<_>>())
}

#[derive(Debug)]
pub struct Webhooks<C>(pub(crate) C);

impl<C: Connect> Webhooks<C> {
    pub async fn get(&mut self, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Newest first, before the webhook `before`.
    pub async fn list(
        &mut self,
        before: Option<WebhookId>,
        rows: usize,
    ) -> Result<Vec<Webhook>, StorageError> {
        let before = before.map_or(Uuid::max(), WebhookId::as_uuid);
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(before)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// All that are to be told of events.
    pub async fn enabled(&mut self) -> Result<Vec<Webhook>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(ENABLED).fetch_all(c).await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    pub async fn count(&mut self) -> Result<u64, StorageError> {
        let count: i64 = on!(self.0, |c| sqlx::query_scalar(COUNT).fetch_one(c).await?);
        Ok(count.unsigned_abs())
    }

    /// What its deliveries are signed with, sealed.
    pub async fn sealed_secret(&mut self, id: WebhookId) -> Result<Option<String>, StorageError> {
        Ok(on!(self.0, |c| sqlx::query_scalar(SECRET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?))
    }
}

impl Webhooks<&mut Tx> {
    pub async fn insert(&mut self, webhook: &Webhook, sealed: &str) -> Result<(), StorageError> {
        check_text(&webhook.url, "the address of a webhook")?;
        check_text(sealed, "the sealed secret")?;
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT).bind(webhook.id.as_uuid()).bind(&webhook.url);
            let insert = insert
                .bind(events_json(&webhook.events))
                .bind(webhook.kbs.as_ref().map(to_json));
            let insert = insert.bind(webhook.enabled).bind(sealed);
            insert
                .bind(At(webhook.created_at))
                .bind(At(webhook.updated_at))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// The webhook as it is, held until the transaction ends: who changes a part of it knows the rest.
    pub async fn lock(&mut self, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(LOCK)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Writes what may change of it; `false` if there is none.
    pub async fn update(&mut self, webhook: &Webhook) -> Result<bool, StorageError> {
        check_text(&webhook.url, "the address of a webhook")?;
        let updated = on!(self.0, |c| {
            let update = sqlx::query(UPDATE).bind(webhook.id.as_uuid()).bind(&webhook.url);
            let update = update
                .bind(events_json(&webhook.events))
                .bind(webhook.kbs.as_ref().map(to_json));
            let update = update.bind(webhook.enabled).bind(At(webhook.updated_at));
            update.execute(c).await?.rows_affected()
        });
        Ok(updated == 1)
    }

    /// Deletes it with all that it was told; `false` if there was none. What somebody writes at this moment is told to nobody any
    /// more and swept.
    pub async fn delete(&mut self, id: WebhookId) -> Result<bool, StorageError> {
        let delete_deliveries = DELETE_WEBHOOK_DELIVERIES.on(self.0.kind());
        let deleted = on!(self.0, |c| {
            sqlx::query(delete_deliveries)
                .bind(id.as_uuid())
                .execute(&mut *c)
                .await?;
            sqlx::query(DELETE)
                .bind(id.as_uuid())
                .execute(&mut *c)
                .await?
                .rows_affected()
        });
        Ok(deleted == 1)
    }

    /// All secrets, sealed. Nobody else changes them until this transaction ends.
    pub async fn sealed_values(&mut self) -> Result<Vec<(WebhookId, String)>, StorageError> {
        let lock = LOCK_SEALED_WEBHOOKS.on(self.0.kind());
        let rows: Vec<(Uuid, String)> = on!(self.0, |c| sqlx::query_as(lock).fetch_all(c).await?);
        Ok(rows
            .into_iter()
            .map(|(id, sealed)| (WebhookId::from_uuid(id), sealed))
            .collect())
    }

    /// The same secret under another key.
    pub async fn reseal(&mut self, id: WebhookId, sealed: &str) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(RESEAL)
            .bind(id.as_uuid())
            .bind(sealed)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }
}
