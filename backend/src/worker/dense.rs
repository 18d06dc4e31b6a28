//! The dense pass: chunks of current versions that the active generation does not hold get their vectors, from the cache
//! or from the model. A vector is in the cache before it is in the index, so whatever happens it is computed once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nexus_domain::document::embedding_text;
use nexus_domain::probe::{crash_point, trace};
use nexus_domain::{Collection, ContentHash, Embedder, GenerationId, KbId, Point, Stage, Vector, VersionId};
use nexus_storage::{IndexableChunk, VersionSize};
use tokio::sync::Mutex as AsyncMutex;

use super::context::WorkerContext;
use super::failure::Stopped;
use super::heartbeat::Running;
use super::points::upsert_current;

/// Versions looked up at once.
const VERSIONS: usize = 64;
/// A call that was begun is paid for, so a task that is asked to stop lets it end, if it does so soon.
const LAST_CALL: Duration = Duration::from_secs(5);

/// The active embedding model and the index that it fills.
#[derive(Clone, Debug)]
pub struct DensePass {
    embedder: Arc<dyn Embedder>,
    generation: GenerationId,
    /// One pass per knowledge base at a time, or two would compute the same vectors.
    passes: Arc<Mutex<HashMap<KbId, Arc<AsyncMutex<()>>>>>,
}

impl DensePass {
    pub fn new(embedder: Arc<dyn Embedder>, generation: GenerationId) -> Self {
        Self {
            embedder,
            generation,
            passes: Arc::default(),
        }
    }

    pub fn generation(&self) -> GenerationId {
        self.generation
    }

    pub fn collection(&self) -> Collection {
        Collection::Dense {
            generation: self.generation,
            dimension: self.embedder.info().dimension,
        }
    }

    /// Embeds until nothing of the knowledge base is missing.
    pub async fn run(&self, context: &WorkerContext, running: &Running, kb: KbId) -> Result<(), Stopped> {
        let pass = {
            let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(passes.entry(kb).or_default())
        };
        running
            .meter
            .waits_for(Some("another task that embeds this knowledge base"));
        let _alone = tokio::select! {
            alone = pass.lock() => alone,
            () = running.stop.cancelled() => return Err(Stopped::Asked),
        };
        let stats = context.db.knowledge_bases().stats(kb, self.generation).await?;
        running.meter.stage(
            Stage::Embedding,
            Some(stats.chunks.saturating_sub(stats.embedded_chunks)),
        );
        loop {
            running.check()?;
            let versions = context
                .db
                .versions()
                .unembedded(kb, self.generation, VERSIONS)
                .await?;
            if versions.is_empty() {
                return Ok(());
            }
            let ids: Vec<VersionId> = versions.iter().map(|version| version.id).collect();
            // Embedded before their vectors are written to the cache: what a crash may cost.
            let at_once = self.embedder.passages_at_once().max(1);
            for group in groups(&versions, at_once as u64) {
                let chunks = context.db.chunks().indexable_by_versions(&group).await?;
                for part in chunks.chunks(at_once) {
                    running.check()?;
                    self.embed(context, running, part).await?;
                    running.meter.advance(part.len() as u64);
                }
            }
            context.vectors.persist(self.collection()).await?;
            crash_point("dense.points_durable");
            let mut tx = context.db.begin().await?;
            running.hold(&mut tx).await?;
            tx.versions().set_dense_generation(&ids, self.generation).await?;
            tx.knowledge_bases()
                .bump_revision(kb, context.clock.now())
                .await?;
            tx.commit().await?;
            crash_point("dense.marked");
        }
    }

    async fn embed(
        &self,
        context: &WorkerContext,
        running: &Running,
        chunks: &[IndexableChunk],
    ) -> Result<(), Stopped> {
        let vectors = self.vectors(context, running, chunks).await?;
        let points = chunks
            .iter()
            .filter_map(|row| {
                let vector = vectors.get(&row.chunk.content_hash)?.clone();
                let point = Point {
                    id: row.chunk.id,
                    kb_id: row.chunk.kb_id,
                    vector: Vector::Dense(vector),
                };
                Some((row.chunk.version_id, point))
            })
            .collect();
        upsert_current(
            context,
            running,
            self.collection(),
            points,
            "dense.points_written",
        )
        .await
    }

