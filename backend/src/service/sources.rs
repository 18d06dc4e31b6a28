//! Sources that are fetched: what is fetched, with what credential, when; and syncs, asked for by people, schedules and
//! webhooks.

use std::sync::Arc;

use chrono_tz::Tz;
use nexus_auth::KeyRing;
use nexus_auth::webhook::{self, WebhookProof};
use nexus_domain::source::MAX_NAME_CHARS;
use nexus_domain::{
    Access, Action, Clock, ContentHash, KbId, KbRole, KnowledgeBase, Remote, Scope, Source, SourceId,
    SyncState, TargetKind, TaskId, TaskPayload, Timestamp,
};
use nexus_sources::{Credential, Guard, Settings, SourceError};
use nexus_storage::{Db, Tx};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::audit::Change;
use super::ingestion::{Idempotent, caller_key};
use super::schedules;
use super::secrets::SourceSecret;
use super::{Bots, KnowledgeBases, ServiceError, SourceOverview, checks};
use crate::worker::Queue;

/// Longest user name and token of a credential, in characters.
const MAX_USER_CHARS: usize = 256;
const MAX_TOKEN_CHARS: usize = 4_096;
/// Tells people and secret scanners what this is.
const WEBHOOK_PREFIX: &str = "nxh_";

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

#[derive(Debug)]
pub struct GivenCredential {
    pub user: Option<String>,
    pub token: SecretString,
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

/// How a credential is kept: as JSON, sealed.
#[derive(Serialize, Deserialize)]
struct KeptCredential {
    user: Option<String>,
    token: String,
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

