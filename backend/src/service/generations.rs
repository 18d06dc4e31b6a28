//! Dense generations: which index answers questions, which ones are filled, and how one takes over from another.
//!
//! A new model's index is built beside the old one, which goes on answering with its own query model. One row says
//! which generation answers; it is read once per question, so model and index always belong together, and the way back
//! takes as long as writing that row.

use std::sync::Arc;

use async_trait::async_trait;
use nexus_domain::{Clock, Embedder, GenerationId, PassageError, TaskPayload, VectorStore};
use nexus_rag::{DenseSide, DenseSource};
use nexus_storage::{Coverage, Db, Generation, StorageError};

use super::ServiceError;
use crate::worker::{DensePass, Queue};

/// The setting that names the model that was configured last: only a change of it switches generations by itself.
const WANTED_MODEL: &str = "wanted_model";
/// Cached vectors that are removed in one transaction.
const FORGET_AT_ONCE: usize = 2_048;

/// A generation and what becomes of it.
#[derive(Clone, Debug)]
pub struct GenerationOverview {
    pub generation: Generation,
    /// Its model is loaded in this process.
    pub loaded: bool,
    pub coverage: Coverage,
}

/// The models of this process and the generations that they fill. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Generations {
    db: Db,
    vectors: Arc<dyn VectorStore>,
    clock: Arc<dyn Clock>,
    queue: Queue,
    /// The configured model first.
    passes: Arc<[DensePass]>,
}

impl Generations {
    /// Finds or makes the generation of each model, the configured one first, and opens their indexes.
    ///
    /// A model that was not configured at the last start takes over as soon as it holds what the active one holds; at
    /// once, if the active one's model is not here to answer.
    pub async fn open(
        db: Db,
        vectors: Arc<dyn VectorStore>,
        clock: Arc<dyn Clock>,
        queue: Queue,
        models: &[Arc<dyn Embedder>],
    ) -> Result<Self, ServiceError> {
        let mut passes = Vec::with_capacity(models.len());
        let mut tx = db.begin().await?;
        for model in models {
            let info = model.info();
            let id = tx
                .generations()
                .find_or_create(&info.model, info.dimension)
                .await?;
            passes.push(DensePass::new(Arc::clone(model), id));
        }
        tx.commit().await?;
        for pass in &passes {
            vectors.ensure(pass.collection()).await?;
        }
        let generations = Self {
            db,
            vectors,
            clock,
            queue,
            passes: passes.into(),
        };
        generations.want().await?;
        Ok(generations)
    }

    /// Notes which model is configured, and lets it take over where that has changed.
    async fn want(&self) -> Result<(), ServiceError> {
        let Some(wanted) = self.passes.first() else {
            return Ok(());
        };
        let mut tx = self.db.begin().await?;
        let known = tx.settings().get(WANTED_MODEL).await?;
        let active = tx.generations().active().await?;
        if known.as_deref() != Some(wanted.model()) {
            tx.settings().set(WANTED_MODEL, wanted.model()).await?;
            let next = match &active {
                Some(active) if active.id == wanted.generation() => GenerationId::NONE,
                _ => wanted.generation(),
            };
            tx.generations().set_pending(next).await?;
        }
        let stranded = active.filter(|active| self.pass(active.id).is_none());
        if let Some(active) = stranded {
            tracing::warn!(
                model = active.model,
                "the model of the active vectors is not here; those of the configured one take over as they are made"
            );
            tx.generations().activate(wanted.generation()).await?;
            tx.knowledge_bases().bump_revisions(self.clock.now()).await?;
        }
        tx.commit().await?;
        self.switch_if_complete().await?;
        Ok(())
    }

    fn pass(&self, id: GenerationId) -> Option<&DensePass> {
        self.passes.iter().find(|pass| pass.generation() == id)
    }

    /// Whether this process has any model.
    pub fn has_models(&self) -> bool {
        !self.passes.is_empty()
    }

    /// The generation that answers questions, if its model is here.
    pub async fn serving(&self) -> Result<Option<DensePass>, StorageError> {
        if self.passes.is_empty() {
            return Ok(None);
        }
        let active = self.db.generations().active().await?;
        Ok(active.and_then(|active| self.pass(active.id)).cloned())
    }

