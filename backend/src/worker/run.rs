//! Claiming and running tasks.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::{LeaseToken, TaskError, TaskKind, TaskPayload, TaskState, UploadId};
use nexus_storage::{Outcome, Reschedule, StorageError, Tx};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::context::WorkerContext;
use super::failure::Stopped;
use super::heartbeat::{self, Running};
use super::{calibrate, embed_kb, ingest, rebuild_lexical, schedule, sweep};
use crate::service::SyncOptions;

/// How often the table is looked at without being told that there is something.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// First wait before a failed task is tried again; doubled with each attempt.
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// Between two looks at something remote that is away.
const AWAY: Duration = Duration::from_secs(30);
/// Longest time for which something remote may ask to be left alone.
const AWAY_LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// Attempts that may end with their process before a task is given up: one that brings the server down would otherwise
/// do so for ever. More than attempts that fail, for most of them are somebody's restarts.
const MAX_LOST_ATTEMPTS: u32 = 50;
/// Longest wait between attempts.
const RETRY_LONGEST: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Tasks that run at the same time.
    pub concurrency: usize,
    pub lease: Duration,
    pub max_attempts: u32,
    pub sweep_every: Duration,
    /// Between two looks for knowledge bases to measure; zero for none.
    pub calibrate_every: Duration,
}

/// What a task leaves when it has done its work: written in the transaction that ends it.
#[derive(Debug, Default)]
pub struct Completion {
    pub follow_ups: Vec<(Option<nexus_domain::KbId>, TaskPayload)>,
    /// An upload that nobody needs any more.
    pub consumed: Option<UploadId>,
}

/// Runs tasks until it is told to stop.
#[derive(Clone, Debug)]
pub struct Worker {
    context: WorkerContext,
    options: WorkerOptions,
}

impl Worker {
    pub fn new(context: WorkerContext, options: WorkerOptions) -> Self {
        Self { context, options }
    }

