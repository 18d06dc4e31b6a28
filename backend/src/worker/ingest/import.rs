//! Takes in a knowledge base that was exported: its passages as they were cut, and its vectors where the model is the same.
//! Everything goes through the stages that uploads go through, source by source.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use chrono_tz::Tz;
use nexus_domain::{KbId, KnowledgeBase, Problem, ProblemCode, Source, SourceId, Stage, SyncState, UploadId};
use nexus_ingest::{BundleError, BundleManifest, BundleReader, BundleSource, Limits, WalkError};

use super::read::{Met, Reader, Sender, WalkFailed, Walked};
use super::{Job, clear_earlier_attempt, complete, fetch, index, record};
use crate::service::checked_schedule;
use crate::worker::context::WorkerContext;
use crate::worker::failure::Stopped;
use crate::worker::heartbeat::Running;
use crate::worker::run::Completion;

/// Read on by one thread after the other.
type Bundle = Arc<Mutex<BundleReader<File>>>;

/// Imports an upload into the knowledge base that was made for it.
pub async fn run(
    context: &WorkerContext,
    running: &Running,
    upload_id: UploadId,
    trusts_vectors: bool,
) -> Result<Completion, Stopped> {
    let gone = || Stopped::fail("not_found", "the uploaded file is gone");
    let upload = context.db.uploads().get(upload_id).await?.ok_or_else(gone)?;
    let kb_id = running.task.kb_id.ok_or_else(gone)?;
    clear_earlier_attempt(context, running, None).await?;
    let file = fetch(context, running, &upload).await?;
    let (path, limits) = (file.path().to_owned(), context.ingest.limits);
    let again = path.clone();
    let (unread, manifest) = blocking(move || open(&path, &limits)).await?;
    running.meter.stage(Stage::Indexing, Some(manifest.documents));
    read_through(running, unread).await?;
    let (bundle, _) = blocking(move || open(&again, &limits)).await?;
    weigh_as(context, running, kb_id, &manifest).await?;
    let vectors_of = match trusts_vectors {
        true => same_model(context, &manifest).await?,
        false => None,
    };
    loop {
        let next = Arc::clone(&bundle);
        let next = blocking(move || {
            next.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next_source()
                .map_err(Failed)
        });
        let Some(source) = next.await? else { break };
        let kb = kb(context, kb_id).await?;
        let (source, problems) = add_source(context, running, kb_id, source).await?;
        let job = Job {
            context: context.clone(),
            running: running.clone(),
            kb,
            source,
            only: None,
            vectors_of: vectors_of.clone(),
        };
        if !problems.is_empty() {
            record(&job, &problems).await?;
        }
        index(&job, documents(&job, Arc::clone(&bundle))).await?;
    }
    drop(file);
    nexus_domain::probe::crash_point("import.indexed");
    let mut completion = complete(context, running, kb_id).await?;
    completion.consumed = Some(upload_id);
    Ok(completion)
}

/// Why a bundle was not read on.
struct Failed(BundleError);

impl From<Failed> for Stopped {
    fn from(Failed(error): Failed) -> Self {
        match error {
            BundleError::Io(_) => Self::internal(&error),
            BundleError::Rejected(problem) => Self::upload(problem),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failed> + Send + 'static,
) -> Result<T, Stopped> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Stopped::internal(&error))??)
}

fn open(path: &std::path::Path, limits: &Limits) -> Result<(Bundle, BundleManifest), Failed> {
    let file = File::open(path).map_err(|error| Failed(BundleError::Io(error)))?;
    let reader = BundleReader::open(file, limits).map_err(Failed)?;
    let manifest = reader.manifest().clone();
    Ok((Arc::new(Mutex::new(reader)), manifest))
}

/// Reads the bundle to its end before a row is written: of what is no whole export, nothing comes in.
async fn read_through(running: &Running, bundle: Bundle) -> Result<(), Stopped> {
    loop {
        running.check()?;
        let bundle = Arc::clone(&bundle);
        let stop = running.stop.clone();
        let has_more = blocking(move || {
            let mut bundle = bundle.lock().unwrap_or_else(PoisonError::into_inner);
            if bundle.next_source().map_err(Failed)?.is_none() {
                return Ok(false);
            }
            while !stop.is_cancelled() && bundle.next_document().map_err(Failed)?.is_some() {}
            Ok(true)
        });
        if !has_more.await? {
            return Ok(());
        }
    }
}

