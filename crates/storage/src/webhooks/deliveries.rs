//! The outbox of webhooks: a row per event and webhook that wants to hear of it, written in the event's transaction.

use std::time::Duration;

use nexus_domain::webhook::{KnowledgeBaseChanged, MAX_WAITING_DELIVERIES, TaskEnded};
use nexus_domain::{
    EventData, KbId, LeaseToken, Task, TaskState, Timestamp, WebhookDelivery, WebhookDeliveryId,
    WebhookDeliveryState, WebhookEvent, WebhookId,
};
use sqlx::FromRow;
use sqlx::types::Uuid;

use super::Webhooks;
use crate::db::Tx;
use crate::dialect::{
    CLAIM_WEBHOOK_DELIVERY, DELETE_ORPHANED_WEBHOOK_DELIVERIES, DELETE_SETTLED_WEBHOOK_DELIVERIES,
    GIVE_UP_WEBHOOK_DELIVERIES,
};
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, displayable, int, limit, number, to_json, word};

/// How long a change of a knowledge base is kept back: an ingestion raises its revision many times, and is one change.
const CHANGE_SETTLES: Duration = Duration::from_secs(2);
/// Longest reason that is kept, in bytes.
const MAX_ERROR_BYTES: usize = 500;

/// Why what waited for a webhook that was turned off is given up.
const TURNED_OFF: &str = "the webhook was turned off";

/// What is due by `$1`, of webhooks that are turned on and that nothing is told at the moment.
macro_rules! due_webhook_delivery {
    () => {
        "FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id AND w.enabled
         WHERE d.due_at <= $1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries other
             WHERE other.webhook_id = d.webhook_id AND other.lease IS NOT NULL AND other.due_at > $1)"
    };
}
pub(crate) use due_webhook_delivery;

macro_rules! webhook_delivery_columns {
    () => {
        "id, webhook_id, event, kb_id, state, attempts, due_at, last_status, last_error, created_at, updated_at"
    };
}
pub(crate) use webhook_delivery_columns;

statements! {
    GET = concat!("SELECT ", webhook_delivery_columns!(), " FROM webhook_deliveries WHERE id = $1");
    LIST = concat!("SELECT ", webhook_delivery_columns!(), " FROM webhook_deliveries
        WHERE webhook_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
    ANY_DUE = concat!("SELECT COUNT(*) FROM (SELECT 1 ", due_webhook_delivery!(), " LIMIT 1) due");
    DATA = "SELECT data FROM webhook_deliveries WHERE id = $1";
    WAITING = "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries
        WHERE webhook_id = $1 AND due_at IS NOT NULL LIMIT $2) waiting";
    INSERT = "INSERT INTO webhook_deliveries (id, webhook_id, event, kb_id, data, state, attempts, due_at, last_error,
            created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $9)";
    // What nobody has begun to tell says the newest.
    COALESCE = "UPDATE webhook_deliveries SET data = $4, updated_at = $5
        WHERE webhook_id = $1 AND kb_id = $2 AND event = $3 AND due_at IS NOT NULL AND attempts = 0
            AND last_status IS NULL AND last_error IS NULL";
    SETTLE = "UPDATE webhook_deliveries SET state = $3, due_at = $4, last_status = $5, last_error = $6, updated_at = $7,
            data = CASE WHEN $3 = 'delivered' THEN NULL ELSE data END, lease = NULL
        WHERE id = $1 AND lease = $2";
    RETRY = concat!("UPDATE webhook_deliveries SET state = 'pending', attempts = 0, due_at = $3, updated_at = $3
        WHERE id = $1 AND webhook_id = $2 AND state = 'dead' RETURNING ", webhook_delivery_columns!());
    EXPIRE_LEASES = "UPDATE webhook_deliveries SET due_at = $1 WHERE lease IS NOT NULL AND due_at > $1";
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    webhook_id: Uuid,
    event: String,
    kb_id: Option<Uuid>,
    state: String,
    attempts: i64,
    due_at: Option<At>,
    last_status: Option<i64>,
    last_error: Option<String>,
    created_at: At,
    updated_at: At,
}

