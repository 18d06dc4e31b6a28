//! What operators and orchestrators ask.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Ok,
    /// Works with less: lexical search only.
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

/// Tasks by state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    pub status: CheckStatus,
    pub queued: u64,
    pub running: u64,
    pub paused: u64,
    pub failed: u64,
}
