//! The wire contract of `/api/v1`: requests, responses, error codes and limits. Shared by the backend and its clients;
//! knows neither the database nor HTTP itself.
//!
//! JSON, snake_case. Times are RFC 3339 in UTC, ids are UUIDs, durations carry their unit in their name.

pub mod answer;
pub mod audit;
pub mod auth;
pub mod bot;
pub mod chat;
pub mod delivery;
pub mod document;
pub mod error;
pub mod generation;
pub mod health;
pub mod index_generation;
pub mod ingestion;
pub mod knowledge_base;
pub mod limits;
pub mod member;
pub mod model_call;
pub mod page;
mod patch;
pub mod quality;
pub mod rag;
pub mod role;
pub mod source;
pub mod user;
pub mod webhook;

pub use answer::{AskedBy, ContextPassage, KbGap, KeptAnswer, KnowledgeBaseRevision, LoggedQuery};
pub use audit::AuditEntry;
pub use auth::{
    ApiKey, CreateApiKey, IssuedApiKey, Me, SessionKind, SignIn, SignedIn, TelegramProof, UpdateApiKey,
};
pub use bot::{
    AnswerStyle, Bot, BotError, BotSettings, BotTexts, CreateBot, CreateServiceToken, IssuedServiceToken,
    IssuedSigningSecret, ServiceToken, ServiceTokens, UpdateBot,
};
pub use chat::{
    BotLease, Chat, ChatKind, ChatState, CreateNotifications, DeliveryState, FeedbackReason, Message,
    MessageDirection, MessageFeedback, MessagePreview, NotificationsQueued, SendMessage, TakeBotLease,
    TelegramChat, TelegramPerson, UnsupportedKind, Update, UpdateEvent, Updates, UpdatesStored, Verdict,
};
pub use delivery::{
    Button, Content, DeadLetter, Deliveries, Delivery, DeliveryFailed, DeliveryPlaced, DeliverySent,
    FailureKind, Keyboard, Label, Priority, Say, TakeDeliveries,
};
pub use document::{Document, DocumentFormat, LineRange, PageRange};
pub use error::{ErrorBody, ErrorCode, ErrorEnvelope};
pub use generation::{
    AnswerBlock, AnswerDelta, Cached, DeltaCitation, Generation, GenerationReason, GenerationStatus,
    TokenUsage,
};
pub use health::{
    ChatModelHealth, CheckStatus, Database, DenseRetrieval, Health, Queue, Readiness, Reranking, SharedCache,
    Vectors, WrittenAnswers,
};
pub use index_generation::{IndexGeneration, IndexGenerationState, IndexGenerations};
pub use ingestion::{
    ImportAccepted, PlannedChange, PlannedChangeKind, Problem, ProblemCode, SyncPlan, Task, TaskAccepted,
    TaskCounts, TaskError, TaskKind, TaskProgress, TaskStage, TaskState,
};
pub use knowledge_base::{CreateKnowledgeBase, KnowledgeBase, UpdateKnowledgeBase};
pub use member::{KbBot, KbBots, Member, MemberPerson, SetMember};
pub use model_call::{
    Amount, GenerationCost, ModelCall, ModelCallGroup, ModelCallOutcome, ModelCallPurpose, ModelCallTotals,
    ModelCallTotalsList,
};
pub use page::Page;
pub use quality::{AnswerSupport, KbQuality, ModeQuality, RiskPoint, SupportMode};
pub use rag::{
    AiAnswer, AiQueryRequest, Answer, AnswerLanguage, Citation, EarlierQuestion, Passage, QueryRequest,
    RerankReport, RerankStatus, Retrieval, RetrievalMode, RewriteFailure, RewrittenBy, SearchRequest,
    SearchResponse, SideReport, SideStatus,
};
pub use role::{CallerKind, KbRole, Quotas, Role, Scope, Usage, Used, Visibility};
pub use source::{
    Freshness, IngestGit, IngestWeb, IngestWiki, IssuedSourceWebhook, LastSync, LastSyncTask, Source,
    SourceCredential, SourceKind, SourceRemote, SourceReport, SourceSchedule, SourceUses, Staleness,
    StartSync, SyncAccepted, UpdateSource, WikiEngine,
};
pub use user::{Subscription, UpdateUser, User, UserBot, UserBots, UserFromTelegram, UserSubscription};
pub use webhook::{
    CreateIncomingWebhook, CreateWebhook, IncomingWebhook, IssuedIncomingWebhook, IssuedWebhook,
    UpdateWebhook, Webhook, WebhookAction, WebhookDelivery, WebhookDeliveryState, WebhookEvent, WebhookHeard,
};
