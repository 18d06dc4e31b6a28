//! What Nexus is about, without a database, a network or a model: entities, typed ids, state machines, access,
//! and the ports that adapters implement. Imports nothing of ours.

pub mod access;
pub mod answer;
pub mod audit;
pub mod bot;
pub mod chat;
pub mod conversation;
pub mod delivery;
pub mod document;
pub mod embedder;
pub mod hash;
pub mod id;
pub mod knowledge_base;
pub mod model_call;
pub mod money;
pub mod passage;
pub mod probe;
pub mod problem;
pub mod quota;
pub mod reranker;
pub mod script;
pub mod source;
pub mod standing_question;
pub mod style;
pub mod subscription;
pub mod task;
pub mod telegram;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod upload;
pub mod user;
pub mod vector_store;
pub mod webhook;

pub use access::{
    Access, BotCaller, Caller, CallerKind, KbFilter, KbRole, Origin, PersonBy, PersonCaller, Reach, Role,
    Scope, Scopes, Standing,
};
pub use answer::Asker;
pub use audit::{Action, AuditEntry, Target, TargetKind};
pub use bot::{Bot, BotTexts};
pub use chat::{
    ChatEnd, ChatError, ChatEvent, ChatFinish, ChatMessage, ChatModel, ChatReply, ChatRequest, ChatRole,
    ChatStream, ChatUsage,
};
pub use conversation::{Asked, Conversation};
pub use delivery::{
    Button, ButtonAction, Content, Delivery, DeliveryState, Feedback, FeedbackReason, Keyboard, Label,
    Language, Priority, Say, ShownPassage, Verdict,
};
pub use document::{Chunk, Document, DocumentVersion, Format, LineRange, PageRange, VersionState};
pub use embedder::{Condition, EmbedError, Embedder, EmbedderInfo};
pub use hash::ContentHash;
pub use id::{
    AnswerId, ApiKeyId, AuditId, BotId, ChatId, ChunkId, DeliveryId, DocumentId, GenerationId,
    IncomingWebhookId, KbId, LeaseToken, ModelCallId, ProcessId, ServiceTokenId, SessionId, SourceId,
    StandingQuestionId, SubscriptionId, TaskId, UpdateId, UploadId, UserId, VersionId, WebhookDeliveryId,
    WebhookId,
};
pub use knowledge_base::{KnowledgeBase, Visibility};
pub use model_call::{CallLog, CallOutcome, ModelCall, NotedCall, OpenCall, Purpose};
pub use money::{Amount, Cost, Currency, Prices};
pub use passage::{Passage, PassageError, Passages};
pub use problem::{Problem, ProblemCode};
pub use quota::{Measure, QuotaSubject, Quotas};
pub use reranker::{RerankError, Reranker, RerankerInfo};
pub use script::Script;
pub use source::{
    DokuWikiRemote, GitRemote, MediaWikiRemote, PathFilter, Remote, Schedule, Source, SourceKind, SyncState,
    WebRemote,
};
pub use standing_question::{StandingQuestion, StandingState};
pub use style::Style;
pub use subscription::Subscription;
pub use task::{Counts, Progress, Stage, Task, TaskError, TaskKind, TaskPayload, TaskState};
pub use telegram::{Chat, ChatKind, ChatState, Event, UnsupportedKind, Update, UpdateState};
pub use time::{Clock, SystemClock, Timestamp};
pub use upload::Upload;
pub use user::{Person, TelegramId, User};
pub use vector_store::{
    Collection, Hit, Point, SparseVector, StoreStatus, Vector, VectorError, VectorQuery, VectorStore,
};
pub use webhook::{
    EventData, IncomingWebhook, Maker, Webhook, WebhookDelivery, WebhookDeliveryState, WebhookEvent,
};
