//! What a delivery can ask for, and how it is done: the same ways as for everybody else, in the delivery's transaction.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_auth::signed_request::RequestError;
use nexus_domain::{
    Action, DocumentId, KbId, Source, SourceId, SourceKind, TargetKind, TaskId, TaskPayload, Timestamp,
};
use nexus_ingest::normalise_path;
use nexus_storage::{MAX_PATH_BYTES, Received, StorageError, Tx};

use super::{Heard, IncomingWebhooks, Signed};
use crate::service::audit::Change;
use crate::service::ingestion::FILES;
use crate::service::{NewIngestion, Refusal, ServiceError, SyncOptions};

/// What a delivery asks for, in its webhook's knowledge base. Sources go by their names or ids.
#[derive(Debug)]
pub enum Told {
    /// What was said of this may be out of date: answers that are remembered count no more. Nothing is fetched.
    Invalidate {
        source: Option<String>,
        document: Option<DocumentId>,
        path_prefix: Option<String>,
    },
    /// A source is to be fetched again.
    Resync { source: String },
    /// A document is to say this.
    Upsert {
        source: Option<String>,
        path: String,
        content: Content,
    },
    /// A document is to go: by its path in a source of files, or by its id.
    Delete {
        source: Option<String>,
        path: Option<String>,
        document: Option<DocumentId>,
    },
}

/// The content of a document, as JSON can hold it.
#[derive(Debug)]
pub enum Content {
    Text(String),
    Base64(String),
}

impl Content {
    fn bytes(self) -> Result<Vec<u8>, ServiceError> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Base64(text) => STANDARD.decode(text.trim()).map_err(|error| {
                ServiceError::invalid("content_base64", format!("this is no base64: {error}"))
            }),
        }
    }
}

/// What was started, to be written down with the delivery.
#[derive(Clone, Copy, Default)]
struct Started {
    source: Option<SourceId>,
    task: Option<TaskId>,
    documents: Option<u64>,
}

/// Each `None` where another delivery of the same id was first.
type Done = Result<Option<Heard>, ServiceError>;

