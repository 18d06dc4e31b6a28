//! What a start checks before anybody is served: rows are the truth, so indexes that do not fit them are filled again.

use std::sync::Arc;

use nexus_domain::{Collection, GenerationId, KbId, TaskKind, TaskPayload, VectorError, VectorStore};
use nexus_storage::Db;

use super::{Generations, ServiceError};
use crate::worker::{DensePass, Queue};

/// The setting that holds the analyser's version that the lexical index was written with.
const ANALYZER_VERSION: &str = "analyzer_version";

#[derive(Clone, Debug)]
pub struct Startup {
    pub db: Db,
    pub vectors: Arc<dyn VectorStore>,
    pub queue: Queue,
}

impl Startup {
    /// Opens the indexes: the lexical one, and those of every model that was active once, for what is deleted is deleted
    /// from all of them.
    pub async fn open_indexes(&self) -> Result<(), ServiceError> {
        self.vectors.ensure(Collection::Lexical).await?;
        for generation in self.db.generations().list().await? {
            let collection = Collection::Dense {
                generation: generation.id,
                dimension: generation.dimension,
            };
            match self.vectors.ensure(collection).await {
                // Nobody searches it; when its model comes back, it is filled again.
                Err(error @ VectorError::Failed(_)) if !generation.active => {
                    tracing::warn!(%error, "the index of an earlier model is damaged and made anew");
                    self.vectors.drop_collection(collection).await?;
                    self.vectors.ensure(collection).await?;
                }
                opened => opened?,
            }
        }
        Ok(())
    }

    /// For a process that is alone: no other one works on a task, so what its predecessor held is free.
    pub async fn take_over_tasks(&self) -> Result<(), ServiceError> {
        let mut tx = self.db.begin().await?;
        tx.tasks().expire_leases(self.queue.now()).await?;
        tx.chats().expire_leases(self.queue.now()).await?;
        tx.webhook_deliveries().expire_leases(self.queue.now()).await?;
        tx.standing_questions().expire_leases(self.queue.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Enqueues what it takes to make the indexes hold what the rows say.
    pub async fn reconcile(&self, generations: &Generations) -> Result<(), ServiceError> {
        let version = nexus_text::ANALYZER_VERSION.to_string();
        let known = self.db.settings().get(ANALYZER_VERSION).await?;
        let analyser_changed = known.is_some_and(|known| known != version);
        let fed = generations.fed().await?;
        for kb in self.db.knowledge_bases().list_ids().await? {
            if analyser_changed
                || !self.is_at_work(kb, TaskKind::RebuildLexical).await?
                    && self.is_lexical_index_lost(kb).await?
            {
                self.enqueue(kb, TaskPayload::RebuildLexical).await?;
            }
            for dense in &fed {
                self.reconcile_dense(kb, dense).await?;
            }
        }
        let mut tx = self.db.begin().await?;
        tx.settings().set(ANALYZER_VERSION, &version).await?;
        tx.commit().await?;
        Ok(())
    }

    /// An index that was deleted or replaced holds nothing of a knowledge base that has chunks.
    async fn is_lexical_index_lost(&self, kb: KbId) -> Result<bool, ServiceError> {
        let stats = self.db.knowledge_bases().stats(kb, GenerationId::NONE).await?;
        Ok(stats.term_total > 0 && self.vectors.count(Collection::Lexical, Some(kb)).await? == 0)
    }

    async fn reconcile_dense(&self, kb: KbId, dense: &DensePass) -> Result<(), ServiceError> {
        let generation = dense.generation();
        if self.db.versions().has_vectors(kb, generation).await?
            && self.vectors.count(dense.collection(), Some(kb)).await? == 0
        {
            let mut tx = self.db.begin().await?;
            tx.versions().reset_embedded(kb, generation).await?;
            tx.commit().await?;
        }
        if self.is_at_work(kb, TaskKind::EmbedKb).await? {
            return Ok(());
        }
        let stats = self.db.knowledge_bases().stats(kb, generation).await?;
        if stats.embedded_chunks == stats.chunks {
            return Ok(());
        }
        self.enqueue(kb, TaskPayload::EmbedKb).await
    }

    /// Another process that started just before may be at it. Asked before what is missing is looked for: work that ends in
    /// between is not begun again.
    async fn is_at_work(&self, kb: KbId, kind: TaskKind) -> Result<bool, ServiceError> {
        Ok(self.db.tasks().has_open(Some(kb), kind).await?)
    }

    async fn enqueue(&self, kb: KbId, payload: TaskPayload) -> Result<(), ServiceError> {
        let mut tx = self.db.begin().await?;
        self.queue.enqueue_once(&mut tx, Some(kb), payload, "").await?;
        tx.commit().await?;
        Ok(())
    }
}
