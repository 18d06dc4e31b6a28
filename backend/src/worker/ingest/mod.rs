//! Reads files into a knowledge base: a reader thread unpacks an upload or fetches from a source, parse threads cut and
//! analyse, and the writer takes batches through rows, index and switch. The stages are joined by bounded channels and a
//! budget of bytes, so memory does not depend on how much there is.

mod budget;
mod parse;
mod plan;
mod read;
mod remote;
mod remove;
mod write;

use std::collections::HashSet;
use std::sync::Arc;

use nexus_domain::{
    KnowledgeBase, Problem, ProblemCode, Source, SourceId, Stage, TaskId, TaskPayload, Upload, UploadId,
};
use nexus_ingest::{ChunkOptions, Limits, Readers};

use super::context::WorkerContext;
use super::failure::{EMBEDDING_REFUSED, Stopped};
use super::heartbeat::Running;
use super::run::Completion;
use super::{dense, embed_kb, lexical, sweep};
use crate::uploads::Fetched;
use read::{Reader, WalkFailed, Walked};

pub use remote::Remotes;
pub use remove::remove;

/// Problems of a task that are looked at together.
const PROBLEMS: usize = 1_000;

/// Bounds and sizes of ingestion.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    pub limits: Limits,
    pub chunks: ChunkOptions,
    pub parse_threads: usize,
    /// Processes that read what might bring this one down.
    pub readers: Arc<Readers>,
}

/// What an ingestion works on.
#[derive(Clone, Debug)]
struct Job {
    context: WorkerContext,
    running: Running,
    kb: KnowledgeBase,
    source: Source,
    /// Where a retry looks: at these paths alone.
    only: Option<Arc<HashSet<String>>>,
}

impl Job {
    /// Whether a file is wanted at all.
    fn wants(&self, path: Option<&str>) -> bool {
        match (&self.only, path) {
            (Some(only), Some(path)) => only.contains(path),
            _ => true,
        }
    }
}

/// What was sent.
#[derive(Debug)]
pub struct Given {
    pub upload_id: UploadId,
    /// Where the one document stands that the upload is, whatever is in it.
    pub path: Option<String>,
}

/// Reads an upload.
pub async fn run(
    context: &WorkerContext,
    running: &Running,
    Given { upload_id, path }: Given,
    source_id: SourceId,
    again: Option<TaskId>,
) -> Result<Completion, Stopped> {
    let gone = || Stopped::fail("not_found", "the uploaded file is gone");
    let upload = context.db.uploads().get(upload_id).await?.ok_or_else(gone)?;
    let job = load(context, running, source_id, again).await?;
    clear_earlier_attempt(&job).await?;
    let file = fetch(&job, &upload).await?;
    job.running.meter.stage(Stage::Indexing, None);
    let reader = match path {
        Some(path) => read::document(&job, file.path().to_owned(), path),
        None => read::upload(&job, file.path().to_owned(), upload.file_name.clone()),
    };
    let walked = index(&job, reader).await?;
    drop(file);
    nexus_domain::probe::crash_point("ingest.indexed");
    let mut completion = finish(&job, &walked).await?;
    // What may be readable the next time can be read again, as long as uploads are kept.
    let is_of_use = has_passing_problems(context, running.task.id).await?;
    completion.consumed = (!is_of_use).then_some(upload_id);
    Ok(completion)
}

/// Brings a remote source up to date, or says what that would change.
pub async fn sync(
    context: &WorkerContext,
    running: &Running,
    source_id: SourceId,
    dry_run: bool,
    again: Option<TaskId>,
) -> Result<Completion, Stopped> {
    let job = load(context, running, source_id, again).await?;
    if !dry_run {
        clear_earlier_attempt(&job).await?;
    }
    job.running.meter.stage(Stage::Indexing, None);
    let reader = read::remote(&job, dry_run).await?;
    if dry_run {
        plan::run(&job, reader).await?;
        return Ok(Completion::default());
    }
    let walked = index(&job, reader).await?;
    nexus_domain::probe::crash_point("ingest.indexed");
    let completion = finish(&job, &walked).await?;
    if walked.complete && job.only.is_none() {
        let has_passing_problems =
            !walked.is_unchanged && has_passing_problems(context, running.task.id).await?;
        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        running.hold(&mut tx).await?;
        // What may be readable the next time is looked at again, though nothing has changed.
        let state = walked.state.as_deref().filter(|_| !has_passing_problems);
        tx.sources().synced(source_id, state, now).await?;
        tx.commit().await?;
    }
    Ok(completion)
}

