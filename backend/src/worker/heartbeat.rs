//! A claimed task and its lease. The heartbeat keeps the lease, writes the progress, and hears requests to stop; every
//! write of the work is fenced by the lease's token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nexus_domain::{Clock, LeaseToken, Progress, Task};
use nexus_storage::{Db, Heartbeat, Tx};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::failure::Stopped;
use super::progress::Meter;

/// How often progress that has changed is written.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// A task in work.
#[derive(Clone, Debug)]
pub struct Running {
    pub task: Task,
    pub token: LeaseToken,
    pub meter: Meter,
    /// Cancelled when the work is to stop, whatever the reason.
    pub stop: CancellationToken,
    lost: Arc<AtomicBool>,
}

impl Running {
    pub fn new(task: Task, token: LeaseToken, process_stop: &CancellationToken) -> Self {
        let meter = Meter::resume(&task.progress);
        Self {
            task,
            token,
            meter,
            stop: process_stop.child_token(),
            lost: Arc::default(),
        }
    }

    /// Ends the work here if it was asked to stop.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.lost.load(Ordering::Acquire) {
            Err(Stopped::LeaseLost)
        } else if self.stop.is_cancelled() {
            Err(Stopped::Asked)
        } else {
            Ok(())
        }
    }

    /// Makes sure, inside a transaction, that this worker still holds the task: the fence of every write.
    pub async fn hold(&self, tx: &mut Tx) -> Result<(), Stopped> {
        if tx.tasks().fence(self.task.id, self.token).await? {
            Ok(())
        } else {
            Err(Stopped::LeaseLost)
        }
    }
}

/// Keeps the lease until `done`, and stops the work when somebody asked for that. What was asked stands in the row.
pub async fn keep(
    db: Db,
    clock: Arc<dyn Clock>,
    running: Running,
    lease_for: Duration,
    done: CancellationToken,
) {
    let mut written: Option<Progress> = None;
    let mut renewed = Instant::now();
    loop {
        tokio::select! {
            () = done.cancelled() => return,
            () = tokio::time::sleep(WRITE_EVERY) => {}
        }
        let progress = running.meter.read();
        let due = renewed.elapsed() >= lease_for / 3;
        if !due && written.as_ref() == Some(&progress) {
            continue;
        }
        match beat(&db, clock.as_ref(), &running, &progress, lease_for).await {
            Ok(Some(beat)) => {
                renewed = Instant::now();
                written = Some(progress);
                if beat.requested_state.is_some() {
                    running.stop.cancel();
                }
            }
            Ok(None) => lose(&running),
            // The database is away: go on until the lease would be over.
            Err(error) if renewed.elapsed() < lease_for => {
                tracing::warn!(task_id = %running.task.id, %error, "a heartbeat failed");
            }
            Err(_) => lose(&running),
        }
    }
}

fn lose(running: &Running) {
    running.lost.store(true, Ordering::Release);
    running.stop.cancel();
}

/// `None` if the lease is lost.
async fn beat(
    db: &Db,
    clock: &dyn Clock,
    running: &Running,
    progress: &Progress,
    lease_for: Duration,
) -> Result<Option<Heartbeat>, nexus_storage::StorageError> {
    let now = clock.now();
    let mut tx = db.begin().await?;
    let beat = tx
        .tasks()
        .heartbeat(running.task.id, running.token, progress, now, now.plus(lease_for))
        .await?;
    tx.commit().await?;
    Ok(beat)
}
