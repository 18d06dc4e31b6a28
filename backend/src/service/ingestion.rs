//! Uploads become tasks: the upload's row, its source and its task are written in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_domain::source::MAX_NAME_CHARS;
use nexus_domain::{
    Access, Action, Caller, Clock, ContentHash, KbId, KbRole, Scope, Source, SourceId, SourceKind, SyncState,
    TargetKind, TaskId, TaskPayload, Timestamp, Upload, UploadId,
};
use nexus_storage::{Begun, Db, Tx};

use super::audit::Change;
use super::upload::{ReceivedUpload, UploadWriter};
use super::usage::{Accounts, NO_KBS};
use super::{Bots, KnowledgeBases, ServiceError, Usage};
use crate::uploads::Uploads;
use crate::worker::Queue;

/// Name of the source that single files go to unless the caller names one.
pub(super) const FILES: &str = "files";

#[derive(Clone, Debug)]
pub struct Ingestion {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub queue: Queue,
    pub knowledge_bases: KnowledgeBases,
    pub uploads: Uploads,
    pub bots: Bots,
    pub usage: Usage,
    pub max_bytes: u64,
}

/// A request to read an upload into a knowledge base.
#[derive(Debug)]
pub struct NewIngestion {
    /// Name or id.
    pub knowledge_base: String,
    pub kind: SourceKind,
    pub source: Option<String>,
    pub upload: ReceivedUpload,
    /// Where the one document stands that the upload is; `None`: its name and content say what it holds.
    pub path: Option<String>,
    pub trace_id: String,
    pub idempotency_key: Option<String>,
}

/// Where an upload belongs, and whom it counts for.
#[derive(Debug)]
pub(super) struct Place {
    kb_id: KbId,
    source_name: String,
    accounts: Accounts,
}

#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    pub task_id: TaskId,
    pub kb_id: KbId,
    pub source_id: SourceId,
}

/// A creating request that may be a repeat.
#[derive(Debug)]
pub(super) struct Idempotent<'a> {
    pub caller: String,
    pub key: &'a str,
    pub fingerprint: ContentHash,
}

/// Keeps the keys of different callers apart.
pub(super) fn caller_key(access: &Access) -> String {
    match access.caller() {
        Caller::ApiKey(id) => format!("key:{id}"),
        Caller::Person(person) => format!("person:{}", person.user),
        Caller::Bot(caller) => format!("bot:{}", caller.bot),
        Caller::Public => "public".to_owned(),
    }
}

impl Idempotent<'_> {
    /// What the first request of this key made; `None` if this is the first one.
    pub async fn begin(&self, tx: &mut Tx, now: Timestamp) -> Result<Option<String>, ServiceError> {
        // Begun and completed in one transaction: a key that is open belongs to a request that is alive.
        let stale = Timestamp::from_micros(0);
        match tx
            .idempotency()
            .begin(&self.caller, self.key, &self.fingerprint, now, stale)
            .await?
        {
            Begun::New => Ok(None),
            Begun::Replay { body, .. } => Ok(Some(body)),
            Begun::Mismatch => Err(ServiceError::IdempotencyMismatch),
            Begun::InProgress => Err(ServiceError::IdempotencyInProgress),
        }
    }

    /// Remembers what was made, in the transaction that makes it.
    pub async fn complete(&self, tx: &mut Tx, status: u16, made: &str) -> Result<(), ServiceError> {
        tx.idempotency()
            .complete(&self.caller, self.key, status, made)
            .await?;
        Ok(())
    }
}

impl Ingestion {
    /// Fails if the caller may not upload so much more today, before the bytes are sent in vain.
    pub async fn expect(&self, access: &Access, bytes: u64) -> Result<(), ServiceError> {
        let bot = self.bots.calling(access).await?;
        let accounts = self.usage.accounts(access, bot.as_ref(), NO_KBS).await?;
        self.usage.expect_bytes(&accounts, bytes).await
    }

    /// Opens a place for an upload's bytes.
    pub async fn receive(&self, file_name: String) -> Result<UploadWriter, ServiceError> {
        let id = UploadId::new(self.clock.now());
        UploadWriter::create(&self.uploads, id, file_name, self.max_bytes).await
    }

