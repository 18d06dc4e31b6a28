//! Sources across knowledge bases: what each holds, how its last sync ended, how fresh it is, and how many answers rest on it.

use std::sync::Arc;

use nexus_domain::{Access, Clock, KbId, Source, SourceId, SourceKind, TaskState, Timestamp};
use nexus_storage::{Db, SourceFilter, SourceReport, SourceUse};

use crate::service::{ServiceError, schedules};
use crate::worker::INTERRUPTED;

/// Sources that are read together while one looks for those that are wanted.
const BATCH: usize = 200;

#[derive(Clone, Debug)]
pub struct SourceReports {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
}

/// How far behind its origin a source may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Read, and nothing says that it should have been read again since.
    Fresh,
    /// A time of its schedule has passed since it was read.
    Due,
    /// Two times of its schedule have passed since.
    Overdue,
    /// Its last task failed, or tries again after a failure.
    Failing,
    /// It was not read yet.
    Never,
}

/// Which sources to report; `None` is any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    pub kb: Option<KbId>,
    pub kind: Option<SourceKind>,
    pub freshness: Option<Freshness>,
    /// All that are not fresh.
    pub stale_only: bool,
}

impl Wanted {
    fn takes(&self, freshness: Freshness) -> bool {
        self.freshness.is_none_or(|wanted| wanted == freshness)
            && !(self.stale_only && freshness == Freshness::Fresh)
    }
}

#[derive(Clone, Debug)]
pub struct ReportedSource {
    pub report: SourceReport,
    pub freshness: Freshness,
    /// Since it was last read whole.
    pub age_seconds: Option<u64>,
    pub used: SourceUse,
}

impl SourceReports {
    /// Sources of the knowledge bases that the caller sees, in the order of their making, after the source `after`.
    pub async fn list(
        &self,
        access: &Access,
        wanted: Wanted,
        after: Option<SourceId>,
        limit: usize,
    ) -> Result<Vec<ReportedSource>, ServiceError> {
        let seen = access.only();
        let filter = SourceFilter {
            kb: wanted.kb,
            kbs: seen.as_ref(),
            kind: wanted.kind,
        };
        let now = self.clock.now();
        let (mut after, mut found) = (after, Vec::new());
        // How fresh one is depends on its schedule, which no database reads.
        while found.len() < limit {
            let batch = self.db.sources().reports(filter, after, BATCH).await?;
            let is_last = batch.len() < BATCH;
            after = batch.last().map(|report| report.source.id);
            for report in batch {
                let freshness = freshness(&report, now);
                if wanted.takes(freshness) && found.len() < limit {
                    found.push((report, freshness));
                }
            }
            if is_last {
                break;
            }
        }
        let ids: Vec<_> = found.iter().map(|(report, _)| report.source.id).collect();
        let mut uses = self.db.sources().uses(&ids).await?;
        let reported = found.into_iter().map(|(report, freshness)| ReportedSource {
            used: uses.remove(&report.source.id).unwrap_or_default(),
            age_seconds: age(&report.source, now),
            freshness,
            report,
        });
        Ok(reported.collect())
    }
}

fn age(source: &Source, now: Timestamp) -> Option<u64> {
    let micros = now.as_micros() - source.sync.synced_at?.as_micros();
    u64::try_from(micros / 1_000_000).ok()
}