impl TryFrom<Row> for WebhookDelivery {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let status = row.last_status;
        Ok(Self {
            id: WebhookDeliveryId::from_uuid(row.id),
            webhook_id: WebhookId::from_uuid(row.webhook_id),
            event: word(&row.event)?,
            kb_id: row.kb_id.map(KbId::from_uuid),
            state: word(&row.state)?,
            attempts: number(row.attempts, "attempts of a delivery")?,
            due_at: row.due_at.map(|at| at.0),
            last_status: status
                .map(|status| number(status, "an HTTP status"))
                .transpose()?,
            last_error: row.last_error,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// A delivery that somebody works on, and its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    pub delivery: WebhookDelivery,
    pub lease: LeaseToken,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookOutcome {
    pub state: WebhookDeliveryState,
    /// When it is tried again; `None` for a settled one.
    pub due_at: Option<Timestamp>,
    pub status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Debug)]
pub struct WebhookDeliveries<C>(pub(crate) C);

impl<C: Connect> WebhookDeliveries<C> {
    pub async fn get(&mut self, id: WebhookDeliveryId) -> Result<Option<WebhookDelivery>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// What a webhook is told or was, newest first, before the delivery `before`.
    pub async fn list(
        &mut self,
        webhook: WebhookId,
        before: Option<WebhookDeliveryId>,
        rows: usize,
    ) -> Result<Vec<WebhookDelivery>, StorageError> {
        let before = before.map_or(Uuid::max(), WebhookDeliveryId::as_uuid);
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(webhook.as_uuid())
            .bind(before)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Whether there is something to claim.
    pub async fn any_due(&mut self, now: Timestamp) -> Result<bool, StorageError> {
        let due: i64 = on!(self.0, |c| sqlx::query_scalar(ANY_DUE)
            .bind(At(now))
            .fetch_one(c)
            .await?);
        Ok(due > 0)
    }

    /// What happened, as JSON; `None` once it was delivered.
    pub async fn data(&mut self, id: WebhookDeliveryId) -> Result<Option<String>, StorageError> {
        let data: Option<Option<String>> = on!(self.0, |c| sqlx::query_scalar(DATA)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        Ok(data.flatten())
    }
}

impl WebhookDeliveries<&mut Tx> {
    /// Whether anybody wants to hear of such events.
    pub(crate) async fn is_wanted(&mut self, event: WebhookEvent) -> Result<bool, StorageError> {
        let enabled = Webhooks(&mut *self.0).enabled().await?;
        Ok(enabled.iter().any(|webhook| webhook.events.contains(&event)))
    }

    /// Writes down what every webhook that wants to hear of it is told. Belongs into the transaction in which it happens.
    pub async fn publish(&mut self, data: &EventData, now: Timestamp) -> Result<(), StorageError> {
        let (event, kbs) = (data.event(), data.kbs());
        for webhook in Webhooks(&mut *self.0).enabled().await? {
            if webhook.wants(event, kbs) {
                self.tell(webhook.id, data, now).await?;
            }
        }
        Ok(())
    }

    async fn tell(
        &mut self,
        webhook: WebhookId,
        data: &EventData,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let (event, json) = (data.event(), to_json(data));
        let kb = match data.kbs() {
            [kb] => Some(kb.as_uuid()),
            _ => None,
        };
        let is_change = event == WebhookEvent::KnowledgeBaseChanged;
        if is_change && self.coalesced(webhook, kb, &json, now).await? {
            return Ok(());
        }
        let waiting: i64 = on!(self.0, |c| sqlx::query_scalar(WAITING)
            .bind(webhook.as_uuid())
            .bind(int(MAX_WAITING_DELIVERIES))
            .fetch_one(c)
            .await?);
        let is_full = waiting.unsigned_abs() >= MAX_WAITING_DELIVERIES;
        let (state, due_at, error) = if is_full {
            let why = format!("{MAX_WAITING_DELIVERIES} deliveries to this webhook waited already");
            (WebhookDeliveryState::Dead, None, Some(why))
        } else {
            let settles = if is_change { CHANGE_SETTLES } else { Duration::ZERO };
            (WebhookDeliveryState::Pending, Some(now.plus(settles)), None)
        };
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(WebhookDeliveryId::new(now).as_uuid())
                .bind(webhook.as_uuid())
                .bind(event.as_str());
            let insert = insert.bind(kb).bind(json).bind(state.as_str());
            let insert = insert.bind(due_at.map(At)).bind(error).bind(At(now));
            insert.execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// Whether a change that is still to be told now tells of this one as well.
    async fn coalesced(
        &mut self,
        webhook: WebhookId,
        kb: Option<Uuid>,
        json: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let told = on!(self.0, |c| {
            let update = sqlx::query(COALESCE).bind(webhook.as_uuid()).bind(kb);
            let update = update
                .bind(WebhookEvent::KnowledgeBaseChanged.as_str())
                .bind(json)
                .bind(At(now));
            update.execute(c).await?.rows_affected()
        });
        Ok(told > 0)
    }

    /// Tells of the end of a task, if it has ended and is one of a knowledge base.
    pub(crate) async fn publish_end(&mut self, task: &Task, now: Timestamp) -> Result<(), StorageError> {
        let has_ended = matches!(
            task.state,
            TaskState::Succeeded | TaskState::Failed | TaskState::Cancelled
        );
        let Some(kb) = task.kb_id.filter(|_| has_ended) else {
            return Ok(());
        };
        let ended = TaskEnded {
            task_id: task.id,
            kind: task.payload.kind(),
            state: task.state,
            knowledge_base_id: kb,
            source_id: task.payload.source(),
            counts: task.progress.counts,
            error: task.error.clone(),
        };
        self.publish(&EventData::TaskEnded(ended), now).await
    }

    pub(crate) async fn publish_change(
        &mut self,
        kb: KbId,
        revision: i64,
        deleted: bool,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let changed = KnowledgeBaseChanged {
            knowledge_base_id: kb,
            revision,
            deleted,
        };
        self.publish(&EventData::KnowledgeBaseChanged(changed), now).await
    }

    /// The delivery that is due longest, unless its webhook is turned off or is being told something: one attempt at a time
    /// per webhook, so that one that is slow keeps nobody else waiting. Nobody else gets it before `lease` is over.
    pub async fn claim(
        &mut self,
        now: Timestamp,
        lease: Duration,
        token: LeaseToken,
    ) -> Result<Option<ClaimedDelivery>, StorageError> {
        let claim = CLAIM_WEBHOOK_DELIVERY.on(self.0.kind());
        let row: Option<Row> = on!(self.0, |c| {
            let claim = sqlx::query_as(claim).bind(At(now)).bind(token.as_uuid());
            claim.bind(At(now.plus(lease))).fetch_optional(c).await?
        });
        row.map(|row| {
            Ok(ClaimedDelivery {
                delivery: row.try_into()?,
                lease: token,
            })
        })
        .transpose()
    }

    /// Notes how an attempt ended; `false` if its lease was over and another one counts.
    pub async fn settle(
        &mut self,
        claimed: &ClaimedDelivery,
        outcome: &WebhookOutcome,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let error = outcome.error.as_deref();
        let settled = on!(self.0, |c| {
            let update = sqlx::query(SETTLE)
                .bind(claimed.delivery.id.as_uuid())
                .bind(claimed.lease.as_uuid())
                .bind(outcome.state.as_str());
            let update = update
                .bind(outcome.due_at.map(At))
                .bind(outcome.status.map(i64::from));
            let update = update.bind(error.map(|error| displayable(error, MAX_ERROR_BYTES)));
            update.bind(At(now)).execute(c).await?.rows_affected()
        });
        Ok(settled == 1)
    }

    /// Ends all leases, for a process that knows that it is alone: what its predecessor was telling is told again at once.
    pub async fn expire_leases(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(EXPIRE_LEASES)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Sends a dead letter again, from its first attempt on; `None` if it is none.
    pub async fn retry(
        &mut self,
        webhook: WebhookId,
        id: WebhookDeliveryId,
        now: Timestamp,
    ) -> Result<Option<WebhookDelivery>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(RETRY)
            .bind(id.as_uuid())
            .bind(webhook.as_uuid())
            .bind(At(now))
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Gives up to `rows` deliveries up that wait for a webhook which is turned off, if nothing has happened to them or to it since
    /// `before`; how many. They are dead letters like others.
    pub async fn give_up_turned_off(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        rows: usize,
    ) -> Result<u64, StorageError> {
        let give_up = GIVE_UP_WEBHOOK_DELIVERIES.on(self.0.kind());
        Ok(on!(self.0, |c| {
            let update = sqlx::query(give_up).bind(At(before)).bind(TURNED_OFF);
            let update = update.bind(At(now)).bind(limit(rows));
            update.execute(c).await?.rows_affected()
        }))
    }

    /// Forgets up to `rows` deliveries of this state that nothing has happened to since `before`; how many.
    pub async fn delete_settled(
        &mut self,
        state: WebhookDeliveryState,
        before: Timestamp,
        rows: usize,
    ) -> Result<u64, StorageError> {
        let delete = DELETE_SETTLED_WEBHOOK_DELIVERIES.on(self.0.kind());
        Ok(on!(self.0, |c| {
            let delete = sqlx::query(delete).bind(state.as_str());
            let delete = delete.bind(At(before)).bind(limit(rows));
            delete.execute(c).await?.rows_affected()
        }))
    }

    /// Removes deliveries to webhooks that were deleted while they were written, or held by somebody.
    pub async fn delete_orphans(&mut self) -> Result<u64, StorageError> {
        let delete = DELETE_ORPHANED_WEBHOOK_DELIVERIES.on(self.0.kind());
        Ok(on!(self.0, |c| sqlx::query(delete)
            .execute(c)
            .await?
            .rows_affected()))
    }
}