    /// Ends when `stop` is cancelled and the running tasks have let go: they go back to the queue.
    pub async fn run(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.options.concurrency));
        // A source that is fetched politely takes hours and little else: one slot is always left to the others.
        let fetching = Arc::new(Semaphore::new(self.options.concurrency.saturating_sub(1).max(1)));
        let tracker = TaskTracker::new();
        tracker.spawn(self.clone().sweep_regularly(stop.clone()));
        tracker.spawn(schedule::keep(self.context.clone(), stop.clone()));
        let every = self.options.calibrate_every;
        tracker.spawn(calibrate::keep(self.context.clone(), every, stop.clone()));
        while !stop.is_cancelled() {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            let may_fetch = Arc::clone(&fetching).try_acquire_owned().ok();
            match self.claim(may_fetch.is_some()).await {
                Ok(Some(running)) => {
                    let may_fetch = may_fetch.filter(|_| running.0.payload.kind() == TaskKind::SyncSource);
                    let (worker, stop) = (self.clone(), stop.clone());
                    tracker.spawn(async move {
                        worker.work(running, &stop).await;
                        drop((slot, may_fetch));
                        // A slot is free, and tasks of the same knowledge base may have waited for this one.
                        worker.context.queue.wake();
                    });
                }
                Ok(None) => self.wait(&stop, POLL_EVERY).await,
                Err(error) => {
                    tracing::error!(%error, "the task table cannot be read");
                    self.wait(&stop, POLL_EVERY).await;
                }
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    async fn wait(&self, stop: &CancellationToken, at_most: Duration) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.context.queue.woken() => {}
            () = tokio::time::sleep(at_most) => {}
        }
    }

    async fn claim(&self, fetches: bool) -> Result<Option<(nexus_domain::Task, LeaseToken)>, StorageError> {
        let now = self.context.clock.now();
        let token = LeaseToken::new(now);
        let mut tx = self.context.db.begin().await?;
        let claimed = tx
            .tasks()
            .claim_for(now, self.options.lease, token, fetches)
            .await?;
        tx.commit().await?;
        Ok(claimed.map(|task| (task, token)))
    }

    async fn work(&self, (task, token): (nexus_domain::Task, LeaseToken), stop: &CancellationToken) {
        let span = tracing::info_span!("task", task_id = %task.id, kind = task.payload.kind().as_str(),
            trace_id = %task.trace_id);
        nexus_telemetry::adopt(&span, &task.trace_id, None);
        let running = Running::new(task, token, stop);
        async {
            tracing::info!(attempt = running.task.attempts, "task started");
            let done = CancellationToken::new();
            let beat = tokio::spawn(heartbeat::keep(
                self.context.db.clone(),
                Arc::clone(&self.context.clock),
                running.clone(),
                self.options.lease,
                done.clone(),
            ));
            let (began, before) = (tokio::time::Instant::now(), running.meter.read().counts);
            let result = self.dispatch(&running).await;
            let outcome = match &result {
                Ok(_) => "succeeded",
                Err(Stopped::Fail(_)) => "failed",
                Err(_) => "put_back",
            };
            let counts = (before, running.meter.read().counts);
            let kind = running.task.payload.kind();
            self.context.metrics.task(kind, outcome, &counts, began.elapsed());
            done.cancel();
            if let Err(error) = beat.await {
                tracing::error!(%error, "a heartbeat ended badly");
            }
            if let Err(error) = self.settle(&running, result).await {
                // The lease runs out and the task is taken up again.
                tracing::error!(%error, "the end of a task could not be written");
            }
        }
        .instrument(span)
        .await;
    }

    async fn dispatch(&self, running: &Running) -> Result<Completion, Stopped> {
        let context = self.context.clone();
        let running = running.clone();
        // In a task of its own, so that a panic of the work is a failed attempt and not a lost worker.
        let work = tokio::spawn(
            async move {
                check_worth(&context, &running).await?;
                match running.task.payload.clone() {
                    TaskPayload::IngestUpload {
                        upload_id,
                        source_id,
                        again,
                        path,
                    } => {
                        let upload = ingest::Given { upload_id, path };
                        ingest::run(&context, &running, upload, source_id, again).await
                    }
                    TaskPayload::RemoveDocument { source_id, path } => {
                        ingest::remove(&context, &running, source_id, &path).await
                    }
                    TaskPayload::SyncSource {
                        source_id,
                        dry_run,
                        accept_removals,
                        again,
                    } => {
                        let options = SyncOptions {
                            dry_run,
                            accept_removals,
                        };
                        ingest::sync(&context, &running, source_id, options, again).await
                    }
                    TaskPayload::ImportKb {
                        upload_id,
                        trusts_vectors,
                    } => ingest::import(&context, &running, upload_id, trusts_vectors).await,
                    TaskPayload::EmbedKb => embed_kb::run(&context, &running).await,
                    TaskPayload::RebuildLexical => rebuild_lexical::run(&context, &running).await,
                    TaskPayload::Sweep => sweep::run(&context, &running).await,
                }
            }
            .in_current_span(),
        );
        work.await.unwrap_or_else(|error| Err(Stopped::internal(&error)))
    }

    async fn settle(
        &self,
        running: &Running,
        result: Result<Completion, Stopped>,
    ) -> Result<(), StorageError> {
        match result {
            Ok(completion) => self.succeed(running, completion).await,
            Err(Stopped::LeaseLost) => {
                tracing::warn!("the lease was lost; another worker goes on");
                Ok(())
            }
            // Cancelled or paused, or this process is ending.
            Err(Stopped::Asked) => self.put_back(running, Duration::ZERO, interrupted(), false).await,
            Err(Stopped::Away { error, wait }) => {
                let wait = wait.map_or(AWAY, |wait| wait.clamp(AWAY, AWAY_LONGEST));
                self.put_back(running, wait, error, false).await
            }
            Err(Stopped::Fail(error)) => self.fail(running, error).await,
            Err(Stopped::Retry(error)) if running.task.attempts >= self.options.max_attempts => {
                self.fail(running, error).await
            }
            Err(Stopped::Retry(error)) => {
                let doublings = running.task.attempts.saturating_sub(1).min(16);
                let wait = RETRY_FIRST.saturating_mul(1 << doublings).min(RETRY_LONGEST);
                self.put_back(running, wait, error, true).await
            }
        }
    }

    async fn succeed(&self, running: &Running, completion: Completion) -> Result<(), StorageError> {
        running.meter.stage(nexus_domain::Stage::Finished, None);
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin().await?;
        let progress = running.meter.read();
        let held = tx
            .tasks()
            .finish(
                running.task.id,
                running.token,
                &Outcome::Succeeded,
                &progress,
                now,
            )
            .await?;
        if !held {
            return Ok(());
        }
        for (kb, payload) in completion.follow_ups {
            self.context
                .queue
                .enqueue_once(&mut tx, kb, payload, &running.task.trace_id)
                .await?;
        }
        if let Some(upload) = completion.consumed {
            tx.uploads().delete(upload).await?;
        }
        tx.commit().await?;
        nexus_domain::probe::crash_point("task.succeeded");
        if let Some(upload) = completion.consumed {
            sweep::remove_upload(&self.context.uploads, upload).await;
        }
        tracing::info!(counts = ?progress.counts, "task succeeded");
        Ok(())
    }

    async fn fail(&self, running: &Running, error: TaskError) -> Result<(), StorageError> {
        tracing::error!(code = error.code, message = error.message, "task failed");
        let mut tx = self.context.db.begin().await?;
        let now = self.context.clock.now();
        let progress = running.meter.read();
        let outcome = Outcome::Failed(error);
        tx.tasks()
            .finish(running.task.id, running.token, &outcome, &progress, now)
            .await?;
        self.sweep_after(&mut tx, running).await?;
        tx.commit().await
    }

    /// Versions that a stopped task was writing are of no use: a resumed attempt writes its own.
    async fn sweep_after(&self, tx: &mut Tx, running: &Running) -> Result<(), StorageError> {
        self.context
            .queue
            .enqueue_once(tx, None, TaskPayload::Sweep, &running.task.trace_id)
            .await
    }

    async fn put_back(
        &self,
        running: &Running,
        wait: Duration,
        error: TaskError,
        failed: bool,
    ) -> Result<(), StorageError> {
        let now = self.context.clock.now();
        let mut tx = self.context.db.begin().await?;
        let progress = running.meter.read();
        let to = Reschedule {
            run_at: now.plus(wait),
            error,
            failed,
        };
        let state = tx
            .tasks()
            .reschedule(running.task.id, running.token, &to, &progress, now)
            .await?;
        if matches!(state, Some(TaskState::Paused | TaskState::Cancelled)) {
            self.sweep_after(&mut tx, running).await?;
        }
        tx.commit().await?;
        let state = state.map(TaskState::as_str);
        tracing::warn!(
            state,
            code = to.error.code,
            message = to.error.message,
            ?wait,
            "task let go"
        );
        Ok(())
    }

    /// Enqueues a sweep now and then, so that nothing is left over for long whatever happened.
    async fn sweep_regularly(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.enqueue_sweep().await {
                tracing::warn!(%error, "a sweep could not be enqueued");
            }
            // One process takes the task, but each has folders of its own.
            if let Err(error) =
                sweep::remove_unknown_folders(&self.context.db, &self.context.remotes.folder).await
            {
                tracing::warn!(%error, "folders of deleted sources could not be looked for");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.options.sweep_every) => {}
            }
        }
    }

    async fn enqueue_sweep(&self) -> Result<(), StorageError> {
        let mut tx = self.context.db.begin().await?;
        self.context
            .queue
            .enqueue_once(&mut tx, None, TaskPayload::Sweep, "")
            .await?;
        tx.commit().await?;
        self.context.queue.wake();
        Ok(())
    }
}

/// Refuses work for a knowledge base that is gone, and work that has ended this process again and again.
async fn check_worth(context: &WorkerContext, running: &Running) -> Result<(), Stopped> {
    if let Some(kb) = running.task.kb_id
        && context.db.knowledge_bases().get(kb).await?.is_none()
    {
        return Err(Stopped::fail("not_found", "the knowledge base is gone"));
    }
    if running.task.attempts > MAX_LOST_ATTEMPTS {
        return Err(Stopped::fail(
            "abandoned",
            format!("the server ended {MAX_LOST_ATTEMPTS} times while it worked on this task"),
        ));
    }
    Ok(())
}

/// The code of a task that goes on by itself.
pub const INTERRUPTED: &str = "interrupted";

/// What a task carries that its process has put back while it was ending.
fn interrupted() -> TaskError {
    TaskError {
        code: INTERRUPTED.to_owned(),
        message: "the task was stopped before its end; it goes on by itself".to_owned(),
    }
}