/// Whether the task has met problems that may pass by themselves.
async fn has_passing_problems(context: &WorkerContext, task: TaskId) -> Result<bool, Stopped> {
    let problems = context.db.tasks().problems(task, None, PROBLEMS).await?;
    Ok(problems.iter().any(|row| {
        matches!(
            row.problem.code,
            ProblemCode::TimedOut
                | ProblemCode::ReaderCrashed
                | ProblemCode::MemoryLimit
                | ProblemCode::Unreachable
        )
    }))
}

/// What follows when all files have been looked at.
async fn finish(job: &Job, walked: &Walked) -> Result<Completion, Stopped> {
    let context = &job.context;
    if walked.complete && !walked.is_unchanged && job.only.is_none() && job.source.kind.removes_missing() {
        remove_missing(job).await?;
    }
    nexus_domain::probe::crash_point("ingest.removed");
    let mut follow_ups = Vec::new();
    if !embed(job).await? {
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
        consumed: None,
    })
}

/// Whether the dense pass is through. A model that is away or refuses is waited for by a task of its own: this one has done
/// its work, the documents are found by their words, and the upload need not be read again.
async fn embed(job: &Job) -> Result<bool, Stopped> {
    embed_kb::let_end(&job.context, &job.running, job.kb.id).await?;
    match dense::feed(&job.context, &job.running, job.kb.id).await {
        Ok(()) => Ok(true),
        Err(Stopped::Away { .. }) => Ok(false),
        Err(Stopped::Fail(error)) if error.code == EMBEDDING_REFUSED => Ok(false),
        Err(stopped) => Err(stopped),
    }
}

async fn load(
    context: &WorkerContext,
    running: &Running,
    source_id: SourceId,
    again: Option<TaskId>,
) -> Result<Job, Stopped> {
    let gone = || Stopped::fail("not_found", "the knowledge base or the source is gone");
    let source = context.db.sources().get(source_id).await?.ok_or_else(gone)?;
    let kb = context
        .db
        .knowledge_bases()
        .get(source.kb_id)
        .await?
        .ok_or_else(gone)?;
    let only = match again {
        Some(task) => Some(Arc::new(unread(context, task).await?)),
        None => None,
    };
    Ok(Job {
        context: context.clone(),
        running: running.clone(),
        kb,
        source,
        only,
    })
}

/// The paths that a task could not read.
async fn unread(context: &WorkerContext, task: TaskId) -> Result<HashSet<String>, Stopped> {
    let mut paths = HashSet::new();
    let mut after = None;
    loop {
        let page = context.db.tasks().problems(task, after, PROBLEMS).await?;
        let Some(last) = page.last() else {
            return Ok(paths);
        };
        after = Some(last.seq);
        paths.extend(page.into_iter().filter_map(|row| row.problem.path));
    }
}

/// An attempt that was cut off leaves versions that nobody sees; this one writes its own.
async fn clear_earlier_attempt(job: &Job) -> Result<(), Stopped> {
    let mut tx = job.context.db.begin().await?;
    job.running.hold(&mut tx).await?;
    tx.documents().retire_pending_of_task(job.running.task.id).await?;
    tx.tasks().clear_problems(job.running.task.id).await?;
    tx.documents()
        .forget_seen(job.source.id, job.running.task.id)
        .await?;
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
async fn fetch(job: &Job, upload: &Upload) -> Result<Fetched, Stopped> {
    job.running.meter.waits_for(Some("the storage of uploads"));
    tokio::select! {
        fetched = job.context.uploads.fetch(upload) => Ok(fetched?),
        () = job.running.stop.cancelled() => {
            job.running.check()?;
            Err(Stopped::Asked)
        }
    }
}

/// Brings every document that is met up to date.
async fn index(job: &Job, reader: Reader) -> Result<Walked, Stopped> {
    let (prepared, parser) = parse::start(job, reader.files);
    let written = write::run(job, prepared).await;
    // The stages before the writer end when their channels close; theirs is the cause if they failed.
    parser.await.map_err(|error| Stopped::internal(&error))??;
    let walked = reader.walk.await.map_err(|error| Stopped::internal(&error))?;
    written?;
    job.running.check()?;
    match walked {
        Ok(walked) => Ok(walked),
        Err(WalkFailed::Upload(nexus_ingest::WalkError::Rejected(problem))) => {
            record(job, std::slice::from_ref(&problem)).await?;
            Err(Stopped::upload(problem))
        }
        Err(WalkFailed::Upload(error @ nexus_ingest::WalkError::Io(_))) => Err(Stopped::internal(&error)),
        Err(WalkFailed::Source(error)) => Err(remote::stopped(job, error)),
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

/// Tombstones the documents that the source no longer holds.
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