    /// Stores a source, or gives one of the same name these settings, and starts a sync.
    pub async fn add(&self, access: &Access, new: NewRemote) -> Result<SyncStarted, ServiceError> {
        let kb_id = self
            .knowledge_bases
            .resolve_one(access, &new.knowledge_base)
            .await?;
        access.require_in(kb_id, KbRole::Editor, Scope::Ingest)?;
        let remote = checked_remote(new.remote, &self.guard, &self.settings)?;
        let name = match &new.name {
            Some(name) => checks::line("source", name, MAX_NAME_CHARS)?,
            None => name_of(remote.url()),
        };
        let credential = new.credential.as_ref().map(checked_credential).transpose()?;
        let now = self.clock.now();
        let schedule = match &new.schedule {
            Some(given) => Some(self.checked_schedule(access, given).await?),
            None => None,
        };
        let mut tx = self.db.begin().await?;
        let key = new.idempotency_key.as_deref().map(|key| Idempotent {
            caller: caller_key(access),
            key,
            fingerprint: ContentHash::of_parts([
                b"add source".as_slice(),
                kb_id.as_uuid().as_bytes(),
                name.as_bytes(),
                serde_json::to_string(&remote).unwrap_or_default().as_bytes(),
            ]),
        });
        if let Some(key) = &key
            && let Some(made) = key.begin(&mut tx, now).await?
        {
            tx.commit().await?;
            return self.started_before(kb_id, &made).await;
        }
        let candidate = Source {
            id: SourceId::new(now),
            kb_id,
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
        if source.remote.as_ref() != Some(&remote) {
            tx.sources().set_remote(source.id, &remote, now).await?;
        }
        match &credential {
            Some(credential) => {
                let sealed = SourceSecret::Credential.seal(&self.keys, source.id, credential)?;
                tx.sources().set_credential(source.id, Some(&sealed), now).await?;
            }
            // A credential goes to the site that it was given for, and to no other that somebody names later.
            None if source.has_credential && !is_same_site(source.remote.as_ref(), &remote) => {
                tx.sources().set_credential(source.id, None, now).await?;
            }
            None => {}
        }
        if let Some((schedule, next)) = &schedule {
            tx.sources()
                .set_schedule(source.id, Some((schedule, *next)), now)
                .await?;
        }
        let task_id = self.enqueue(&mut tx, &source, false, None, &new.trace_id).await?;
        if let Some(key) = &key {
            key.complete(&mut tx, 202, &task_id.to_string()).await?;
        }
        Change::new(Action::IngestionStart, TargetKind::Task, task_id)
            .of_kb(Some(kb_id))
            .with("source", source.name.as_str())
            .with("url", remote.url())
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

    /// Starts a sync, or names the one that waits already.
    pub async fn sync(
        &self,
        access: &Access,
        source: &Source,
        dry_run: bool,
        trace_id: &str,
    ) -> Result<SyncStarted, ServiceError> {
        let mut tx = self.db.begin().await?;
        let task_id = self
            .begin_sync(&mut tx, access, source, dry_run, trace_id)
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
        dry_run: bool,
        trace_id: &str,
    ) -> Result<TaskId, ServiceError> {
        let task_id = self.enqueue(tx, source, dry_run, None, trace_id).await?;
        Change::new(Action::IngestionStart, TargetKind::Task, task_id)
            .of_kb(Some(source.kb_id))
            .with("source", source.name.as_str())
            .with("dry_run", dry_run)
            .record(tx, access, self.clock.now())
            .await?;
        Ok(task_id)
    }

    async fn enqueue(
        &self,
        tx: &mut Tx,
        source: &Source,
        dry_run: bool,
        again: Option<TaskId>,
        trace_id: &str,
    ) -> Result<TaskId, ServiceError> {
        if source.kind.is_remote() {
            return Ok(start_sync(&self.queue, tx, source, dry_run, again, trace_id).await?);
        }
        Err(ServiceError::TaskState(format!(
            "{:?} was uploaded and cannot be fetched; upload it again to bring it up to date",
            source.name
        )))
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
                    let kept = checked_credential(given)?;
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

    /// A new secret for webhooks of the source; an earlier one is good for nothing any more.
    pub async fn issue_webhook(
        &self,
        access: &Access,
        source: &Source,
    ) -> Result<SecretString, ServiceError> {
        if !source.kind.is_remote() {
            let reason = "a source that is uploaded has no webhook";
            return Err(ServiceError::TaskState(reason.to_owned()));
        }
        let secret = nexus_auth::secrets::random_token(WEBHOOK_PREFIX);
        let sealed = SourceSecret::Webhook.seal(&self.keys, source.id, &secret)?;
        self.set_webhook(access, source, Some(&sealed)).await?;
        Ok(secret)
    }

    pub async fn remove_webhook(&self, access: &Access, source: &Source) -> Result<(), ServiceError> {
        self.set_webhook(access, source, None).await
    }

    async fn set_webhook(
        &self,
        access: &Access,
        source: &Source,
        sealed: Option<&str>,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let action = match sealed {
            Some(_) => Action::SourceSecretSet,
            None => Action::SourceSecretRemove,
        };
        let mut tx = self.db.begin().await?;
        tx.sources().set_webhook_secret(source.id, sealed, now).await?;
        Change::new(action, TargetKind::Source, source.id)
            .of_kb(Some(source.kb_id))
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// A webhook has come: starts a sync if it is signed with the source's secret. Whatever is wrong looks the same.
    pub async fn webhook(
        &self,
        id: SourceId,
        body: &[u8],
        proof: WebhookProof<'_>,
        trace_id: &str,
    ) -> Result<SyncStarted, ServiceError> {
        let unknown = || ServiceError::NotFound("webhook");
        let sealed = self.db.sources().sealed_webhook_secret(id).await?;
        let secret = SourceSecret::Webhook.open(&self.keys, id, &sealed.ok_or_else(unknown)?)?;
        if !webhook::verifies(&secret, body, proof) {
            return Err(unknown());
        }
        let source = self.db.sources().get(id).await?.ok_or_else(unknown)?;
        if self.db.knowledge_bases().get(source.kb_id).await?.is_none() {
            return Err(unknown());
        }
        let mut tx = self.db.begin().await?;
        let task_id = self.enqueue(&mut tx, &source, false, None, trace_id).await?;
        tx.commit().await?;
        self.queue.wake();
        Ok(SyncStarted {
            task_id,
            kb_id: source.kb_id,
            source_id: id,
        })
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

/// Puts a sync into the queue. One that waits already is the same one: it will see what this one would.
pub async fn start_sync(
    queue: &Queue,
    tx: &mut Tx,
    source: &Source,
    dry_run: bool,
    again: Option<TaskId>,
    trace_id: &str,
) -> Result<TaskId, nexus_storage::StorageError> {
    let is_whole = !dry_run && again.is_none();
    if is_whole && let Some(waiting) = tx.sources().waiting_task(source.id).await? {
        return Ok(waiting);
    }
    let payload = TaskPayload::SyncSource {
        source_id: source.id,
        dry_run,
        again,
    };
    let task = queue.enqueue(tx, Some(source.kb_id), payload, trace_id).await?;
    if is_whole {
        tx.sources().set_task(source.id, task, queue.now()).await?;
    }
    Ok(task)
}

fn checked_remote(remote: Remote, guard: &Guard, settings: &Settings) -> Result<Remote, ServiceError> {
    match nexus_sources::check(&remote, guard, settings) {
        Ok(()) => Ok(remote),
        Err(SourceError::Refused { message, .. }) => Err(ServiceError::invalid("url", message)),
        Err(error) => Err(ServiceError::Internal(error.into())),
    }
}

/// As it is kept.
fn checked_credential(given: &GivenCredential) -> Result<SecretString, ServiceError> {
    let token = given.token.expose_secret();
    let refuse = |reason: String| Err(ServiceError::invalid("credential", reason));
    let is_plain = |text: &str| !text.chars().any(char::is_control);
    if !(1..=MAX_TOKEN_CHARS).contains(&token.chars().count()) || !is_plain(token) {
        return refuse(format!(
            "a token takes 1 to {MAX_TOKEN_CHARS} characters, none of them control characters"
        ));
    }
    if let Some(user) = &given.user
        && (user.chars().count() > MAX_USER_CHARS || !is_plain(user) || user.contains(':'))
    {
        return refuse(format!(
            "a user name takes at most {MAX_USER_CHARS} characters, none of them a colon or a control character"
        ));
    }
    let kept = KeptCredential {
        user: given.user.clone().filter(|user| !user.is_empty()),
        token: token.to_owned(),
    };
    let json = serde_json::to_string(&kept).map_err(|error| ServiceError::Internal(error.into()))?;
    Ok(SecretString::from(json))
}

/// A kept credential as its source wants it.
pub fn opened_credential(
    keys: &KeyRing,
    source: &Source,
    sealed: &str,
) -> Result<Option<Credential>, ServiceError> {
    let kept = SourceSecret::Credential.open(keys, source.id, sealed)?;
    let kept: KeptCredential =
        serde_json::from_str(kept.expose_secret()).map_err(|error| ServiceError::Internal(error.into()))?;
    let password = SecretString::from(kept.token);
    let user = match (&source.remote, kept.user) {
        (_, Some(user)) => Some(user),
        // Forges take a token as the password of a user whose name says what it is.
        (Some(Remote::Git(git)), None) => Some(token_user(&git.url).to_owned()),
        _ => None,
    };
    Ok(Some(match user {
        Some(user) => Credential::Basic { user, password },
        None => Credential::Bearer(password),
    }))
}

fn token_user(url: &str) -> &'static str {
    let host = Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    if host.contains("bitbucket") {
        "x-token-auth"
    } else if host.contains("gitlab") {
        "oauth2"
    } else {
        "x-access-token"
    }
}

fn is_same_site(before: Option<&Remote>, now: &Remote) -> bool {
    let origin = |remote: &Remote| Url::parse(remote.url()).ok().map(|url| url.origin());
    before.is_some_and(|before| origin(before) == origin(now))
}

/// A name for people: the host and path of an address.
fn name_of(url: &str) -> String {
    let name = match Url::parse(url) {
        Ok(parsed) => {
            let path = parsed.path().trim_matches('/').trim_end_matches(".git");
            let host = parsed.host_str().unwrap_or_default();
            format!("{host}/{path}").trim_matches('/').to_owned()
        }
        Err(_) => url.to_owned(),
    };
    let name: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME_CHARS)
        .collect();
    if name.is_empty() {
        "source".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_called_by_where_they_are() {
        assert_eq!(
            name_of("https://github.com/rust-lang/book.git"),
            "github.com/rust-lang/book"
        );
        assert_eq!(name_of("https://docs.example.org/"), "docs.example.org");
        assert_eq!(name_of("file:///srv/repos/a.git"), "srv/repos/a");
    }

    #[test]
    fn tokens_go_to_forges_under_the_names_that_they_expect() {
        assert_eq!(token_user("https://gitlab.com/a/b.git"), "oauth2");
        assert_eq!(token_user("https://bitbucket.org/a/b"), "x-token-auth");
        assert_eq!(token_user("https://github.com/a/b"), "x-access-token");
    }
}
