//! Clean-up: what is tombstoned in the rows leaves the indexes, and then the rows. The order keeps every point accounted
//! for: a row goes only after the index has durably forgotten its point.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono_tz::Tz;
use nexus_domain::probe::crash_point;
use nexus_domain::{
    ChunkId, ContentHash, KbId, SourceId, Stage, TaskError, TaskState, UploadId, VersionId,
    WebhookDeliveryState, quota,
};
use nexus_storage::{Db, PurgeStep, StorageError, TaskFilter};

use super::context::WorkerContext;
use super::erase;
use super::failure::Stopped;
use super::heartbeat::Running;
use super::run::Completion;
use crate::error_chain::chain;
use crate::service::{IDLE_AFTER, ServiceError};
use crate::uploads::Uploads;

/// Versions swept before their rows are removed.
const VERSIONS: usize = 64;
/// Points removed at once.
const POINTS: usize = 2_048;
/// Rows of a deleted knowledge base that are removed in one transaction.
const PURGE_CHUNKS: usize = 2_048;
/// How long an idempotency key is remembered: 24 hours.
const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// How long a session that has ended by time is remembered: 7 days.
const SESSIONS_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long it is remembered what was used of daily limits: 32 days.
const USES_KEPT: Duration = Duration::from_secs(32 * 24 * 3_600);
/// How long the ids of deliveries are remembered that incoming webhooks brought: 7 days.
const RECEIVED_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How long it is told that a webhook was told something (7 days), and that it could not be (30 days).
const DELIVERED_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
const DEAD_KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How long what is to be told to a webhook waits for it to be turned on again: as long as for one that does not answer.
const OFF_WAITED: Duration = Duration::from_secs(24 * 3_600);
/// How long a knowledge base whose import failed is kept, with the task that says why, if nothing comes into it.
const NEVER_FILLED_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Expired rows of a kind that are removed at once.
const EXPIRED: usize = 10_000;
/// Answers that are forgotten in one transaction.
const ANSWERS: usize = 256;
/// How often the log of the database is tried to be emptied by one attempt, and the pause between two tries.
const LOG_TRIES: usize = 40;
const LOG_PAUSE: Duration = Duration::from_millis(250);

pub async fn run(context: &WorkerContext, running: &Running) -> Result<Completion, Stopped> {
    running.meter.stage(Stage::Sweeping, None);
    remove_never_filled(context, running).await?;
    sweep_knowledge_bases(context, running).await?;
    loop {
        running.check()?;
        let mut versions: Vec<VersionId> = context
            .db
            .versions()
            .retired(VERSIONS)
            .await?
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        if versions.is_empty() {
            versions = context
                .db
                .versions()
                .abandoned(VERSIONS)
                .await?
                .into_iter()
                .map(|(id, _)| id)
                .collect();
        }
        if versions.is_empty() {
            break;
        }
        sweep_versions(context, running, &versions).await?;
    }
    context.cache.tidy().await?;
    let mut tx = context.db.begin().await?;
    tx.sources().forget_deleted().await?;
    tx.commit().await?;
    remove_unknown_folders(&context.db, &context.remotes.folder).await?;
    sweep_what_has_expired(context).await?;
    sweep_uploads(context).await?;
    empty_log(context, running).await?;
    Ok(Completion::default())
}

/// Knowledge bases that were made for an import which came to nothing: their names are free again.
async fn remove_never_filled(context: &WorkerContext, running: &Running) -> Result<(), Stopped> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    let removed = tx
        .knowledge_bases()
        .delete_never_filled(now.minus(NEVER_FILLED_KEPT), now)
        .await?;
    tx.commit().await?;
    for kb in removed {
        tracing::info!(%kb, "a knowledge base whose import failed was removed: nothing has come into it");
    }
    Ok(())
}

/// What was deleted may not stay in the log of the database either, whoever deleted it. Somebody who reads what stood there
/// before is waited for: here, and then by the task, which begins again.
async fn empty_log(context: &WorkerContext, running: &Running) -> Result<(), Stopped> {
    for _ in 0..LOG_TRIES {
        running.check()?;
        if context.db.empty_log().await? {
            return Ok(());
        }
        tokio::time::sleep(LOG_PAUSE).await;
    }
    Err(Stopped::Away {
        error: TaskError {
            code: "unavailable".to_owned(),
            message: "somebody reads the database for long; its log is emptied when that has ended"
                .to_owned(),
        },
        wait: None,
    })
}

