//! Whether the parts work, and with what. Causes go to the log, never to a caller without credentials.

use std::sync::Arc;

use nexus_domain::{
    ChatModel, Condition, Embedder, Reranker, StoreStatus, TaskState, VectorError, VectorStore,
};
use nexus_storage::{Db, DbKind, StorageError};

use super::{AnswerCache, Generations};
use crate::error_chain::chain;

/// Which embedding model there is, or why there is none.
#[derive(Clone, Debug)]
pub enum DenseState {
    Loaded(Arc<dyn Embedder>),
    /// Lexical search only, and the reason in words that everybody may read.
    Missing(&'static str),
}

/// Which reranker there is.
#[derive(Clone, Debug)]
pub enum RerankerState {
    Loaded(Arc<dyn Reranker>),
    /// It is named in the settings and could not be loaded.
    Failed,
    NotConfigured,
}

#[derive(Clone, Debug)]
pub struct HealthChecks {
    pub db: Db,
    pub vectors: Arc<dyn VectorStore>,
    pub generations: Generations,
    /// Why there is no embedding model, if there is none.
    pub no_model: &'static str,
    pub reranker: RerankerState,
    /// What writes answers, if anything does.
    pub chat: Option<Arc<dyn ChatModel>>,
    pub cache: AnswerCache,
}

impl HealthChecks {
    /// The database's kind, and whether it fails to answer.
    pub async fn database(&self) -> (DbKind, bool) {
        let failed = self
            .db
            .ping()
            .await
            .inspect_err(|error| log("database", error))
            .is_err();
        (self.db.kind(), failed)
    }

    pub async fn vectors(&self) -> Result<StoreStatus, VectorError> {
        self.vectors
            .status()
            .await
            .inspect_err(|error| log("vectors", error))
    }

    /// Tasks by state.
    pub async fn queue(&self) -> Result<Vec<(TaskState, u64)>, StorageError> {
        self.db
            .tasks()
            .depth()
            .await
            .inspect_err(|error| log("queue", error))
    }

    /// The chat models in the order in which they are asked, and how they do.
    pub fn chat(&self) -> Vec<(String, Condition)> {
        self.chat.iter().flat_map(|chat| chat.conditions()).collect()
    }

    /// How the cache does that processes share; `None` where they share none.
    pub fn shared_cache(&self) -> Option<Condition> {
        self.cache.shared_condition()
    }

    /// The model that questions are put to.
    pub async fn dense(&self) -> DenseState {
        match self.generations.serving().await {
            Ok(Some(pass)) => DenseState::Loaded(pass.embedder()),
            Ok(None) if !self.generations.has_models() => DenseState::Missing(self.no_model),
            Ok(None) => DenseState::Missing("the model of the active vectors is not loaded in this process"),
            Err(error) => {
                log("dense retrieval", &error);
                DenseState::Missing("the database does not answer")
            }
        }
    }
}

fn log(part: &str, error: &dyn std::error::Error) {
    tracing::error!(part, cause = chain(error), "a health check failed");
}