    /// The generations that new chunks go into: the one that answers first, then the one that is to take over.
    pub async fn fed(&self) -> Result<Vec<DensePass>, StorageError> {
        if self.passes.is_empty() {
            return Ok(Vec::new());
        }
        let active = self.db.generations().active().await?;
        let pending = self.db.generations().pending().await?;
        let fed = active.iter().chain(&pending);
        Ok(fed
            .filter_map(|generation| self.pass(generation.id))
            .cloned()
            .collect())
    }

    /// Lets the waiting generation take over if it holds all that the active one holds.
    pub async fn switch_if_complete(&self) -> Result<(), StorageError> {
        let pending = self.db.generations().pending().await?;
        // Another process switches to a model that is only there.
        if pending.is_none_or(|pending| self.pass(pending.id).is_none()) {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        let switched = tx.generations().switch_if_complete().await?;
        if switched.is_some() {
            tx.knowledge_bases().bump_revisions(self.clock.now()).await?;
        }
        tx.commit().await?;
        if let Some(on) = switched {
            tracing::info!(
                generation = on.id.0,
                model = on.model,
                "questions are put to this model now"
            );
        }
        Ok(())
    }

    pub async fn list(&self) -> Result<Vec<GenerationOverview>, ServiceError> {
        let mut found = Vec::new();
        for generation in self.db.generations().list().await? {
            found.push(GenerationOverview {
                loaded: self.pass(generation.id).is_some(),
                coverage: self.db.generations().coverage(generation.id).await?,
                generation,
            });
        }
        Ok(found)
    }

    async fn get(&self, id: GenerationId) -> Result<Generation, ServiceError> {
        let all = self.db.generations().list().await?;
        let found = all.into_iter().find(|generation| generation.id == id);
        found.ok_or(ServiceError::NotFound("generation"))
    }

    /// Puts questions to this generation from now on, whatever it holds; what it lacks is embedded in the background.
    pub async fn activate(&self, id: GenerationId) -> Result<GenerationOverview, ServiceError> {
        self.get(id).await?;
        let Some(pass) = self.pass(id) else {
            return Err(ServiceError::GenerationState(
                "its model is not loaded: configure it, or keep its folder beside the other models"
                    .to_owned(),
            ));
        };
        let mut tx = self.db.begin().await?;
        tx.generations().activate(id).await?;
        tx.generations().clear_pending().await?;
        tx.knowledge_bases().bump_revisions(self.clock.now()).await?;
        for kb in tx.versions().kbs_unembedded(id).await? {
            self.queue
                .enqueue_once(&mut tx, Some(kb), TaskPayload::EmbedKb, "")
                .await?;
        }
        tx.commit().await?;
        tracing::info!(
            generation = id.0,
            model = pass.model(),
            "questions are put to this model by request"
        );
        self.overview(id).await
    }

    /// Drops the vectors of a generation that neither answers nor is to take over: from the index and from the cache.
    pub async fn empty(&self, id: GenerationId) -> Result<GenerationOverview, ServiceError> {
        let generation = self.get(id).await?;
        if generation.active || generation.pending {
            let reason = if generation.active {
                "it answers questions: activate another one first"
            } else {
                "it is being built: activate the generation to stay with first"
            };
            return Err(ServiceError::GenerationState(reason.to_owned()));
        }
        let mut tx = self.db.begin().await?;
        tx.generations().forget_embedded(id).await?;
        tx.commit().await?;
        let collection = nexus_domain::Collection::Dense {
            generation: id,
            dimension: generation.dimension,
        };
        self.vectors.drop_collection(collection).await?;
        // Empty, but there: what is deleted is deleted from every index.
        self.vectors.ensure(collection).await?;
        loop {
            let mut tx = self.db.begin().await?;
            let forgotten = tx
                .embeddings()
                .forget_model(&generation.model, FORGET_AT_ONCE)
                .await?;
            tx.commit().await?;
            if forgotten < FORGET_AT_ONCE as u64 {
                break;
            }
        }
        self.overview(id).await
    }

    async fn overview(&self, id: GenerationId) -> Result<GenerationOverview, ServiceError> {
        Ok(GenerationOverview {
            generation: self.get(id).await?,
            loaded: self.pass(id).is_some(),
            coverage: self.db.generations().coverage(id).await?,
        })
    }
}

#[async_trait]
impl DenseSource for Generations {
    async fn side(&self) -> Result<Option<DenseSide>, PassageError> {
        let serving = self.serving().await.map_err(|error| PassageError(error.into()))?;
        Ok(serving.map(|pass| pass.side()))
    }
}