/// Rows that mean nothing any more because of their age.
async fn sweep_what_has_expired(context: &WorkerContext) -> Result<(), Stopped> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    tx.idempotency()
        .delete_older_than(now.minus(IDEMPOTENCY_KEPT))
        .await?;
    tx.quotas()
        .delete_before(quota::day(now.minus(USES_KEPT), Tz::UTC))
        .await?;
    tx.incoming_webhooks()
        .delete_received_before(now.minus(RECEIVED_KEPT))
        .await?;
    tx.webhook_deliveries().delete_orphans().await?;
    tx.conversations().delete_idle(now.minus(IDLE_AFTER)).await?;
    tx.commit().await?;
    forget_answers(context).await?;
    forget_calls(context).await?;
    loop {
        let mut tx = context.db.begin().await?;
        let delivered = tx
            .webhook_deliveries()
            .delete_settled(
                WebhookDeliveryState::Delivered,
                now.minus(DELIVERED_KEPT),
                EXPIRED,
            )
            .await?;
        let dead = tx
            .webhook_deliveries()
            .delete_settled(WebhookDeliveryState::Dead, now.minus(DEAD_KEPT), EXPIRED)
            .await?;
        let given_up = tx
            .webhook_deliveries()
            .give_up_turned_off(now.minus(OFF_WAITED), now, EXPIRED)
            .await?;
        let sessions = tx
            .sessions()
            .delete_expired(now.minus(SESSIONS_KEPT), EXPIRED)
            .await?;
        let proofs = tx.proofs().delete_expired(now, EXPIRED).await?;
        tx.commit().await?;
        if given_up > 0 {
            tracing::info!(
                given_up,
                "what waited for webhooks that are turned off is a dead letter now"
            );
        }
        if sessions.max(proofs).max(delivered).max(dead).max(given_up) < EXPIRED as u64 {
            return Ok(());
        }
    }
}

/// Answers that were kept for long enough, and what nothing else was made from.
async fn forget_answers(context: &WorkerContext) -> Result<(), Stopped> {
    let before = context.clock.now().minus(context.answers_keep);
    loop {
        let mut tx = context.db.begin().await?;
        let forgotten = tx.answers().delete_before(before, ANSWERS).await?;
        tx.commit().await?;
        if forgotten < ANSWERS as u64 {
            return Ok(());
        }
    }
}

/// Calls of chat models that were kept for long enough.
async fn forget_calls(context: &WorkerContext) -> Result<(), Stopped> {
    let before = context.clock.now().minus(context.calls_keep);
    loop {
        let mut tx = context.db.begin().await?;
        let forgotten = tx.model_calls().delete_before(before, EXPIRED).await?;
        tx.commit().await?;
        if forgotten < EXPIRED as u64 {
            return Ok(());
        }
    }
}

async fn sweep_versions(
    context: &WorkerContext,
    running: &Running,
    versions: &[VersionId],
) -> Result<(), Stopped> {
    let mut points: Vec<ChunkId> = Vec::new();
    for version in versions {
        points.extend(context.db.versions().chunk_ids(*version).await?);
    }
    for collection in context.collections().await? {
        for part in points.chunks(POINTS) {
            running.check()?;
            context.vectors.delete(collection, part.to_vec()).await?;
        }
        context.vectors.persist(collection).await?;
    }
    crash_point("sweep.points_gone");
    erase::shown_of_versions(context, running, versions).await?;
    forget_cached(context, versions).await?;
    crash_point("sweep.cache_forgotten");
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    tx.versions().delete_versions(versions).await?;
    tx.commit().await?;
    crash_point("sweep.rows_gone");
    running.meter.advance(points.len() as u64);
    Ok(())
}

/// What was made from texts that stand nowhere any more goes from the cache, before the rows that tell which these are.
async fn forget_cached(context: &WorkerContext, versions: &[VersionId]) -> Result<(), Stopped> {
    let mut gone: BTreeMap<KbId, Vec<ContentHash>> = BTreeMap::new();
    for (kb, content) in context.db.cached().of_versions(versions).await? {
        gone.entry(kb).or_default().push(content);
    }
    for (kb, contents) in gone {
        let current = context.db.cached().current(kb, &contents).await?;
        let gone: Vec<_> = contents
            .iter()
            .filter(|content| !current.contains(*content))
            .collect();
        let gone: Vec<_> = gone.into_iter().map(|content| (kb, *content)).collect();
        context.cache.forget(&gone).await;
    }
    Ok(())
}

