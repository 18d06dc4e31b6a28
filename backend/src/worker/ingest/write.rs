//! The last stage: batches of documents become rows, then points, then visible.
//!
//! The order is the invariant. Pending rows first, so that every point in an index has a row; then the points, and the
//! index is made durable; then the switch, so that what a row calls current is found even after a power cut.

use std::time::Duration;

use nexus_domain::probe::crash_point;
use nexus_domain::{
    Chunk, ChunkId, Collection, ContentHash, Document, DocumentId, DocumentVersion, Point, Problem,
    Timestamp, Vector, VersionId,
};
use nexus_ingest::Provenance;
use nexus_storage::PendingVersion;
use nexus_text::{Analysis, Bm25};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Job;
use super::budget::Share;
use super::parse::{Outcome, Prepared};
use crate::worker::failure::Stopped;
use crate::worker::lexical;

/// A batch is written when it holds so many chunks …
const BATCH_CHUNKS: usize = 1_024;
/// … or so many outcomes of any kind …
const BATCH_OUTCOMES: usize = 512;
/// … or when its first outcome has waited so long: what is uploaded is found soon.
const BATCH_WAIT: Duration = Duration::from_millis(250);

/// Outcomes that are written together.
#[derive(Default)]
struct Batch {
    documents: Vec<Pending>,
    unchanged: Vec<DocumentId>,
    /// Unchanged documents that the source calls by another name now.
    renamed: Vec<(DocumentId, Provenance)>,
    kept: Vec<DocumentId>,
    problems: Vec<Problem>,
    chunks: usize,
    outcomes: u64,
    bytes: u64,
}

/// A document on its way through the steps.
struct Pending {
    document: Document,
    version: PendingVersion,
    analyses: Vec<Analysis>,
    vectors: Vec<(ContentHash, Vec<f32>)>,
    _share: Share,
}

pub async fn run(job: &Job, mut outcomes: mpsc::Receiver<Outcome>) -> Result<(), Stopped> {
    let mut average = job.kb.lexical_average_milli;
    while let Some(first) = outcomes.recv().await {
        job.running.check()?;
        let batch = collect(job, first, &mut outcomes).await;
        write(job, batch, &mut average).await?;
    }
    Ok(())
}

async fn collect(job: &Job, first: Outcome, outcomes: &mut mpsc::Receiver<Outcome>) -> Batch {
    let deadline = Instant::now() + BATCH_WAIT;
    let mut batch = Batch::default();
    batch.add(job, first);
    while batch.chunks < BATCH_CHUNKS && batch.outcomes < BATCH_OUTCOMES as u64 {
        match timeout_at(deadline, outcomes.recv()).await {
            Ok(Some(outcome)) => batch.add(job, outcome),
            Ok(None) | Err(_) => break,
        }
    }
    batch
}

impl Batch {
    fn add(&mut self, job: &Job, outcome: Outcome) {
        self.outcomes += 1;
        match outcome {
            Outcome::Changed(prepared) => {
                self.chunks += prepared.chunks.len();
                self.bytes += prepared.size_bytes;
                self.documents.push(Pending::new(job, *prepared));
            }
            Outcome::Unchanged {
                document,
                bytes,
                provenance,
            } => {
                self.bytes += bytes;
                self.unchanged.push(document);
                self.renamed
                    .extend(provenance.map(|provenance| (document, provenance)));
            }
            Outcome::Gone => {}
            Outcome::Problem { problem, document } => {
                self.problems.push(problem);
                self.kept.extend(document);
            }
        }
    }
}

impl Pending {
    fn new(job: &Job, prepared: Prepared) -> Self {
        let now = job.context.clock.now();
        let document_id = prepared.document.unwrap_or_else(|| DocumentId::new(now));
        let version = DocumentVersion {
            id: VersionId::new(now),
            document_id,
            kb_id: job.kb.id,
            task_id: job.running.task.id,
            created_at: now,
        };
        let document = Document {
            id: document_id,
            kb_id: job.kb.id,
            source_id: job.source.id,
            path: prepared.path,
            title: prepared.title,
            format: prepared.format,
            size_bytes: prepared.size_bytes,
            content_hash: prepared.content_hash,
            fingerprint: prepared.fingerprint,
            link: prepared.link,
            version_id: version.id,
            chunk_count: u32::try_from(prepared.chunks.len()).unwrap_or(u32::MAX),
            created_at: now,
            updated_at: now,
        };
        let mut chunks = Vec::with_capacity(prepared.chunks.len());
        let mut analyses = Vec::with_capacity(prepared.chunks.len());
        let mut vectors = Vec::new();
        for (ordinal, prepared) in (0..).zip(prepared.chunks) {
            chunks.push(Chunk {
                id: ChunkId::new(now),
                version_id: version.id,
                document_id,
                kb_id: job.kb.id,
                ordinal,
                text: prepared.draft.text,
                heading_path: prepared.draft.heading_path,
                lines: prepared.draft.lines,
                pages: prepared.draft.pages,
                anchor: prepared.draft.anchor,
                term_count: prepared.analysis.length,
                content_hash: prepared.content_hash,
            });
            analyses.push(prepared.analysis);
            vectors.extend(prepared.vector.map(|vector| (prepared.content_hash, vector)));
        }
        Self {
            document,
            version: PendingVersion { version, chunks },
            analyses,
            vectors,
            _share: prepared.share,
        }
    }
}

