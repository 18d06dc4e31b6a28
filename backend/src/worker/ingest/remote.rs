//! What a sync of a remote source needs of this process: where it may go, its credential, its folder, who watches it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nexus_auth::KeyRing;
use nexus_domain::{Progress, Source, SourceId, Task, TaskError, Timestamp};
use nexus_sources::{Credential, Guard, Http, HttpError, Manifest, Settings, SourceError, Watch};

use super::Job;
use super::read::WalkFailed;
use crate::service::opened_credential;
use crate::worker::context::WorkerContext;
use crate::worker::failure::Stopped;

/// How long a source may be away before its sync is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// How remote sources are reached.
#[derive(Clone, Debug)]
pub struct Remotes {
    pub guard: Guard,
    pub settings: Settings,
    pub keys: Arc<KeyRing>,
    /// Holds a folder per source: caches that may vanish.
    pub folder: PathBuf,
    http: Arc<OnceLock<Http>>,
}

impl Remotes {
    pub fn new(guard: Guard, settings: Settings, keys: Arc<KeyRing>, folder: PathBuf) -> Self {
        Self {
            guard,
            settings,
            keys,
            folder,
            http: Arc::default(),
        }
    }

    /// The client that all syncs of this process share, so that a site is asked politely whoever asks it. Made on the first
    /// sync's own thread.
    pub(super) fn http(&self) -> Result<&Http, HttpError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = Http::new(self.guard.clone())?;
        Ok(self.http.get_or_init(|| made))
    }

    pub fn folder_of(&self, source: SourceId) -> PathBuf {
        self.folder.join(source.to_string())
    }
}

/// What is known of the source's documents.
pub(super) async fn manifest(job: &Job) -> Result<Manifest, Stopped> {
    let known = job.context.db.documents().fingerprints(job.source.id).await?;
    Ok(Manifest::new(known))
}

/// A source and its credential as they are now. Both are those of the whole run: what somebody changes meanwhile is for the
/// next one, and a credential never goes to another site than the one that it stood beside.
pub(super) async fn load(
    context: &WorkerContext,
    id: SourceId,
) -> Result<Option<(Source, Option<Credential>)>, Stopped> {
    let Some((source, sealed)) = context.db.sources().with_credential(id).await? else {
        return Ok(None);
    };
    let opened = sealed.map(|sealed| opened_credential(&context.remotes.keys, &source, &sealed));
    let credential = opened.transpose().map_err(|error| Stopped::internal(&error))?;
    Ok(Some((source, credential)))
}

pub(super) fn no_client(error: HttpError) -> WalkFailed {
    WalkFailed::Source(SourceError::Io(std::io::Error::other(error)))
}

/// A sync that ended early, as the end of its task.
pub(super) fn stopped(job: &Job, error: SourceError) -> Stopped {
    match error {
        SourceError::Stopped => Stopped::Asked,
        SourceError::Refused { code, message } => Stopped::fail(code, message),
        SourceError::Io(error) => Stopped::internal(&error),
        SourceError::Away { reason, retry_after } => {
            let (now, meter) = (job.context.clock.now(), &job.running.meter);
            let since = away_since(&job.running.task, &meter.read()).unwrap_or(now);
            if now > since.plus(GIVEN_UP_AFTER) {
                // Whoever has it tried again has it tried for as long.
                meter.away_since(None);
                return Stopped::fail("unreachable", format!("{reason}; it was tried for a day"));
            }
            meter.away_since(Some(since));
            Stopped::Away {
                error: TaskError {
                    code: "unreachable".to_owned(),
                    message: reason,
                },
                wait: retry_after,
            }
        }
    }
}

/// Since when the source has been away without a break. An attempt that took something in was one, and so is a person who has
/// the task go on, which leaves it without an error.
fn away_since(task: &Task, now: &Progress) -> Option<Timestamp> {
    let took_in = now.counts.documents_indexed > task.progress.counts.documents_indexed;
    task.progress
        .away_since
        .filter(|_| task.error.is_some() && !took_in)
}

/// Tells a task's progress what a sync says of itself.
pub(super) struct Follower<'a>(&'a Job);

impl<'a> Follower<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        Self(job)
    }
}

impl Watch for Follower<'_> {
    fn total(&self, items: u64) {
        if self.0.only.is_none() {
            self.0.running.meter.total(items);
        }
    }

    fn waits_for(&self, what: Option<&str>) {
        self.0.running.meter.waits_for(what);
    }

    fn is_stopped(&self) -> bool {
        self.0.running.check().is_err()
    }
}

#[cfg(test)]
mod tests {
    use nexus_domain::task::{Counts, TaskPayload};
    use nexus_domain::{TaskId, TaskState};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn task(away_since: Option<Timestamp>, error: Option<&str>) -> Task {
        Task {
            id: TaskId::new(at(0)),
            kb_id: None,
            payload: TaskPayload::Sweep,
            state: TaskState::Running,
            attempts: 1,
            run_at: at(0),
            lease: None,
            requested_state: None,
            progress: Progress {
                away_since,
                ..Progress::default()
            },
            error: error.map(|code| TaskError {
                code: code.to_owned(),
                message: String::new(),
            }),
            trace_id: String::new(),
            created_at: at(0),
            started_at: None,
            updated_at: at(0),
            finished_at: None,
        }
    }

    #[test]
    fn a_day_of_trying_begins_with_the_first_failure() {
        let since = |task: &Task, documents_indexed| {
            let progress = Progress {
                counts: Counts {
                    documents_indexed,
                    ..Counts::default()
                },
                ..Progress::default()
            };
            away_since(task, &progress)
        };
        assert_eq!(since(&task(None, None), 0), None, "it has not failed before");
        let failed = task(Some(at(7)), Some("unreachable"));
        assert_eq!(since(&failed, 0), Some(at(7)));
        let restarted = task(Some(at(7)), Some("interrupted"));
        assert_eq!(since(&restarted, 0), Some(at(7)), "restarts of ours do not count");
        assert_eq!(since(&failed, 1), None, "it was there in between");
        assert_eq!(since(&task(Some(at(7)), None), 0), None, "a person had it go on");
    }
}
