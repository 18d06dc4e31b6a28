//! Use cases. Each is a small struct that lists what it needs; none knows axum or the wire.

mod answers;
mod api_keys;
mod audit;
mod bots;
mod bundles;
mod cache;
mod cards;
mod chats;
mod checks;
mod credentials;
mod dead_letters;
mod documents;
mod door;
mod error;
mod free_questions;
mod gaps;
mod generations;
mod health;
mod inbox;
mod incoming_webhooks;
mod ingestion;
mod jwks;
mod knowledge_bases;
mod model_calls;
mod outbox;
mod people;
mod presenter;
mod price_list;
mod quality;
mod questions;
mod refusal;
mod replies;
mod schedules;
mod secrets;
mod sharing;
mod sign_in;
mod signals;
mod sources;
mod startup;
mod tasks;
mod upload;
mod usage;
mod webhooks;

pub use answers::{Answers, Asked, Replay};
pub use api_keys::{ApiKeyChange, ApiKeys, NewApiKey};
pub use audit::Audit;
pub use bots::{BotChange, Bots, NewBot};
pub use bundles::{Bundles, Exported, Imported, NewImport};
pub use cache::{AnswerCache, CacheOptions, SharedOptions};
pub use cards::Cards;
pub use chats::{ChatMessage, Chats, Notified};
pub use credentials::{Credentials, IssuedKey};
pub use documents::Documents;
pub use door::{Admitted, Credential, Door, Presented, PresentedSignature};
pub use error::ServiceError;
pub use free_questions::FreeQuestions;
pub use gaps::{Gap, GapKey, Gaps};
pub use generations::{GenerationOverview, Generations};
pub use health::{DenseState, HealthChecks, RerankerState};
pub use inbox::{Inbox, NewUpdate, Stored};
pub use incoming_webhooks::{Content as ToldContent, Heard, IncomingWebhooks, Told};
pub use ingestion::{Accepted, Ingestion, NewIngestion};
pub use jwks::KeySource;
pub use knowledge_bases::{KbOverview, KbUpdate, KnowledgeBases};
pub use model_calls::{Calls, MAX_GROUPS, ModelCalls, Spent};
pub use outbox::{Failure, FailureKind, Outbox, Take};
pub use people::{Introduced, People};
pub use presenter::{Presenter, ShownError};
pub use price_list::PriceList;
pub use quality::{ModeQuality, Quality};
pub use questions::{KeptStream, Questions, SearchInput};
pub use refusal::Refusal;
pub use replies::{HeldChat, IDLE_AFTER, NotHandled, Replies, StandingRules};
pub use schedules::{checked as checked_schedule, next as next_of_schedule};
pub use secrets::{SourceSecret, WebhookSecret, check_keys};
pub use sharing::Sharing;
pub use sign_in::{Begun, Proof, SignIns};
pub use signals::Signals;
pub use sources::{
    CalledWebhook, Freshness, GivenCredential, GivenSchedule, NewRemote, ReportedSource, SourceChange,
    SourceReports, Sources, SyncOptions, SyncStarted, WantedSources, opened_credential, start_sync,
};
pub use startup::Startup;
pub use tasks::{TaskView, Tasks};
pub use upload::{ReceivedUpload, UploadWriter};
pub use usage::{DayOfUse, Exceeded, Most, Usage};
pub use webhooks::{NewWebhook, WebhookChange, Webhooks};

pub use nexus_storage::{
    AnswerRow, ApiKeyRow, AuditFilter, CallFilter, CallGroup, CallTotals, ChatFilter, KeptPassage,
    LoggedAnswer, MemberRow, QueryFilter, ServiceTokenRow, SourceSummary as SourceOverview, SourceTask,
    UserChange, UserFilter,
};