async fn write(job: &Job, batch: Batch, average: &mut i64) -> Result<(), Stopped> {
    if !batch.documents.is_empty() {
        write_pending(job, &batch, average).await?;
        crash_point("ingest.rows_written");
        write_points(job, &batch, *average).await?;
        crash_point("ingest.points_durable");
    }
    switch(job, &batch).await?;
    crash_point("ingest.switched");
    let meter = &job.running.meter;
    meter.advance(batch.outcomes);
    meter.count(|counts| {
        counts.documents_indexed += batch.documents.len() as u64;
        counts.documents_unchanged += batch.unchanged.len() as u64;
        counts.files_with_problems += batch.problems.len() as u64;
        counts.chunks_indexed += batch.chunks as u64;
        counts.bytes_read += batch.bytes;
    });
    Ok(())
}

/// Rows that nobody sees yet, and the knowledge base's first average if this is its first batch.
async fn write_pending(job: &Job, batch: &Batch, average: &mut i64) -> Result<(), Stopped> {
    let mut tx = job.context.db.begin().await?;
    job.running.hold(&mut tx).await?;
    if *average == 0 && batch.chunks > 0 {
        let lengths = batch.documents.iter().flat_map(|pending| &pending.analyses);
        let sum: u64 = lengths.map(|analysis| u64::from(analysis.length)).sum();
        let own = lexical::quantised(sum, batch.chunks as u64);
        // An upload may run beside a sync.
        *average = tx.knowledge_bases().first_lexical_average(job.kb.id, own).await?;
    }
    for pending in &batch.documents {
        tx.documents()
            .write_pending(std::slice::from_ref(&pending.version))
            .await?;
        if let Some(model) = &job.vectors_of {
            tx.embeddings().put_many(model, &pending.vectors).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

async fn write_points(job: &Job, batch: &Batch, average: i64) -> Result<(), Stopped> {
    let chunks: Vec<(&Chunk, &Analysis)> = batch
        .documents
        .iter()
        .flat_map(|pending| pending.version.chunks.iter().zip(&pending.analyses))
        .collect();
    for part in chunks.chunks(BATCH_CHUNKS) {
        job.running.check()?;
        job.context
            .vectors
            .upsert(Collection::Lexical, weigh(part, average))
            .await?;
        crash_point("ingest.points_written");
    }
    job.context.vectors.persist(Collection::Lexical).await?;
    Ok(())
}

/// The lexical points of these chunks. One without a single term has none.
fn weigh(chunks: &[(&Chunk, &Analysis)], average: i64) -> Vec<Point> {
    let bm25 = Bm25::default();
    let average = lexical::average(average);
    chunks
        .iter()
        .filter(|(_, analysis)| !analysis.terms.is_empty())
        .map(|(chunk, analysis)| Point {
            id: chunk.id,
            kb_id: chunk.kb_id,
            vector: Vector::Sparse(bm25.document_vector(analysis, average)),
        })
        .collect()
}

/// One transaction: the documents show their new versions, and the knowledge base has a new revision.
async fn switch(job: &Job, batch: &Batch) -> Result<(), Stopped> {
    let now: Timestamp = job.context.clock.now();
    let task = job.running.task.id;
    let mut tx = job.context.db.begin().await?;
    job.running.hold(&mut tx).await?;
    // Its documents went with it, and what is switched on now would stay.
    if !tx.sources().hold(job.source.id).await? {
        return Err(Stopped::fail(
            "not_found",
            "the source was deleted while it was read",
        ));
    }
    let mut is_changed = !batch.documents.is_empty();
    if is_changed {
        let documents: Vec<Document> = batch
            .documents
            .iter()
            .map(|pending| pending.document.clone())
            .collect();
        tx.documents().switch(&documents, task).await?;
    }
    tx.documents().mark_seen(task, &batch.unchanged).await?;
    tx.documents().mark_seen(task, &batch.kept).await?;
    for (document, provenance) in &batch.renamed {
        let link = provenance.link.as_ref().map(|link| link.url.as_str());
        let fingerprint = provenance.fingerprint.as_deref();
        // Citations lead elsewhere now.
        is_changed |= tx
            .documents()
            .note_provenance(*document, fingerprint, link)
            .await?;
    }
    if is_changed {
        tx.knowledge_bases().bump_revision(job.kb.id, now).await?;
    }
    tx.tasks().add_problems(task, &batch.problems, now).await?;
    crash_point("ingest.before_switch_commit");
    tx.commit().await?;
    Ok(())
}
