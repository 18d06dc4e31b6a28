//! What operators and orchestrators ask.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Ok,
    /// Works with less: lexical search only, no reranking, or quotes instead of written answers.
    Degraded,
    Failing,
}

/// The process lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    pub status: CheckStatus,
    #[schema(example = "0.1.0")]
    pub version: String,
}

/// Whether requests can be served, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// `degraded` still serves (status 200); `failing` does not (status 503).
    pub status: CheckStatus,
    pub database: Database,
    pub vectors: Vectors,
    pub dense_retrieval: DenseRetrieval,
    pub reranking: Reranking,
    pub written_answers: WrittenAnswers,
    /// Absent where processes share no cache of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_cache: Option<SharedCache>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Database {
    pub status: CheckStatus,
    #[schema(example = "sqlite")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vectors {
    pub status: CheckStatus,
    #[schema(example = "qdrant-edge 0.9.0")]
    pub engine: String,
    pub collections: Vec<CollectionSize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CollectionSize {
    pub name: String,
    pub points: u64,
}

/// The embedding model, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DenseRetrieval {
    pub status: CheckStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The reranker, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reranking {
    /// `ok` where none is configured: the fused order stands. `degraded` where the configured one could not be loaded.
    pub status: CheckStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The chat models that write answers, in the order in which they are asked. Judged by what became of the last request;
/// nobody asks them for their health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WrittenAnswers {
    /// `ok` where none is configured: answers are quotes. `degraded` where none of them answers.
    pub status: CheckStatus,
    pub models: Vec<ChatModelHealth>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatModelHealth {
    pub model: String,
    /// `degraded` from a failure until the next answer.
    pub status: CheckStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The cache of answers that processes share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SharedCache {
    /// `degraded` from a failure until the next success: answers are made as without it.
    pub status: CheckStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Tasks by state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    pub status: CheckStatus,
    pub queued: u64,
    pub running: u64,
    pub paused: u64,
    pub failed: u64,
}