    pub async fn accept(&self, access: &Access, new: NewIngestion) -> Result<Accepted, ServiceError> {
        let place = self.place(access, &new).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let key = new.idempotency_key.as_deref().map(|key| Idempotent {
            caller: caller_key(access),
            key,
            fingerprint: fingerprint(place.kb_id, &place.source_name, &new),
        });
        if let Some(key) = &key
            && let Some(made) = key.begin(&mut tx, now).await?
        {
            tx.commit().await?;
            return self.accepted_before(place.kb_id, &made).await;
        }
        let accepted = self.write(&mut tx, access, &place, &new, now).await?;
        if let Some(key) = &key {
            key.complete(&mut tx, 202, &accepted.task_id.to_string()).await?;
        }
        // From here on the row may stand, whatever this request still hears of it. A file without one is swept.
        new.upload.keep();
        tx.commit().await?;
        self.queue.wake();
        Ok(accepted)
    }

    /// Where an upload belongs and whom it counts for, if the caller may send it.
    pub(super) async fn place(&self, access: &Access, new: &NewIngestion) -> Result<Place, ServiceError> {
        let kb = self
            .knowledge_bases
            .resolve_one(access, &new.knowledge_base)
            .await?;
        let kb_id = kb.id;
        access.require_in(kb_id, KbRole::Editor, Scope::Ingest)?;
        let source_name = source_name(new)?;
        let bot = self.bots.calling(access).await?;
        let fed = BTreeMap::from([(kb_id, kb.quotas)]);
        let accounts = self.usage.accounts(access, bot.as_ref(), &fed).await?;
        Ok(Place {
            kb_id,
            source_name,
            accounts,
        })
    }

    /// Counts an upload and writes its row, its source and its task. The caller keeps the bytes and commits.
    pub(super) async fn write(
        &self,
        tx: &mut Tx,
        access: &Access,
        place: &Place,
        new: &NewIngestion,
        now: Timestamp,
    ) -> Result<Accepted, ServiceError> {
        let kb_id = place.kb_id;
        self.usage
            .take_bytes(tx, &place.accounts, new.upload.size_bytes())
            .await?;
        let candidate = Source {
            id: SourceId::new(now),
            kb_id,
            kind: new.kind,
            name: place.source_name.clone(),
            remote: None,
            schedule: None,
            next_sync_at: None,
            sync: SyncState::default(),
            has_credential: false,
            has_webhook: false,
            created_at: now,
            updated_at: now,
        };
        let source = tx.sources().find_or_create(&candidate).await?;
        let upload = Upload {
            id: new.upload.id(),
            file_name: new.upload.file_name().to_owned(),
            size_bytes: new.upload.size_bytes(),
            content_hash: new.upload.content_hash(),
            created_at: now,
        };
        tx.uploads().insert(&upload).await?;
        let payload = TaskPayload::IngestUpload {
            upload_id: upload.id,
            source_id: source.id,
            again: None,
            path: new.path.clone(),
        };
        let task_id = self
            .queue
            .enqueue(tx, Some(kb_id), payload, &new.trace_id)
            .await?;
        tx.sources().set_task(source.id, task_id, now).await?;
        Change::new(Action::IngestionStart, TargetKind::Task, task_id)
            .of_kb(Some(kb_id))
            .with("source", source.name.as_str())
            .with("bytes", upload.size_bytes)
            .record(tx, access, now)
            .await?;
        Ok(Accepted {
            task_id,
            kb_id,
            source_id: source.id,
        })
    }

    async fn accepted_before(&self, kb_id: KbId, made: &str) -> Result<Accepted, ServiceError> {
        let task_id: TaskId = made.parse().map_err(|_| ServiceError::NotFound("task"))?;
        let task = self
            .db
            .tasks()
            .get(task_id)
            .await?
            .ok_or(ServiceError::NotFound("task"))?;
        match task.payload {
            TaskPayload::IngestUpload { source_id, .. } => Ok(Accepted {
                task_id,
                kb_id,
                source_id,
            }),
            _ => Err(ServiceError::NotFound("task")),
        }
    }
}

fn source_name(new: &NewIngestion) -> Result<String, ServiceError> {
    let default = match new.kind {
        SourceKind::Files => FILES,
        _ => new.upload.file_name(),
    };
    let name = new.source.as_deref().unwrap_or(default).trim();
    let length = name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&length) || name.chars().any(char::is_control) {
        let reason = format!("a source's name takes 1 to {MAX_NAME_CHARS} characters, none of them control");
        return Err(ServiceError::invalid("source", reason));
    }
    Ok(name.to_owned())
}

fn fingerprint(kb: KbId, source: &str, new: &NewIngestion) -> ContentHash {
    ContentHash::of_parts([
        new.kind.as_str().as_bytes(),
        kb.as_uuid().as_bytes().as_slice(),
        source.as_bytes(),
        new.upload.file_name().as_bytes(),
        new.upload.content_hash().as_bytes().as_slice(),
    ])
}
