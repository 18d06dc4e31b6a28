//! Starts the syncs that schedules ask for.

use std::time::Duration;

use nexus_domain::{Source, Timestamp};
use nexus_storage::StorageError;
use tokio_util::sync::CancellationToken;

use super::context::WorkerContext;
use crate::service::{SyncOptions, next_of_schedule, start_sync};

/// How often it is looked for sources that are due.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Sources that are started at one look.
const AT_ONCE: usize = 100;

/// Works until `stop` is cancelled. Several processes may do so: a due time is taken once.
pub(super) async fn keep(context: WorkerContext, stop: CancellationToken) {
    loop {
        if let Err(error) = start_due(&context).await {
            tracing::warn!(%error, "scheduled syncs could not be started");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Starts a sync of each source whose time has come. One that was missed while nobody worked is made up for once.
async fn start_due(context: &WorkerContext) -> Result<(), StorageError> {
    let now = context.clock.now();
    for source in context.db.sources().due(now, AT_ONCE).await? {
        if let Err(error) = start(context, &source, now).await {
            tracing::warn!(source = %source.id, %error, "a scheduled sync could not be started");
        }
    }
    Ok(())
}

async fn start(context: &WorkerContext, source: &Source, now: Timestamp) -> Result<(), StorageError> {
    let (Some(due), Some(schedule)) = (source.next_sync_at, &source.schedule) else {
        return Ok(());
    };
    let next = next_of_schedule(schedule, now);
    let mut tx = context.db.begin().await?;
    if tx.sources().take_due(source.id, due, next).await? {
        let task = start_sync(&context.queue, &mut tx, source, SyncOptions::default(), "").await?;
        tracing::info!(source = %source.id, task_id = %task, "a scheduled sync was put into the queue");
    }
    tx.commit().await?;
    context.queue.wake();
    Ok(())
}
