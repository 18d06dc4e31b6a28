//! The rows: everything that Nexus knows lies here, and indexes are derived from it. One SQL body serves SQLite and
//! PostgreSQL ([`session`](Connect) picks the driver, `dialect` names the few statements that differ).
//!
//! [`Db`] gives out readers (`db.documents()`), [`Tx`] the same readers and the writers (`tx.documents()`), so that
//! nothing is written outside of a transaction. One file per aggregate; SQL is `const`. Ids and times are made by the
//! callers: no statement asks the database for the time. Nothing here knows a use case, a vector or HTTP.

mod api_keys;
mod chunks;
mod db;
mod dialect;
mod documents;
mod embeddings;
mod error;
mod generations;
mod idempotency;
mod knowledge_bases;
mod migrate;
mod passages;
mod purge;
mod session;
mod settings;
mod sources;
mod sql;
mod tasks;
#[cfg(feature = "testing")]
pub mod testing;
mod turn;
mod types;
mod uploads;
mod versions;

pub use api_keys::{ApiKeyRow, ApiKeys};
pub use chunks::{Chunks, IndexableChunk};
pub use db::{Db, DbKind, DbOptions, Tx};
pub use documents::{DocumentHead, Documents, MAX_PATH_BYTES, PendingVersion};
pub use embeddings::Embeddings;
pub use error::StorageError;
pub use generations::{Coverage, Generation, Generations};
pub use idempotency::{Begun, Idempotency};
pub use knowledge_bases::{KbStats, KnowledgeBases};
pub use purge::PurgeStep;
pub use session::Connect;
pub use settings::Settings;
pub use sources::{SourceSummary, Sources};
pub use tasks::{
    Heartbeat, MAX_PROBLEMS_PER_TASK, Outcome, ProblemRow, Requested, Reschedule, Resumed, Stop, TaskFilter,
    Tasks,
};
pub use turn::Turn;
pub use uploads::Uploads;
pub use versions::{VersionSize, Versions};
