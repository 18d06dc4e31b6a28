//! Reads files into a knowledge base: a reader thread unpacks an upload or fetches from a source, parse threads cut and
//! analyse, and the writer takes batches through rows, index and switch. The stages are joined by bounded channels and a
//! budget of bytes, so memory does not depend on how much there is.

mod budget;
mod import;
mod parse;
mod plan;
mod read;
mod remote;
mod removals;
mod remove;
mod write;

use std::collections::HashSet;
use std::sync::Arc;

use nexus_domain::{
    KbId, KnowledgeBase, Problem, ProblemCode, Source, SourceId, Stage, TaskId, TaskPayload, Upload, UploadId,
};
use nexus_ingest::{ChunkOptions, Limits, Readers};
use tracing::Instrument as _;

use super::context::WorkerContext;
use super::failure::{EMBEDDING_REFUSED, Stopped};
use super::heartbeat::Running;
use super::run::Completion;
use super::{dense, embed_kb, lexical, sweep};
use crate::service::SyncOptions;
use crate::uploads::Fetched;
use read::{Reader, WalkFailed, Walked};

pub use import::run as import;
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
    /// The model whose vectors come with the passages.
    vectors_of: Option<Arc<str>>,
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
    let source = context.db.sources().get(source_id).await?;
    let job = load(context, running, source, again).await?;
    clear_earlier_attempt(context, running, Some(source_id)).await?;
    let file = fetch(context, running, &upload).await?;
    running.meter.stage(Stage::Indexing, None);
    let reader = match path {
        Some(path) => read::document(&job, file.path().to_owned(), path),
        None => read::upload(&job, file.path().to_owned(), upload.file_name.clone()).await?,
    };
    let walked = index(&job, reader).instrument(stage("index")).await?;
    drop(file);
    nexus_domain::probe::crash_point("ingest.indexed");
    let mut completion = finish(&job, &walked).await?;
    if walked.complete && job.only.is_none() {
        note_read(context, running, source_id, None).await?;
    }
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
    options: SyncOptions,
    again: Option<TaskId>,
) -> Result<Completion, Stopped> {
    let (source, credential) = remote::load(context, source_id).await?.unzip();
    let job = load(context, running, source, again).await?;
    let dry_run = options.dry_run;
    if !dry_run {
        clear_earlier_attempt(context, running, Some(source_id)).await?;
    }
    job.running.meter.stage(Stage::Indexing, None);
    let reader = read::remote(&job, credential.flatten(), dry_run).await?;
    if dry_run {
        plan::run(&job, reader).await?;
        return Ok(Completion::default());
    }
    let mut walked = index(&job, reader).instrument(stage("index")).await?;
    nexus_domain::probe::crash_point("ingest.indexed");
    if !options.accept_removals {
        removals::hold_back(&job, &mut walked).await?;
    }
    let completion = finish(&job, &walked).await?;
    if walked.complete && job.only.is_none() {
        let has_passing_problems =
            !walked.is_unchanged && has_passing_problems(context, running.task.id).await?;
        // What may be readable the next time is looked at again, though nothing has changed.
        let state = walked.state.as_deref().filter(|_| !has_passing_problems);
        note_read(context, running, source_id, state).await?;
    }
    Ok(completion)
}

/// A part of a task's time in its trace.
fn stage(stage: &'static str) -> tracing::Span {
    tracing::info_span!(target: "nexus_trace", "task.stage", stage)
}

/// Notes that the source was read whole.
async fn note_read(
    context: &WorkerContext,
    running: &Running,
    source: SourceId,
    state: Option<&str>,
) -> Result<(), Stopped> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    tx.sources().synced(source, state, now).await?;
    Ok(tx.commit().await?)
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
    if walked.complete && !walked.is_unchanged && job.only.is_none() && job.source.kind.removes_missing() {
        removals::remove_missing(job).await?;
    }
    nexus_domain::probe::crash_point("ingest.removed");
    complete(&job.context, &job.running, job.kb.id).await
}

/// What follows when all documents are written.
async fn complete(context: &WorkerContext, running: &Running, kb: KbId) -> Result<Completion, Stopped> {
    let mut follow_ups = Vec::new();
    if !embed(context, running, kb).instrument(stage("embed")).await? {
        follow_ups.push((Some(kb), TaskPayload::EmbedKb));
    }
    if sweep::is_needed(context).await? {
        follow_ups.push((None, TaskPayload::Sweep));
    }
    if lexical::needs_rebuild(context, kb).await? {
        follow_ups.push((Some(kb), TaskPayload::RebuildLexical));
    }
    Ok(Completion {
        follow_ups,
        consumed: None,
    })
}

/// Whether the dense pass is through. A model that is away or refuses is waited for by a task of its own: this one has done
/// its work, the documents are found by their words, and the upload need not be read again.
async fn embed(context: &WorkerContext, running: &Running, kb: KbId) -> Result<bool, Stopped> {
    embed_kb::let_end(context, running, kb).await?;
    match dense::feed(context, running, kb).await {
        Ok(()) => Ok(true),
        Err(Stopped::Away { .. }) => Ok(false),
        Err(Stopped::Fail(error)) if error.code == EMBEDDING_REFUSED => Ok(false),
        Err(stopped) => Err(stopped),
    }
}

async fn load(
    context: &WorkerContext,
    running: &Running,
    source: Option<Source>,
    again: Option<TaskId>,
) -> Result<Job, Stopped> {
    let gone = || Stopped::fail("not_found", "the knowledge base or the source is gone");
    let source = source.ok_or_else(gone)?;
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
        vectors_of: None,
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
async fn clear_earlier_attempt(
    context: &WorkerContext,
    running: &Running,
    source: Option<SourceId>,
) -> Result<(), Stopped> {
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    tx.documents().retire_pending_of_task(running.task.id).await?;
    tx.tasks().clear_problems(running.task.id).await?;
    if let Some(source) = source {
        tx.documents().forget_seen(source, running.task.id).await?;
    }
    tx.commit().await?;
    // Problems are counted again with the files that have them.
    running.meter.count(|counts| {
        counts.files_with_problems = 0;
        counts.documents_unchanged = 0;
        counts.bytes_read = 0;
    });
    Ok(())
}

/// Brings the upload to this machine, if it is not there.
async fn fetch(context: &WorkerContext, running: &Running, upload: &Upload) -> Result<Fetched, Stopped> {
    running.meter.waits_for(Some("the storage of uploads"));
    tokio::select! {
        fetched = context.uploads.fetch(upload) => Ok(fetched?),
        () = running.stop.cancelled() => {
            running.check()?;
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