async fn sweep_knowledge_bases(context: &WorkerContext, running: &Running) -> Result<(), Stopped> {
    for kb in context.db.knowledge_bases().deleted(VERSIONS).await? {
        running.check()?;
        // A task that still writes to it has been asked to stop; the next sweep finds it quiet.
        let running_in_it = TaskFilter {
            kb: Some(kb),
            state: Some(TaskState::Running),
            ..TaskFilter::default()
        };
        if !context.db.tasks().list(running_in_it, None, 1).await?.is_empty() {
            continue;
        }
        for collection in context.collections().await? {
            context.vectors.delete_kb(collection, kb).await?;
            context.vectors.persist(collection).await?;
        }
        crash_point("sweep.kb_points_gone");
        erase::shown_of_kb(context, running, kb).await?;
        context.cache.forget_kb(kb).await;
        purge(context, running, kb).await?;
    }
    Ok(())
}

async fn purge(context: &WorkerContext, running: &Running, kb: KbId) -> Result<(), Stopped> {
    loop {
        running.check()?;
        let mut tx = context.db.begin().await?;
        running.hold(&mut tx).await?;
        let step = match tx.knowledge_bases().purge_step(kb, PURGE_CHUNKS).await {
            Err(StorageError::ReferenceViolation(_)) => return Ok(()),
            step => step?,
        };
        tx.commit().await?;
        if matches!(step, PurgeStep::Done) {
            return Ok(());
        }
    }
}

/// Whether there is something to clean up after a task's work.
pub async fn is_needed(context: &WorkerContext) -> Result<bool, StorageError> {
    Ok(!context.db.versions().retired(1).await?.is_empty()
        || !context.db.versions().abandoned(1).await?.is_empty())
}

/// Removes the folders that this process has of sources that are not there any more.
pub(super) async fn remove_unknown_folders(db: &Db, folder: &Path) -> Result<(), StorageError> {
    let Ok(mut folders) = tokio::fs::read_dir(folder).await else {
        return Ok(());
    };
    while let Ok(Some(folder)) = folders.next_entry().await {
        let id = folder
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<SourceId>().ok());
        let Some(id) = id else { continue };
        if db.sources().get(id).await?.is_none()
            && let Err(error) = tokio::fs::remove_dir_all(folder.path()).await
        {
            tracing::warn!(source = %id, %error, "the folder of a deleted source could not be removed");
        }
    }
    Ok(())
}

/// Files of uploads that no task will read any more, and files that no row knows.
async fn sweep_uploads(context: &WorkerContext) -> Result<(), Stopped> {
    let uploads = &context.uploads;
    if let Err(error) = remove_unknown_uploads(&context.db, uploads, uploads.abandoned_after()).await {
        tracing::warn!(
            cause = chain(&error),
            "uploads that no row knows could not be removed"
        );
    }
    let before = context.clock.now().minus(context.upload_keep);
    for upload in context.db.uploads().unused(before, VERSIONS).await? {
        let mut tx = context.db.begin().await?;
        tx.uploads().delete(upload.id).await?;
        tx.commit().await?;
        remove_upload(uploads, upload.id).await;
    }
    Ok(())
}

/// Removes uploads that no row knows and that were not written to for `idle`: a process ended, or a database was away,
/// between the last byte and the task.
pub async fn remove_unknown_uploads(db: &Db, uploads: &Uploads, idle: Duration) -> Result<(), ServiceError> {
    for id in uploads.idle(idle).await? {
        if db.uploads().get(id).await?.is_none() {
            remove_upload(uploads, id).await;
        }
    }
    Ok(uploads.abort_begun(idle).await?)
}

/// Removes an upload's bytes. What stays is only room that is not given back.
pub async fn remove_upload(uploads: &Uploads, id: UploadId) {
    if let Err(error) = uploads.remove(id).await {
        tracing::warn!(upload = %id, cause = chain(&error), "an upload could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use nexus_domain::Timestamp;
    use nexus_storage::testing::sqlite;

    use super::*;

    #[tokio::test]
    async fn folders_of_sources_that_are_not_there_go_wherever_they_are() {
        let (db, place) = (sqlite().await, tempfile::tempdir().unwrap());
        let gone = SourceId::new(Timestamp::from_micros(1)).to_string();
        for name in [gone.as_str(), "something else"] {
            std::fs::create_dir_all(place.path().join(name).join("objects")).unwrap();
        }
        remove_unknown_folders(&db, place.path()).await.unwrap();
        assert!(!place.path().join(gone).exists());
        assert!(place.path().join("something else").exists(), "which is not ours");
        remove_unknown_folders(&db, &place.path().join("missing"))
            .await
            .unwrap();
    }
}
