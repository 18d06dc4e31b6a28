//! Webhooks: addresses that are told of events, and programs that tell us of a knowledge base.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::patch::present;

/// What webhooks can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum WebhookEvent {
    /// A task of a knowledge base has succeeded, failed or was cancelled.
    #[serde(rename = "task.ended")]
    TaskEnded,
    /// The revision of a knowledge base was raised; changes within seconds of each other are told as one.
    #[serde(rename = "knowledge_base.changed")]
    KnowledgeBaseChanged,
    /// The knowledge bases that were asked hold nothing on a question.
    #[serde(rename = "question.refused")]
    QuestionRefused,
    /// A person has rated an answer.
    #[serde(rename = "feedback.given")]
    FeedbackGiven,
}

/// An address that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    pub id: Uuid,
    pub url: String,
    pub events: Vec<WebhookEvent>,
    /// Ids of the only knowledge bases whose events are told; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_bases: Option<Vec<Uuid>>,
    pub enabled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// https, and http where the configuration allows it. Addresses of private networks are refused unless it names them.
    #[schema(example = "https://n8n.example.org/webhook/nexus", max_length = 2048)]
    pub url: String,
    #[schema(min_items = 1)]
    pub events: Vec<WebhookEvent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_bases: Option<Vec<Uuid>>,
    #[serde(default = "yes")]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

/// Fields that are absent stay as they are; `null` removes what can be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateWebhook {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1)]
    pub events: Option<Vec<WebhookEvent>>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Vec<Uuid>>)]
    pub knowledge_bases: Option<Option<Vec<Uuid>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// The only response that shows what deliveries are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedWebhook {
    pub secret: String,
    pub webhook: Webhook,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookDeliveryState {
    Pending,
    Delivered,
    /// Given up after the last attempt.
    Dead,
}

/// The telling of one event to one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// `X-Nexus-Delivery`, the same at each attempt.
    pub id: Uuid,
    pub event: WebhookEvent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_base_id: Option<Uuid>,
    pub state: WebhookDeliveryState,
    /// Attempts that have begun.
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// HTTP status of the last attempt that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A program that may tell us of a knowledge base, as far as whoever has made it may still feed that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncomingWebhook {
    /// What `X-Nexus-Webhook` carries.
    pub id: Uuid,
    pub knowledge_base_id: Uuid,
    pub name: String,
    pub created_at: DateTime<Utc>,
    /// When it has told us something last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIncomingWebhook {
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
}

/// The only response that shows the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedIncomingWebhook {
    /// Path on this server.
    #[schema(example = "/api/v1/webhooks/n8n")]
    pub path: String,
    pub secret: String,
    pub webhook: IncomingWebhook,
}

/// What n8n, or another program, tells of the knowledge base that its webhook belongs to. Sources go by their names or ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum WebhookAction {
    /// Remembered answers count no more; nothing is fetched. Says of what: the knowledge base, a source, a document, or the
    /// documents whose paths begin so.
    Invalidate {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<Uuid>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path_prefix: Option<String>,
    },
    /// A source is fetched again.
    Resync { source: String },
    /// A document of a source of files (`files` where absent) says this from now on: `content`, or bytes in `content_base64`.
    Upsert {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_base64: Option<String>,
    },
    /// A document goes: by its path in a source of files (`files` where absent), or by its id.
    Delete {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<Uuid>,
    },
}

/// What came of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookHeard {
    pub knowledge_base_id: Uuid,
    /// A delivery of this id has come before: nothing was done.
    pub repeated: bool,
    /// The knowledge base's revision, where this has raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The task that does the work, where there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Uuid>,
    /// How many documents there are of what was invalidated, where that is not the whole knowledge base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}
