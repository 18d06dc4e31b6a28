//! Sources that are fetched: what is fetched, with what credential, when; and syncs, asked for by people, schedules and
//! webhooks.

mod add;
mod credential;
mod naming;
mod report;
mod webhook;

use std::sync::Arc;

use chrono_tz::Tz;
use nexus_auth::KeyRing;
use nexus_domain::{
    Access, Action, Clock, KbId, KnowledgeBase, Source, SourceId, TargetKind, TaskId, TaskPayload, Timestamp,
};
use nexus_sources::{Guard, Settings};
use nexus_storage::{Db, StorageError, Tx};

use super::audit::Change;
use super::schedules;
use super::secrets::SourceSecret;
use super::{Bots, KnowledgeBases, ServiceError, SourceOverview};
use crate::worker::Queue;

pub use add::NewRemote;
pub use credential::{GivenCredential, opened as opened_credential};
pub use report::{Freshness, ReportedSource, SourceReports, Wanted as WantedSources};
pub use webhook::CalledWebhook;

#[derive(Clone, Debug)]
pub struct Sources {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub queue: Queue,
    pub keys: Arc<KeyRing>,
    pub knowledge_bases: KnowledgeBases,
    pub bots: Bots,
    pub guard: Guard,
    pub settings: Settings,
}

#[derive(Clone, Debug)]
pub struct GivenSchedule {
    pub cron: String,
    pub time_zone: Option<String>,
}

/// `None` leaves a thing as it is, `Some(None)` removes it.
#[derive(Debug, Default)]
pub struct SourceChange {
    pub schedule: Option<Option<GivenSchedule>>,
    pub credential: Option<Option<GivenCredential>>,
}

#[derive(Clone, Copy, Debug)]
pub struct SyncStarted {
    pub task_id: TaskId,
    pub kb_id: KbId,
    pub source_id: SourceId,
}

/// How a source is synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncOptions {
    /// Says what would change, and changes nothing.
    pub dry_run: bool,
    /// Removes what the source no longer shows, however much it is.
    pub accept_removals: bool,
}

impl Sources {
    pub async fn get(&self, kb: &KnowledgeBase, id: SourceId) -> Result<Source, ServiceError> {
        let source = self.db.sources().get(id).await?;
        source
            .filter(|source| source.kb_id == kb.id)
            .ok_or(ServiceError::NotFound("source"))
    }

    pub async fn overview(&self, source: &Source) -> Result<SourceOverview, ServiceError> {
        let found = self.db.sources().get(source.id).await?;
        let source = found.ok_or(ServiceError::NotFound("source"))?;
        let documents = self.db.documents().count_of_source(source.id).await?;
        Ok(SourceOverview { source, documents })
    }

    /// Starts a sync, or names the one that waits already.
    pub async fn sync(
        &self,
        access: &Access,
        source: &Source,
        options: SyncOptions,
        trace_id: &str,
    ) -> Result<SyncStarted, ServiceError> {
        let mut tx = self.db.begin().await?;
        let task_id = self
            .begin_sync(&mut tx, access, source, options, trace_id)
            .await?;
        tx.commit().await?;
        self.queue.wake();
        Ok(SyncStarted {
            task_id,
            kb_id: source.kb_id,
            source_id: source.id,
        })
    }

    /// The same in a transaction of the caller's, who commits it and wakes the workers.
    pub(super) async fn begin_sync(
        &self,
        tx: &mut Tx,
        access: &Access,
        source: &Source,
        options: SyncOptions,
        trace_id: &str,
    ) -> Result<TaskId, ServiceError> {
        let task_id = self.enqueue(tx, source, options, trace_id).await?;
        Change::new(Action::IngestionStart, TargetKind::Task, task_id)
            .of_kb(Some(source.kb_id))
            .with("source", source.name.as_str())
            .with("dry_run", options.dry_run)
            .with("accept_removals", options.accept_removals)
            .record(tx, access, self.clock.now())
            .await?;
        Ok(task_id)
    }

    async fn enqueue(
        &self,
        tx: &mut Tx,
        source: &Source,
        options: SyncOptions,
        trace_id: &str,
    ) -> Result<TaskId, ServiceError> {
        if source.kind.is_remote() {
            return Ok(start_sync(&self.queue, tx, source, options, trace_id).await?);
        }
        Err(ServiceError::TaskState(format!(
            "{:?} was uploaded and cannot be fetched; upload it again to bring it up to date",
            source.name
        )))
    }