fn freshness(report: &SourceReport, now: Timestamp) -> Freshness {
    let source = &report.source;
    let is_failing = report.task.as_ref().is_some_and(|task| match task.state {
        TaskState::Failed => true,
        // One that was stopped with its process has not failed.
        TaskState::Queued | TaskState::Running => {
            task.error.as_ref().is_some_and(|error| error.code != INTERRUPTED)
        }
        TaskState::Paused | TaskState::Succeeded | TaskState::Cancelled => false,
    });
    if is_failing {
        return Freshness::Failing;
    }
    let Some(read) = source.sync.synced_at else {
        // Of uploads from before it was noted when they were read, it is known that they were.
        let was_read = !source.kind.is_remote() && report.documents > 0;
        return if was_read {
            Freshness::Fresh
        } else {
            Freshness::Never
        };
    };
    let Some(schedule) = &source.schedule else {
        return Freshness::Fresh;
    };
    // The times that have come since it was read.
    let first = schedules::next(schedule, read).filter(|at| *at <= now);
    let second = first
        .and_then(|at| schedules::next(schedule, at))
        .filter(|at| *at <= now);
    match (first, second) {
        (None, _) => Freshness::Fresh,
        (Some(_), None) => Freshness::Due,
        (Some(_), Some(_)) => Freshness::Overdue,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nexus_domain::{Schedule, SyncState, TaskError};
    use nexus_storage::SourceTask;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn read_at(synced_at: Option<Timestamp>) -> SourceReport {
        let noon = Timestamp::from_micros(1_767_268_800_000_000);
        SourceReport {
            source: Source {
                id: SourceId::new(noon),
                kb_id: KbId::new(noon),
                kind: SourceKind::Git,
                name: "docs".to_owned(),
                remote: None,
                schedule: Some(Schedule {
                    cron: "0 * * * *".to_owned(),
                    time_zone: "UTC".to_owned(),
                }),
                next_sync_at: None,
                sync: SyncState {
                    synced_at,
                    ..SyncState::default()
                },
                has_credential: false,
                has_webhook: false,
                created_at: noon,
                updated_at: noon,
            },
            documents: 1,
            chunks: 3,
            task: None,
        }
    }

    fn task(state: TaskState, is_failed: bool) -> Option<SourceTask> {
        Some(SourceTask {
            state,
            error: is_failed.then(|| TaskError {
                code: "unavailable".to_owned(),
                message: "away".to_owned(),
            }),
            finished_at: None,
        })
    }

    #[test]
    fn a_source_is_as_stale_as_its_schedule_says() {
        let noon = Timestamp::from_micros(1_767_268_800_000_000);
        let report = read_at(Some(noon));
        let later = |minutes: u32| noon.plus(HOUR / 60 * minutes);
        assert_eq!(freshness(&report, later(59)), Freshness::Fresh);
        assert_eq!(freshness(&report, later(60)), Freshness::Due);
        assert_eq!(freshness(&report, later(119)), Freshness::Due);
        assert_eq!(freshness(&report, later(120)), Freshness::Overdue);
        assert_eq!(age(&report.source, later(120)), Some(7_200));

        let mut unscheduled = report.clone();
        unscheduled.source.schedule = None;
        assert_eq!(freshness(&unscheduled, later(9_000)), Freshness::Fresh);
        assert_eq!(freshness(&read_at(None), noon), Freshness::Never);
        assert_eq!(age(&read_at(None).source, noon), None);
    }

    #[test]
    fn what_cannot_be_read_is_failing_until_it_was_read() {
        let noon = Timestamp::from_micros(1_767_268_800_000_000);
        let with = |task| SourceReport {
            task,
            ..read_at(Some(noon))
        };
        for (task, expected) in [
            (task(TaskState::Failed, true), Freshness::Failing),
            (task(TaskState::Queued, true), Freshness::Failing),
            (task(TaskState::Running, true), Freshness::Failing),
            (task(TaskState::Running, false), Freshness::Fresh),
            (task(TaskState::Succeeded, false), Freshness::Fresh),
            (task(TaskState::Cancelled, false), Freshness::Fresh),
        ] {
            assert_eq!(freshness(&with(task.clone()), noon), expected, "{task:?}");
        }
        let mut uploaded = read_at(None);
        uploaded.source.kind = SourceKind::Archive;
        assert_eq!(freshness(&uploaded, noon), Freshness::Fresh);
        uploaded.documents = 0;
        assert_eq!(freshness(&uploaded, noon), Freshness::Never);
    }
}
