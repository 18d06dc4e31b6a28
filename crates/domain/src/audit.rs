//! The audit log: who changed what, when, from where.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access::{CallerKind, words};
use crate::id::{AuditId, BotId, KbId};
use crate::time::Timestamp;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    SignIn,
    SignOut,
    UserCreate,
    UserUpdate,
    BotCreate,
    BotUpdate,
    BotEnable,
    BotDisable,
    BotDelete,
    BotSecretSet,
    BotSecretRemove,
    TokenCreate,
    TokenRevoke,
    ApiKeyCreate,
    ApiKeyUpdate,
    ApiKeyRevoke,
    SubscriptionCreate,
    SubscriptionUpdate,
    KbCreate,
    KbUpdate,
    KbDelete,
    KbExport,
    KbImport,
    MemberSet,
    MemberRemove,
    KbBotAdd,
    KbBotRemove,
    DocumentDelete,
    SourceUpdate,
    SourceDelete,
    SourceSecretSet,
    SourceSecretRemove,
    IngestionStart,
    TaskCancel,
    TaskPause,
    TaskResume,
    TaskRetry,
    GenerationActivate,
    GenerationEmpty,
    MessageSend,
    NotificationSend,
    DeliveryRetry,
    KbInvalidate,
    WebhookCreate,
    WebhookUpdate,
    WebhookDelete,
    WebhookRetry,
    IncomingWebhookCreate,
    IncomingWebhookDelete,
}
words!(Action, "action":
    SignIn = "session.sign_in", SignOut = "session.sign_out",
    UserCreate = "user.create", UserUpdate = "user.update",
    BotCreate = "bot.create", BotUpdate = "bot.update", BotEnable = "bot.enable", BotDisable = "bot.disable",
    BotDelete = "bot.delete", BotSecretSet = "bot.secret_set", BotSecretRemove = "bot.secret_remove",
    TokenCreate = "token.create", TokenRevoke = "token.revoke",
    ApiKeyCreate = "api_key.create", ApiKeyUpdate = "api_key.update", ApiKeyRevoke = "api_key.revoke",
    SubscriptionCreate = "subscription.create", SubscriptionUpdate = "subscription.update",
    KbCreate = "knowledge_base.create", KbUpdate = "knowledge_base.update", KbDelete = "knowledge_base.delete",
    KbExport = "knowledge_base.export", KbImport = "knowledge_base.import",
    MemberSet = "member.set", MemberRemove = "member.remove",
    KbBotAdd = "knowledge_base.bot_add", KbBotRemove = "knowledge_base.bot_remove",
    DocumentDelete = "document.delete", SourceUpdate = "source.update", SourceDelete = "source.delete",
    SourceSecretSet = "source.secret_set", SourceSecretRemove = "source.secret_remove",
    IngestionStart = "ingestion.start",
    TaskCancel = "task.cancel", TaskPause = "task.pause", TaskResume = "task.resume", TaskRetry = "task.retry",
    GenerationActivate = "generation.activate", GenerationEmpty = "generation.empty",
    MessageSend = "message.send", NotificationSend = "notification.send", DeliveryRetry = "delivery.retry",
    KbInvalidate = "knowledge_base.invalidate",
    WebhookCreate = "webhook.create", WebhookUpdate = "webhook.update", WebhookDelete = "webhook.delete",
    WebhookRetry = "webhook.retry",
    IncomingWebhookCreate = "incoming_webhook.create", IncomingWebhookDelete = "incoming_webhook.delete",
);

/// The kinds of things that are acted upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetKind {
    User,
    Session,
    Bot,
    ServiceToken,
    ApiKey,
    Subscription,
    KnowledgeBase,
    Document,
    Source,
    Task,
    Generation,
    Chat,
    Delivery,
    Webhook,
    WebhookDelivery,
    IncomingWebhook,
}
words!(TargetKind, "kind of thing":
    User = "user", Session = "session", Bot = "bot", ServiceToken = "service_token", ApiKey = "api_key",
    Subscription = "subscription", KnowledgeBase = "knowledge_base", Document = "document", Source = "source", Task = "task",
    Generation = "generation", Chat = "chat", Delivery = "delivery",
    Webhook = "webhook", WebhookDelivery = "webhook_delivery", IncomingWebhook = "incoming_webhook",
);

/// What was acted upon. Its id is text, because a generation's is a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub kind: TargetKind,
    pub id: String,
}

/// One entry. It holds no secret and no text of a document or question.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub id: AuditId,
    pub at: Timestamp,
    pub actor_kind: CallerKind,
    /// The person, bot or key; `None` for the operator's command line and for nobody in particular.
    pub actor_id: Option<Uuid>,
    /// The bot that the actor came through.
    pub bot_id: Option<BotId>,
    pub action: Action,
    pub target: Target,
    pub kb_id: Option<KbId>,
    /// What changed, by field.
    pub details: Map<String, Value>,
    pub address: Option<String>,
    pub trace_id: String,
}
