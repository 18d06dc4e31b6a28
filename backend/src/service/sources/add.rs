//! A source that is new, or gets other settings, and its first sync.

use nexus_domain::source::MAX_NAME_CHARS;
use nexus_domain::{
    Access, Action, ContentHash, KbId, KbRole, Remote, Schedule, Scope, Source, SourceId, SyncState,
    TargetKind, TaskId, Timestamp,
};
use nexus_sources::{Guard, Settings, SourceError};
use nexus_storage::Tx;
use secrecy::{ExposeSecret as _, SecretString};

use super::{GivenCredential, GivenSchedule, Sources, SyncOptions, SyncStarted, credential, naming};
use crate::service::audit::Change;
use crate::service::ingestion::{Idempotent, caller_key};
use crate::service::secrets::SourceSecret;
use crate::service::{ServiceError, checks};

/// A remote source to be read into a knowledge base.
#[derive(Debug)]
pub struct NewRemote {
    /// Name or id.
    pub knowledge_base: String,
    pub name: Option<String>,
    pub remote: Remote,
    pub credential: Option<GivenCredential>,
    pub schedule: Option<GivenSchedule>,
    pub trace_id: String,
    pub idempotency_key: Option<String>,
}

/// What was asked for, checked.
struct Checked {
    kb_id: KbId,
    /// As the caller calls it.
    name: Option<String>,
    remote: Remote,
    /// As it is kept.
    credential: Option<SecretString>,
    schedule: Option<(Schedule, Timestamp)>,
}

impl Sources {
    /// Stores a source, or gives one of the same name these settings, and starts a sync.
    pub async fn add(&self, access: &Access, new: NewRemote) -> Result<SyncStarted, ServiceError> {
        let checked = self.check(access, &new).await?;
        let kb_id = checked.kb_id;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let key = new.idempotency_key.as_deref().map(|key| Idempotent {
            caller: caller_key(access),
            key,
            fingerprint: self.fingerprint(&checked, new.schedule.as_ref()),
        });
        if let Some(key) = &key
            && let Some(made) = key.begin(&mut tx, now).await?
        {
            tx.commit().await?;
            return self.started_before(kb_id, &made).await;
        }
        let source = self.store(&mut tx, &checked, now).await?;
        let task_id = self
            .enqueue(&mut tx, &source, SyncOptions::default(), &new.trace_id)
            .await?;
        if let Some(key) = &key {
            key.complete(&mut tx, 202, &task_id.to_string()).await?;
        }
        Change::new(Action::IngestionStart, TargetKind::Task, task_id)
            .of_kb(Some(kb_id))
            .with("source", source.name.as_str())
            .with("url", checked.remote.url())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        self.queue.wake();
        Ok(SyncStarted {
            task_id,
            kb_id,
            source_id: source.id,
        })
    }

    async fn check(&self, access: &Access, new: &NewRemote) -> Result<Checked, ServiceError> {
        let kb = self
            .knowledge_bases
            .resolve_one(access, &new.knowledge_base)
            .await?;
        let kb_id = kb.id;
        access.require_in(kb_id, KbRole::Editor, Scope::Ingest)?;
        let name = new.name.as_ref();
        Ok(Checked {
            kb_id,
            remote: checked_remote(&new.remote, &self.guard, &self.settings)?,
            name: name
                .map(|name| checks::line("source", name, MAX_NAME_CHARS))
                .transpose()?,
            credential: new.credential.as_ref().map(credential::checked).transpose()?,
            schedule: match &new.schedule {
                Some(given) => Some(self.checked_schedule(access, given).await?),
                None => None,
            },
        })
    }

    /// Everything that a request says, of its credential what only this installation can compute.
    fn fingerprint(&self, checked: &Checked, schedule: Option<&GivenSchedule>) -> ContentHash {
        let name = checked.name.as_deref().unwrap_or_default();
        let remote = serde_json::to_string(&checked.remote).unwrap_or_default();
        let credential = checked.credential.as_ref().map(|credential| {
            let secret = credential.expose_secret().as_bytes();
            self.keys.fingerprint("credential of a source", secret)
        });
        let credential = credential.as_ref().map_or(&[][..], |tag| tag.as_slice());
        let time_zone = schedule.and_then(|given| given.time_zone.as_deref());
        ContentHash::of_parts([
            b"add source".as_slice(),
            checked.kb_id.as_uuid().as_bytes(),
            name.as_bytes(),
            remote.as_bytes(),
            credential,
            schedule.map_or("", |given| &given.cron).as_bytes(),
            time_zone.unwrap_or_default().as_bytes(),
        ])
    }

    /// The source with these settings. A credential stays with the site that it was given for.
    async fn store(&self, tx: &mut Tx, checked: &Checked, now: Timestamp) -> Result<Source, ServiceError> {
        let remote = &checked.remote;
        let name = match &checked.name {
            Some(name) => name.clone(),
            None => unnamed(tx, checked.kb_id, remote).await?,
        };
        let candidate = Source {
            id: SourceId::new(now),
            kb_id: checked.kb_id,
            kind: remote.kind(),
            name,
            remote: Some(remote.clone()),
            schedule: None,
            next_sync_at: None,
            sync: SyncState::default(),
            has_credential: false,
            has_webhook: false,
            created_at: now,
            updated_at: now,
        };
        let source = tx.sources().find_or_create(&candidate).await?;
        if source.remote.as_ref() != Some(remote) {
            tx.sources().set_remote(source.id, remote, now).await?;
        }
        match &checked.credential {
            Some(credential) => {
                let sealed = SourceSecret::Credential.seal(&self.keys, source.id, credential)?;
                tx.sources().set_credential(source.id, Some(&sealed), now).await?;
            }
            // A credential goes to the site that it was given for, and to no other that somebody names later.
            None if source.has_credential
                && !credential::is_same_site(source.remote.as_ref(), Some(remote)) =>
            {
                tx.sources().set_credential(source.id, None, now).await?;
            }
            None => {}
        }
        if let Some((schedule, next)) = &checked.schedule {
            tx.sources()
                .set_schedule(source.id, Some((schedule, *next)), now)
                .await?;
        }
        Ok(source)
    }

    async fn started_before(&self, kb_id: KbId, made: &str) -> Result<SyncStarted, ServiceError> {
        let gone = || ServiceError::NotFound("task");
        let task_id: TaskId = made.parse().map_err(|_| gone())?;
        let task = self.db.tasks().get(task_id).await?.ok_or_else(gone)?;
        let source_id = task.payload.source().ok_or_else(gone)?;
        Ok(SyncStarted {
            task_id,
            kb_id,
            source_id,
        })
    }
}

/// What a source is called that has no name: one that reads the same keeps the name that it has.
async fn unnamed(tx: &mut Tx, kb: KbId, remote: &Remote) -> Result<String, ServiceError> {
    let earlier = naming::earlier_name(remote);
    let found = tx.sources().find(kb, remote.kind(), &earlier).await?;
    let is_it = found.is_some_and(|source| source.remote.as_ref() == Some(remote));
    Ok(if is_it {
        earlier
    } else {
        naming::default_name(remote)
    })
}

fn checked_remote(remote: &Remote, guard: &Guard, settings: &Settings) -> Result<Remote, ServiceError> {
    match nexus_sources::check(remote, guard, settings) {
        Ok(()) => Ok(remote.clone()),
        Err(SourceError::Refused { message, .. }) => Err(ServiceError::invalid("url", message)),
        Err(error) => Err(ServiceError::Internal(error.into())),
    }
}
