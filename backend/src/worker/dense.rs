//! The dense pass: chunks of current versions that a generation does not hold get their vectors, from the cache
//! or from the model. A vector is in the cache before it is in the index, so whatever happens it is computed once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use nexus_domain::document::embedding_text;
use nexus_domain::probe::{crash_point, trace};
use nexus_domain::{
    CallLog, Collection, ContentHash, Embedder, EmbedderInfo, GenerationId, KbId, Point, Stage, Vector,
    VersionId,
};
use nexus_rag::DenseSide;
use nexus_storage::{IndexableChunk, VersionSize};

use super::context::WorkerContext;
use super::failure::Stopped;
use super::heartbeat::Running;
use super::points::upsert_current;

/// Versions looked up at once.
const VERSIONS: usize = 64;
/// A call that was begun is paid for, so a task that is asked to stop lets it end, if it does so soon.
const LAST_CALL: Duration = Duration::from_secs(5);
/// What a provider was asked for is written so often, and at the end: the most that a crash can hide.
const CALLS_KEPT_EVERY: Duration = Duration::from_secs(60);

/// Fills every generation that is fed with what it lacks of a knowledge base, and lets the next one take over once it is
/// complete.
pub async fn feed(context: &WorkerContext, running: &Running, kb: KbId) -> Result<(), Stopped> {
    for pass in context.generations.fed().await? {
        pass.run(context, running, kb).await?;
    }
    Ok(context.generations.switch_if_complete().await?)
}

/// An embedding model and the index that it fills.
#[derive(Clone, Debug)]
pub struct DensePass {
    embedder: Arc<dyn Embedder>,
    generation: GenerationId,
}

impl DensePass {
    pub fn new(embedder: Arc<dyn Embedder>, generation: GenerationId) -> Self {
        Self { embedder, generation }
    }

    pub fn generation(&self) -> GenerationId {
        self.generation
    }

    pub fn model(&self) -> &str {
        &self.embedder.info().model
    }

    pub fn info(&self) -> &EmbedderInfo {
        self.embedder.info()
    }

    pub fn embedder(&self) -> Arc<dyn Embedder> {
        Arc::clone(&self.embedder)
    }

    /// What questions are put to.
    pub fn side(&self) -> DenseSide {
        DenseSide {
            embedder: Arc::clone(&self.embedder),
            collection: self.collection(),
        }
    }

    pub fn collection(&self) -> Collection {
        Collection::Dense {
            generation: self.generation,
            dimension: self.embedder.info().dimension,
        }
    }

    /// Embeds until nothing of the knowledge base is missing. The tasks that call this see to it that no other one of the
    /// knowledge base does, in whatever process: see [`embed_kb::let_end`](super::embed_kb::let_end).
    pub async fn run(&self, context: &WorkerContext, running: &Running, kb: KbId) -> Result<(), Stopped> {
        let stats = context.db.knowledge_bases().stats(kb, self.generation).await?;
        running.meter.stage(
            Stage::Embedding,
            Some(stats.chunks.saturating_sub(stats.embedded_chunks)),
        );
        // By id, and again from the start until nothing is left: a version may become current behind this place.
        let mut after = None;
        let mut calls = context.model_calls.open_feeding(kb);
        loop {
            running.check()?;
            let versions = context
                .db
                .versions()
                .unembedded(kb, self.generation, after, VERSIONS)
                .await?;
            let Some(last) = versions.last() else {
                if after.take().is_none() {
                    calls.keep().await;
                    return Ok(());
                }
                continue;
            };
            after = Some(last.id);
            let mut readable = HashSet::new();
            // Embedded before their vectors are written to the cache: what a crash may cost.
            let at_once = self.embedder.passages_at_once().max(1);
            for group in groups(&versions, at_once as u64) {
                let chunks = context.db.chunks().indexable_by_versions(&group).await?;
                for part in chunks.chunks(at_once) {
                    running.check()?;
                    let part_readable: Vec<&IndexableChunk> =
                        part.iter().filter(|row| self.can_read(row)).collect();
                    if !part_readable.is_empty() {
                        self.embed(context, running, &part_readable, calls.log()).await?;
                        readable.extend(part_readable.iter().map(|row| row.chunk.version_id));
                    }
                    running.meter.advance(part.len() as u64);
                    if calls.age() >= CALLS_KEPT_EVERY {
                        calls.keep().await;
                        calls = context.model_calls.open_feeding(kb);
                    }
                }
            }
            context.vectors.persist(self.collection()).await?;
            crash_point("dense.points_durable");
            let mut tx = context.db.begin().await?;
            running.hold(&mut tx).await?;
            let (with, without): (Vec<VersionId>, Vec<VersionId>) = versions
                .iter()
                .map(|version| version.id)
                .partition(|id| readable.contains(id));
            tx.versions().set_embedded(&with, self.generation, true).await?;
            tx.versions()
                .set_embedded(&without, self.generation, false)
                .await?;
            tx.knowledge_bases()
                .bump_revision(kb, context.clock.now())
                .await?;
            tx.commit().await?;
            crash_point("dense.marked");
        }
    }

    /// A vector of a text in a script that the model was not trained on says nothing: it is not computed, and the words
    /// of such a chunk speak for themselves.
    fn can_read(&self, row: &IndexableChunk) -> bool {
        self.info().knows(nexus_text::script_of(&row.chunk.text))
    }

    async fn embed(
        &self,
        context: &WorkerContext,
        running: &Running,
        chunks: &[&IndexableChunk],
        calls: &CallLog,
    ) -> Result<(), Stopped> {
        let vectors = self.vectors(context, running, chunks, calls).await?;
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
        chunks: &[&IndexableChunk],
        calls: &CallLog,
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
                vectors = self.embedder.embed_passages_noting(texts, calls) => vectors?,
                () = asked_to_stop(running) => return Err(Stopped::Asked),
            };
            for hash in &hashes {
                trace(|| format!("computed {hash}"));
            }
            crash_point("dense.embedded");
            // What was computed is lost where the process ends before it is written.
            let mut tx = context.db.begin_ahead().await?;
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