async fn kb(context: &WorkerContext, id: KbId) -> Result<KnowledgeBase, Stopped> {
    let kb = context.db.knowledge_bases().get(id).await?;
    kb.ok_or_else(|| Stopped::fail("not_found", "the knowledge base is gone"))
}

/// The same average gives the same ranking as where it was exported.
async fn weigh_as(
    context: &WorkerContext,
    running: &Running,
    id: KbId,
    manifest: &BundleManifest,
) -> Result<(), Stopped> {
    let average = manifest.lexical_average_milli;
    if !(1..=i64::from(i32::MAX)).contains(&average) || kb(context, id).await?.lexical_average_milli != 0 {
        return Ok(());
    }
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    tx.knowledge_bases().set_lexical_average(id, average).await?;
    tx.commit().await?;
    Ok(())
}

/// The bundle's model, if it is one that is fed here.
async fn same_model(context: &WorkerContext, manifest: &BundleManifest) -> Result<Option<Arc<str>>, Stopped> {
    let Some(model) = &manifest.model else {
        return Ok(None);
    };
    let fed = context.generations.fed().await?;
    let is_same = fed
        .iter()
        .any(|pass| pass.model() == model.name && pass.info().dimension == model.dimension);
    Ok(is_same.then(|| Arc::from(model.name.as_str())))
}

/// Makes the source. What cannot come with it is told, and its documents are taken in all the same.
async fn add_source(
    context: &WorkerContext,
    running: &Running,
    kb_id: KbId,
    given: BundleSource,
) -> Result<(Source, Vec<Problem>), Stopped> {
    let now = context.clock.now();
    let mut problems = Vec::new();
    let BundleSource { kind, name, .. } = given;
    let remote = given.remote.filter(|remote| {
        let remotes = &context.remotes;
        match nexus_sources::check(remote, &remotes.guard, &remotes.settings) {
            Ok(()) => true,
            Err(error) => {
                let why = format!(
                    "The source {name:?} comes with its documents and without its address and schedule, so that it is not \
                     synced: it cannot be fetched from here: {error}"
                );
                problems.push(Problem::of_upload(ProblemCode::AddressRefused, why));
                false
            }
        }
    });
    if given.had_credential {
        let why = format!(
            "The source {name:?} was fetched with a credential, which is not exported: it is not synced by itself until \
             it is given one and its schedule again"
        );
        problems.push(Problem::of_upload(ProblemCode::AccessDenied, why));
    }
    let is_open = remote.is_some() && !given.had_credential;
    let schedule = given.schedule.filter(|_| is_open).and_then(|schedule| {
        let checked = checked_schedule(&schedule.cron, Some(&schedule.time_zone), Tz::UTC, now);
        checked
            .map_err(|error| {
                let why = format!("The schedule of the source {name:?} is not kept here: {error}");
                problems.push(Problem::of_upload(ProblemCode::ParseFailed, why));
            })
            .ok()
    });
    let (schedule, next_sync_at) = schedule.unzip();
    let candidate = Source {
        id: SourceId::new(now),
        kb_id,
        kind,
        name,
        remote,
        schedule,
        next_sync_at,
        sync: SyncState::default(),
        has_credential: false,
        has_webhook: false,
        created_at: now,
        updated_at: now,
    };
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    let source = tx.sources().find_or_create(&candidate).await?;
    tx.commit().await?;
    Ok((source, problems))
}

/// Hands on the documents of the source that the bundle stands at.
fn documents(job: &Job, bundle: Bundle) -> Reader {
    let (sender, files) = Sender::new(job);
    let walk = tokio::task::spawn_blocking(move || {
        let mut bundle = bundle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let step = match bundle.next_document().map_err(walk_failed)? {
                None => break,
                Some(Ok(document)) => {
                    let bytes = document.memory();
                    sender.imported(document, bytes)
                }
                Some(Err(problem)) => sender.send(Met::Problem(problem)),
            };
            if step.is_break() {
                return Ok(Walked::default());
            }
        }
        Ok(Walked {
            complete: true,
            ..Walked::default()
        })
    });
    Reader { files, walk }
}

fn walk_failed(error: BundleError) -> WalkFailed {
    WalkFailed::Upload(match error {
        BundleError::Io(error) => WalkError::Io(error),
        BundleError::Rejected(problem) => WalkError::Rejected(problem),
    })
}