    /// The vectors of these chunks by content; new ones go through the model once and into the cache.
    async fn vectors(
        &self,
        context: &WorkerContext,
        running: &Running,
        chunks: &[IndexableChunk],
    ) -> Result<HashMap<ContentHash, Vec<f32>>, Stopped> {
        let model = &self.embedder.info().model;
        let hashes: Vec<ContentHash> = chunks.iter().map(|row| row.chunk.content_hash).collect();
        let mut known = context.db.embeddings().get_many(model, &hashes).await?;
        let mut missing: HashMap<ContentHash, String> = HashMap::new();
        for row in chunks
            .iter()
            .filter(|row| !known.contains_key(&row.chunk.content_hash))
        {
            missing.entry(row.chunk.content_hash).or_insert_with(|| {
                embedding_text(&row.document_title, &row.chunk.heading_path, &row.chunk.text)
            });
        }
        let computed = missing.len() as u64;
        if computed > 0 {
            let (hashes, texts): (Vec<_>, Vec<_>) = missing.into_iter().unzip();
            let vectors = tokio::select! {
                vectors = self.embedder.embed_passages(texts) => vectors?,
                () = asked_to_stop(running) => return Err(Stopped::Asked),
            };
            for hash in &hashes {
                trace(|| format!("computed {hash}"));
            }
            crash_point("dense.embedded");
            let mut tx = context.db.begin().await?;
            running.hold(&mut tx).await?;
            // Texts that went meanwhile leave nothing behind.
            let mut versions: Vec<VersionId> = chunks.iter().map(|row| row.chunk.version_id).collect();
            versions.dedup();
            let current = tx.versions().lock_current(&versions).await?;
            let live: HashSet<ContentHash> = chunks
                .iter()
                .filter(|row| current.contains(&row.chunk.version_id))
                .map(|row| row.chunk.content_hash)
                .collect();
            let mut rows: Vec<(ContentHash, Vec<f32>)> = hashes
                .into_iter()
                .zip(vectors)
                .filter(|(hash, _)| live.contains(hash))
                .collect();
            // One order for all writers, so that none waits for another in a circle.
            rows.sort_unstable_by_key(|(hash, _)| *hash);
            tx.embeddings().put_many(model, &rows).await?;
            tx.commit().await?;
            for (hash, _) in &rows {
                trace(|| format!("cached {hash}"));
            }
            crash_point("dense.cached");
            known.extend(rows);
        }
        running.meter.count(|counts| {
            counts.chunks_embedded += computed;
            counts.chunks_from_cache += chunks.len() as u64 - computed;
        });
        Ok(known)
    }
}

async fn asked_to_stop(running: &Running) {
    running.stop.cancelled().await;
    tokio::time::sleep(LAST_CALL).await;
}

/// Versions whose chunks are read together: at least one, and no more than are embedded at once.
fn groups(versions: &[VersionSize], at_once: u64) -> Vec<Vec<VersionId>> {
    let mut groups: Vec<Vec<VersionId>> = Vec::new();
    let mut room = 0;
    for version in versions {
        match groups.last_mut() {
            Some(group) if version.chunk_count <= room => group.push(version.id),
            _ => {
                groups.push(vec![version.id]);
                room = at_once;
            }
        }
        room = room.saturating_sub(version.chunk_count);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_documents_are_embedded_together() {
        let sizes = [10, 20, 2, 1, 100, 3, 0];
        let versions: Vec<VersionSize> = sizes
            .iter()
            .map(|chunk_count| VersionSize {
                id: VersionId::new(nexus_domain::Timestamp::from_micros(0)),
                chunk_count: *chunk_count,
            })
            .collect();
        let grouped: Vec<usize> = groups(&versions, 32).iter().map(Vec::len).collect();
        assert_eq!(grouped, [3, 1, 1, 2]);
        assert_eq!(
            groups(&versions, 32).concat(),
            versions.iter().map(|version| version.id).collect::<Vec<_>>()
        );
    }
}
