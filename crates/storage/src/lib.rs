//! The rows: everything that Nexus knows lies here, and indexes are derived from it. One SQL body serves SQLite and
//! PostgreSQL ([`session`](Connect) picks the driver, `dialect` names the few statements that differ).
//!
//! [`Db`] gives out readers (`db.documents()`), [`Tx`] the same readers and the writers (`tx.documents()`), so that
//! nothing is written outside of a transaction. One file per aggregate; SQL is `const`. Ids and times are made by the
//! callers: no statement asks the database for the time. Nothing here knows a use case, a vector or HTTP.

mod answers;
mod api_keys;
mod audit;
mod bots;
mod cached;
mod chats;
mod chunks;
mod db;
mod deliveries;
mod dialect;
mod documents;
mod embeddings;
mod error;
mod generations;
mod idempotency;
mod kb_bots;
mod knowledge_bases;
mod lent;
mod members;
mod migrate;
mod model_calls;
mod passages;
mod pen;
mod proofs;
mod purge;
mod quality;
mod quotas;
mod rights;
mod service_tokens;
mod session;
mod sessions;
mod settings;
mod source_reports;
mod sources;
mod sql;
mod standing_questions;
mod subscriptions;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
mod turn;
mod types;
mod uploads;
mod users;
mod versions;
mod webhooks;

pub use answers::{
    AnswerRow, Answers, KeptPassage, KeptPassages, LoggedAnswer, NewAnswer, QueryFilter, RefusedQuestion,
    UsedPassage,
};
pub use api_keys::{ApiKeyRow, ApiKeys};
pub use audit::{Audit, AuditFilter};
pub use bots::Bots;
pub use cached::{Cached, KbStamp};
pub use chats::{
    BotLeases, ButtonRow, Buttons, ChatFilter, Chats, ClaimedChat, Conversations, Dialogues, Feedbacks,
    ShownBy, ShownPassages, ShownText, TelegramFiles, Updates,
};
pub use chunks::{Chunks, IndexableChunk};
pub use db::{Db, DbKind, DbOptions, Tx};
pub use deliveries::{Deliveries, HandedOut, Settled};
pub use documents::{DocumentHead, Documents, MAX_PATH_BYTES, Met, PendingVersion};
pub use embeddings::Embeddings;
pub use error::StorageError;
pub use generations::{Coverage, Generation, Generations};
pub use idempotency::{Begun, Idempotency};
pub use kb_bots::KbBots;
pub use knowledge_bases::{KbChange, KbStats, KnowledgeBases};
pub use members::{MemberRow, Members};
pub use model_calls::{CallFilter, CallGroup, CallTotals, ModelCalls};
pub use proofs::Proofs;
pub use purge::PurgeStep;
pub use quality::{KbQualities, KbQuality};
pub use quotas::QuotaUsage;
pub use rights::{Rights, SessionStanding, TokenStanding};
pub use service_tokens::{ServiceTokenRow, ServiceTokens};
pub use session::Connect;
pub use sessions::{SessionRow, Sessions};
pub use settings::Settings;
pub use source_reports::{SourceFilter, SourceReport, SourceTask, SourceUse};
pub use sources::{SealedSource, SourceSummary, Sources};
pub use standing_questions::{StandingClaim, StandingQuestions, StandingRow};
pub use subscriptions::Subscriptions;
pub use tasks::{
    Heartbeat, MAX_PROBLEMS_PER_TASK, Outcome, ProblemRow, Requested, Reschedule, Resumed, Stop, TaskFilter,
    Tasks,
};
pub use turn::Turn;
pub use uploads::Uploads;
pub use users::{UserChange, UserFilter, Users};
pub use versions::{VersionSize, Versions};
pub use webhooks::{
    ClaimedDelivery, IncomingWebhooks, Received, WebhookDeliveries, WebhookOutcome, Webhooks,
};