impl IncomingWebhooks {
    pub(super) async fn invalidate(
        &self,
        signed: &Signed,
        source: Option<String>,
        document: Option<DocumentId>,
        path_prefix: Option<String>,
    ) -> Done {
        let kb = signed.webhook.kb_id;
        let source = match &source {
            Some(source) => Some(self.source(kb, source, |_| true).await?),
            None => None,
        };
        let of_source = source.as_ref().map(|source| source.id);
        let documents = match (document, &path_prefix, of_source) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                let reason = "a document is named by its id alone, without a source or a path";
                return Err(ServiceError::invalid("document", reason));
            }
            (Some(document), None, None) => {
                self.document(kb, document).await?;
                Some(1)
            }
            (None, Some(prefix), of_source) => {
                check_prefix(prefix)?;
                let mut documents = self.db.documents();
                Some(documents.count_of_prefix(kb, of_source, prefix).await?)
            }
            (None, None, Some(source)) => Some(self.db.documents().count_of_source(source).await?),
            (None, None, None) => None,
        };
        let now = self.clock.now();
        let Some(mut tx) = self.first(signed, now).await? else {
            return Ok(None);
        };
        Change::new(Action::KbInvalidate, TargetKind::KnowledgeBase, kb)
            .of_kb(Some(kb))
            .with("webhook", signed.webhook.id.to_string())
            .with_some("source", source.map(|source| source.name))
            .with_some("document", document.map(|document| document.to_string()))
            .with_some("path_prefix", path_prefix)
            .record(&mut tx, &signed.access, now)
            .await?;
        let started = Started {
            source: of_source,
            documents,
            ..Started::default()
        };
        self.end(tx, signed, started, now).await.map(Some)
    }

    pub(super) async fn resync(&self, signed: &Signed, source: &str) -> Done {
        let source = self.source(signed.webhook.kb_id, source, |_| true).await?;
        let now = self.clock.now();
        let Some(mut tx) = self.first(signed, now).await? else {
            return Ok(None);
        };
        let trace_id = signed.access.origin().trace_id.to_string();
        let task = self
            .sources
            .begin_sync(
                &mut tx,
                &signed.access,
                &source,
                SyncOptions::default(),
                &trace_id,
            )
            .await?;
        let started = Started {
            source: Some(source.id),
            task: Some(task),
            documents: None,
        };
        self.end(tx, signed, started, now).await.map(Some)
    }

    pub(super) async fn upsert(
        &self,
        signed: &Signed,
        source: Option<String>,
        path: &str,
        content: Content,
    ) -> Done {
        let kb = signed.webhook.kb_id;
        let path = self.checked_path(path)?;
        let bytes = content.bytes()?;
        // An id names a source that is there; any other text may name a new one.
        let source = match source {
            Some(id) if id.parse::<SourceId>().is_ok() => Some(self.source(kb, &id, of_files).await?.name),
            name => name,
        };
        let mut writer = self.ingestion.receive(file_name(&path).to_owned()).await?;
        writer.write(&bytes).await?;
        let new = NewIngestion {
            knowledge_base: kb.to_string(),
            kind: SourceKind::Files,
            source,
            upload: writer.finish().await?,
            path: Some(path),
            trace_id: signed.access.origin().trace_id.to_string(),
            idempotency_key: None,
        };
        let place = self.ingestion.place(&signed.access, &new).await?;
        let now = self.clock.now();
        let Some(mut tx) = self.first(signed, now).await? else {
            return Ok(None);
        };
        let accepted = self
            .ingestion
            .write(&mut tx, &signed.access, &place, &new, now)
            .await?;
        let started = Started {
            source: Some(accepted.source_id),
            task: Some(accepted.task_id),
            documents: None,
        };
        new.upload.keep();
        self.end(tx, signed, started, now).await.map(Some)
    }

    pub(super) async fn remove(
        &self,
        signed: &Signed,
        source: Option<String>,
        path: Option<String>,
        document: Option<DocumentId>,
    ) -> Done {
        let kb = signed.webhook.kb_id;
        let (source_id, path) = match (path, document) {
            (Some(path), None) => {
                let source = self
                    .source(kb, source.as_deref().unwrap_or(FILES), of_files)
                    .await?;
                (source.id, self.checked_path(&path)?)
            }
            (None, Some(document)) if source.is_none() => self.document(kb, document).await?,
            _ => {
                let reason = "name the document by its path and source, or by its id alone";
                return Err(ServiceError::invalid("path", reason));
            }
        };
        let now = self.clock.now();
        let Some(mut tx) = self.first(signed, now).await? else {
            return Ok(None);
        };
        let payload = TaskPayload::RemoveDocument {
            source_id,
            path: path.clone(),
        };
        let trace_id = signed.access.origin().trace_id.to_string();
        let task = self.queue.enqueue(&mut tx, Some(kb), payload, &trace_id).await?;
        Change::new(Action::IngestionStart, TargetKind::Task, task)
            .of_kb(Some(kb))
            .with("webhook", signed.webhook.id.to_string())
            .with("removes", path)
            .record(&mut tx, &signed.access, now)
            .await?;
        let started = Started {
            source: Some(source_id),
            task: Some(task),
            documents: None,
        };
        self.end(tx, signed, started, now).await.map(Some)
    }

    /// A transaction that holds the delivery's id; `None` if another one has stored it.
    async fn first(&self, signed: &Signed, now: Timestamp) -> Result<Option<Tx>, ServiceError> {
        let mut tx = self.db.begin().await?;
        let mut stored = tx.incoming_webhooks();
        match stored.receive(signed.webhook.id, &signed.delivery, now).await {
            Ok(is_first) => Ok(is_first.then_some(tx)),
            // It was deleted a moment ago.
            Err(StorageError::ReferenceViolation(_)) => {
                Err(Refusal::Signature(RequestError::Mismatch).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Raises the revision, last: workers lock a task before its knowledge base, too.
    async fn end(
        &self,
        mut tx: Tx,
        signed: &Signed,
        started: Started,
        now: Timestamp,
    ) -> Result<Heard, ServiceError> {
        let (webhook, kb_id) = (signed.webhook.id, signed.webhook.kb_id);
        let received = Received {
            source: started.source,
            task: started.task,
        };
        tx.incoming_webhooks()
            .note(webhook, &signed.delivery, received)
            .await?;
        let revision = tx.knowledge_bases().bump_revision(kb_id, now).await?;
        let revision = revision.ok_or(ServiceError::NotFound("knowledge base"))?;
        tx.commit().await?;
        Ok(Heard {
            kb_id,
            repeated: false,
            revision: Some(revision),
            source_id: started.source,
            task_id: started.task,
            documents: started.documents,
        })
    }

    /// The source of this id or name, among those that `fits` takes.
    async fn source(
        &self,
        kb: KbId,
        named: &str,
        fits: impl Fn(&Source) -> bool,
    ) -> Result<Source, ServiceError> {
        let id = named.parse::<SourceId>().ok();
        let sources = self.db.sources().list(kb).await?.into_iter();
        let mut found = sources.map(|summary| summary.source).filter(|source| {
            let is_it = id.map_or(source.name == named.trim(), |id| source.id == id);
            is_it && fits(source)
        });
        let first = found.next().ok_or(ServiceError::NotFound("source"))?;
        if found.next().is_some() {
            let reason = "several sources of different kinds have this name; name one by its id";
            return Err(ServiceError::invalid("source", reason));
        }
        Ok(first)
    }

    async fn document(&self, kb: KbId, id: DocumentId) -> Result<(SourceId, String), ServiceError> {
        let found = self.db.documents().get(id).await?;
        let document = found.filter(|document| document.kb_id == kb);
        let document = document.ok_or(ServiceError::NotFound("document"))?;
        Ok((document.source_id, document.path))
    }

    fn checked_path(&self, path: &str) -> Result<String, ServiceError> {
        match normalise_path(path, &self.limits) {
            Ok(Some(path)) => Ok(path),
            Ok(None) => Err(ServiceError::invalid("path", "no document is called so")),
            Err((_, reason)) => Err(ServiceError::invalid("path", reason)),
        }
    }
}

fn check_prefix(prefix: &str) -> Result<(), ServiceError> {
    if prefix.is_empty() || prefix.len() > MAX_PATH_BYTES || prefix.chars().any(char::is_control) {
        let reason =
            format!("a path begins with 1 to {MAX_PATH_BYTES} bytes, none of them control characters");
        return Err(ServiceError::invalid("path_prefix", reason));
    }
    Ok(())
}

fn of_files(source: &Source) -> bool {
    source.kind == SourceKind::Files
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
