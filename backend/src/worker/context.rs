//! What the work of a task may use.

use std::sync::Arc;

use nexus_domain::{Clock, Collection, VectorStore};
use nexus_storage::{Db, StorageError};

use super::ingest::{IngestSettings, Remotes};
use super::queue::Queue;
use crate::metrics::Metrics;
use crate::service::{AnswerCache, Generations, ModelCalls, Quality};
use crate::uploads::Uploads;

#[derive(Clone, Debug)]
pub struct WorkerContext {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub queue: Queue,
    pub vectors: Arc<dyn VectorStore>,
    pub generations: Generations,
    pub uploads: Uploads,
    pub upload_keep: std::time::Duration,
    pub answers_keep: std::time::Duration,
    /// How long calls of models are kept.
    pub calls_keep: std::time::Duration,
    pub ingest: IngestSettings,
    pub remotes: Remotes,
    pub metrics: Metrics,
    pub model_calls: ModelCalls,
    pub quality: Quality,
    pub cache: AnswerCache,
}

impl WorkerContext {
    /// Every collection that may hold points of a chunk: also those of models that were active before.
    pub async fn collections(&self) -> Result<Vec<Collection>, StorageError> {
        let generations = self.db.generations().list().await?;
        let dense = generations.into_iter().map(|generation| Collection::Dense {
            generation: generation.id,
            dimension: generation.dimension,
        });
        Ok(std::iter::once(Collection::Lexical).chain(dense).collect())
    }
}
