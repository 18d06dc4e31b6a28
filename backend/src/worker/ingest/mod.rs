//! Reads an upload into a knowledge base: a walker thread unpacks, parse threads cut and analyse, and the writer takes
//! batches through rows, index and switch. The stages are joined by bounded channels and a budget of bytes, so memory
//! does not depend on the archive.

mod budget;
mod parse;
mod read;
mod write;

use nexus_domain::{KnowledgeBase, Problem, Source, SourceId, Stage, TaskPayload, Upload, UploadId};
use nexus_ingest::{ChunkOptions, Limits};

use super::context::WorkerContext;
use super::failure::{EMBEDDING_REFUSED, Stopped};
use super::heartbeat::Running;
use super::run::Completion;
use super::{dense, embed_kb, lexical, sweep};
use crate::uploads::Fetched;

/// Bounds and sizes of ingestion.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    pub limits: Limits,
    pub chunks: ChunkOptions,
    pub parse_threads: usize,
}

/// What an ingestion works on.
#[derive(Clone, Debug)]
struct Job {
    context: WorkerContext,
    running: Running,
    kb: KnowledgeBase,
    source: Source,
    upload: Upload,
}

pub async fn run(
    context: &WorkerContext,
    running: &Running,
    upload_id: UploadId,
    source_id: SourceId,
) -> Result<Completion, Stopped> {
    let job = load(context, running, upload_id, source_id).await?;
    clear_earlier_attempt(&job).await?;
    let file = fetch(&job).await?;
    let complete = index(&job, &file).await?;
    drop(file);
    nexus_domain::probe::crash_point("ingest.indexed");
    if complete && job.source.kind.removes_missing() {
        remove_missing(&job).await?;
    }
    nexus_domain::probe::crash_point("ingest.removed");
    let mut follow_ups = Vec::new();
    if !embed(&job).await? {
        follow_ups.push((Some(job.kb.id), TaskPayload::EmbedKb));
    }
    if sweep::is_needed(context).await? {
        follow_ups.push((None, TaskPayload::Sweep));
    }
    if lexical::needs_rebuild(context, job.kb.id).await? {
        follow_ups.push((Some(job.kb.id), TaskPayload::RebuildLexical));
    }
    Ok(Completion {
        follow_ups,
        consumed: Some(upload_id),
    })
}

/// Whether the dense pass is through. A model that is away or refuses is waited for by a task of its own: this one has done
/// its work, the documents are found by their words, and the upload need not be read again.
async fn embed(job: &Job) -> Result<bool, Stopped> {
    embed_kb::let_end(&job.context, &job.running, job.kb.id).await?;
    match dense::feed(&job.context, &job.running, job.kb.id).await {
        Ok(()) => Ok(true),
        Err(Stopped::Away(_)) => Ok(false),
        Err(Stopped::Fail(error)) if error.code == EMBEDDING_REFUSED => Ok(false),
        Err(stopped) => Err(stopped),
    }
}

async fn load(
    context: &WorkerContext,
    running: &Running,
    upload_id: UploadId,
    source_id: SourceId,
) -> Result<Job, Stopped> {
    let gone = || Stopped::fail("not_found", "the knowledge base or the uploaded file is gone");
    let upload = context.db.uploads().get(upload_id).await?.ok_or_else(gone)?;
    let source = context.db.sources().get(source_id).await?.ok_or_else(gone)?;
    let kb = context
        .db
        .knowledge_bases()
        .get(source.kb_id)
        .await?
        .ok_or_else(gone)?;
    Ok(Job {
        context: context.clone(),
        running: running.clone(),
        kb,
        source,
        upload,
    })
}

/// An attempt that was cut off leaves versions that nobody sees; this one writes its own.
async fn clear_earlier_attempt(job: &Job) -> Result<(), Stopped> {
    let mut tx = job.context.db.begin().await?;
    job.running.hold(&mut tx).await?;
    tx.documents().retire_pending_of_task(job.running.task.id).await?;
    tx.tasks().clear_problems(job.running.task.id).await?;
    tx.commit().await?;
    // Problems are counted again with the files that have them.
    job.running.meter.count(|counts| {
        counts.files_with_problems = 0;
        counts.documents_unchanged = 0;
        counts.bytes_read = 0;
    });
    Ok(())
}

/// Brings the upload to this machine, if it is not there.
async fn fetch(job: &Job) -> Result<Fetched, Stopped> {
    job.running.meter.waits_for(Some("the storage of uploads"));
    tokio::select! {
        fetched = job.context.uploads.fetch(&job.upload) => Ok(fetched?),
        () = job.running.stop.cancelled() => {
            job.running.check()?;
            Err(Stopped::Asked)
        }
    }
}

/// Brings every document of the upload up to date. Whether the whole upload was seen.
async fn index(job: &Job, file: &Fetched) -> Result<bool, Stopped> {
    job.running.meter.stage(Stage::Indexing, None);
    let reader = read::start(job, file.path().to_owned());
    let (prepared, parser) = parse::start(job, reader.files);
    let written = write::run(job, prepared).await;
    // The stages before the writer end when their channels close; theirs is the cause if they failed.
    parser.await.map_err(|error| Stopped::internal(&error))??;
    let walked = reader.walk.await.map_err(|error| Stopped::internal(&error))?;
    written?;
    job.running.check()?;
    match walked {
        Ok(summary) => Ok(summary.complete),
        Err(nexus_ingest::WalkError::Rejected(problem)) => {
            record(job, std::slice::from_ref(&problem)).await?;
            Err(Stopped::upload(problem))
        }
        Err(error @ nexus_ingest::WalkError::Io(_)) => Err(Stopped::internal(&error)),
    }
}

async fn record(job: &Job, problems: &[Problem]) -> Result<(), Stopped> {
    let mut tx = job.context.db.begin().await?;
    job.running.hold(&mut tx).await?;
    tx.tasks()
        .add_problems(job.running.task.id, problems, job.context.clock.now())
        .await?;
    tx.commit().await?;
    Ok(())
}

/// Tombstones the documents that the upload no longer holds.
async fn remove_missing(job: &Job) -> Result<(), Stopped> {
    job.running.meter.stage(Stage::Removing, None);
    let now = job.context.clock.now();
    let mut tx = job.context.db.begin().await?;
    job.running.hold(&mut tx).await?;
    let removed = tx
        .documents()
        .remove_unseen(job.source.id, job.running.task.id, now)
        .await?;
    if removed > 0 {
        tx.knowledge_bases().bump_revision(job.kb.id, now).await?;
    }
    tx.commit().await?;
    job.running
        .meter
        .count(|counts| counts.documents_removed += removed);
    Ok(())
}
