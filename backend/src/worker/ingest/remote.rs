//! What a sync of a remote source needs of this process: where it may go, its credential, its folder, who watches it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nexus_auth::KeyRing;
use nexus_domain::{SourceId, TaskError};
use nexus_sources::{Credential, Guard, Http, HttpError, Manifest, Settings, SourceError, Watch};

use super::Job;
use super::read::WalkFailed;
use crate::service::opened_credential;
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

pub(super) async fn credential(job: &Job) -> Result<Option<Credential>, Stopped> {
    let sealed = job.context.db.sources().sealed_credential(job.source.id).await?;
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    opened_credential(&job.context.remotes.keys, &job.source, &sealed)
        .map_err(|error| Stopped::internal(&error))
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
            let waited_since = job.running.task.created_at;
            if job.context.clock.now() > waited_since.plus(GIVEN_UP_AFTER) {
                return Stopped::fail("unreachable", format!("{reason}; it was tried for a day"));
            }
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
