//! Use cases. Each is a small struct that lists what it needs; none knows axum or the wire.

mod credentials;
mod documents;
mod error;
mod generations;
mod health;
mod ingestion;
mod knowledge_bases;
mod questions;
mod startup;
mod tasks;
mod upload;

pub use credentials::{Credentials, IssuedKey};
pub use documents::Documents;
pub use error::ServiceError;
pub use generations::{GenerationOverview, Generations};
pub use health::{DenseState, HealthChecks};
pub use ingestion::{Accepted, Ingestion, NewIngestion};
pub use knowledge_bases::{KbOverview, KnowledgeBases};
pub use questions::{Questions, SearchInput};
pub use startup::Startup;
pub use tasks::Tasks;
pub use upload::{ReceivedUpload, UploadWriter};

pub use nexus_storage::SourceSummary as SourceOverview;
