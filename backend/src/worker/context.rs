//! What the work of a task may use.

use std::sync::Arc;

use nexus_domain::{Clock, Collection, GenerationId, VectorStore};
use nexus_storage::{Db, StorageError};

use super::dense::DensePass;
use super::ingest::IngestSettings;
use super::queue::Queue;
use crate::uploads::Uploads;

#[derive(Clone, Debug)]
pub struct WorkerContext {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub queue: Queue,
    pub vectors: Arc<dyn VectorStore>,
    /// The active embedding model and its index; `None` where retrieval is lexical only.
    pub dense: Option<DensePass>,
    pub uploads: Uploads,
    pub upload_keep: std::time::Duration,
    pub ingest: IngestSettings,
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

    /// The active generation; [`GenerationId::NONE`] without a model.
    pub fn generation(&self) -> GenerationId {
        self.dense
            .as_ref()
            .map_or(GenerationId::NONE, DensePass::generation)
    }
}