    pub async fn update(
        &self,
        access: &Access,
        source: &Source,
        change: SourceChange,
    ) -> Result<SourceOverview, ServiceError> {
        if !source.kind.is_remote() {
            let reason = "a source that is uploaded has neither a schedule nor a credential";
            return Err(ServiceError::TaskState(reason.to_owned()));
        }
        let now = self.clock.now();
        let schedule = match &change.schedule {
            Some(Some(given)) => Some(Some(self.checked_schedule(access, given).await?)),
            Some(None) => Some(None),
            None => None,
        };
        let mut log =
            Change::new(Action::SourceUpdate, TargetKind::Source, source.id).of_kb(Some(source.kb_id));
        let mut tx = self.db.begin().await?;
        if let Some(schedule) = &schedule {
            let stored = schedule.as_ref().map(|(schedule, next)| (schedule, *next));
            tx.sources().set_schedule(source.id, stored, now).await?;
            log = log.with(
                "schedule",
                schedule.as_ref().map_or("", |(schedule, _)| &schedule.cron),
            );
        }
        if let Some(credential) = &change.credential {
            let sealed = match credential {
                Some(given) => {
                    expect_unmoved(&mut tx, source).await?;
                    let kept = credential::checked(given)?;
                    Some(SourceSecret::Credential.seal(&self.keys, source.id, &kept)?)
                }
                None => None,
            };
            tx.sources()
                .set_credential(source.id, sealed.as_deref(), now)
                .await?;
            log = log.with("credential", sealed.is_some());
        }
        log.record(&mut tx, access, now).await?;
        tx.commit().await?;
        self.overview(source).await
    }

    /// The source and all that came from it are gone for every reader when this returns; rows and points are swept.
    pub async fn delete(&self, access: &Access, source: &Source) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if tx.sources().delete(source.id, now).await? {
            tx.documents().delete_of_source(source.id, now).await?;
            tx.knowledge_bases().bump_revision(source.kb_id, now).await?;
            Change::new(Action::SourceDelete, TargetKind::Source, source.id)
                .of_kb(Some(source.kb_id))
                .with("source", source.name.as_str())
                .record(&mut tx, access, now)
                .await?;
            self.queue
                .enqueue_once(&mut tx, None, TaskPayload::Sweep, "")
                .await?;
        }
        tx.commit().await?;
        self.queue.wake();
        Ok(())
    }

    async fn checked_schedule(
        &self,
        access: &Access,
        given: &GivenSchedule,
    ) -> Result<(nexus_domain::Schedule, Timestamp), ServiceError> {
        let zone = self
            .bots
            .calling(access)
            .await?
            .map_or(Tz::UTC, |bot| bot.time_zone);
        let now = self.clock.now();
        schedules::checked(&given.cron, given.time_zone.as_deref(), zone, now)
    }
}

/// Fails if somebody has moved the source to another site meanwhile: a credential goes to the one that it was given for.
/// Nobody can move it before the transaction ends.
async fn expect_unmoved(tx: &mut Tx, seen: &Source) -> Result<(), ServiceError> {
    let is_there = tx.sources().hold(seen.id).await?;
    let stands = tx.sources().get(seen.id).await?.filter(|_| is_there);
    let stands = stands.ok_or(ServiceError::NotFound("source"))?;
    if credential::is_same_site(seen.remote.as_ref(), stands.remote.as_ref()) {
        return Ok(());
    }
    let reason =
        "the source was moved to another site meanwhile; look at its address and give the credential again";
    Err(ServiceError::TaskState(reason.to_owned()))
}

/// Puts a sync into the queue. One that waits already is the same one: it will see what this one would.
pub async fn start_sync(
    queue: &Queue,
    tx: &mut Tx,
    source: &Source,
    options: SyncOptions,
    trace_id: &str,
) -> Result<TaskId, StorageError> {
    let SyncOptions {
        dry_run,
        accept_removals,
    } = options;
    if options == SyncOptions::default()
        && let Some(waiting) = tx.sources().waiting_task(source.id).await?
    {
        return Ok(waiting);
    }
    let payload = TaskPayload::SyncSource {
        source_id: source.id,
        dry_run,
        accept_removals,
        again: None,
    };
    let task = queue.enqueue(tx, Some(source.kb_id), payload, trace_id).await?;
    if !dry_run {
        tx.sources().set_task(source.id, task, queue.now()).await?;
    }
    Ok(task)
}
