//! Whole knowledge bases as files: exported while they are read, imported as a task.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nexus_domain::{
    Access, Action, ContentHash, Document, KbId, KnowledgeBase, Role, SourceId, TargetKind, TaskId,
    TaskPayload, Timestamp, Upload, Visibility,
};
use nexus_ingest::{
    BUNDLE_EXTENSION, BundleDocument, BundleError, BundleManifest, BundleModel, BundlePassage, BundleSource,
    BundleWriter,
};
use nexus_storage::{Db, Generation, IndexableChunk, SourceSummary, StorageError};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use super::audit::Change;
use super::ingestion::{Idempotent, caller_key};
use super::knowledge_bases::{checked_new, insert};
use super::usage::NO_KBS;
use super::{Ingestion, ReceivedUpload, ServiceError};

/// Exports that run at the same time; each holds a thread and a page of documents.
const AT_ONCE: usize = 16;
/// Documents read at once.
const PAGE: usize = 32;
/// Pieces that may wait for the network, each of about 128 KiB.
const WAITING_PIECES: usize = 8;
const PIECE_BYTES: usize = 128 * 1024;
/// How long nobody may take a piece.
const MOST_SILENCE: Duration = Duration::from_secs(60);
/// How often a document is read again that changes under the reader's eyes.
const LOOKS: usize = 5;

#[derive(Clone, Debug)]
pub struct Bundles {
    ingestion: Ingestion,
    slots: Arc<Semaphore>,
}

/// An export on its way.
#[derive(Debug)]
pub struct Exported {
    pub file_name: String,
    /// The file, piece by piece. An error is the last one: what came before it is no whole bundle.
    pub pieces: mpsc::Receiver<io::Result<Bytes>>,
}

/// A request to import an upload.
#[derive(Debug)]
pub struct NewImport {
    /// The exported name where absent.
    pub name: Option<String>,
    pub upload: ReceivedUpload,
    pub trace_id: String,
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct Imported {
    pub task_id: TaskId,
    pub kb_id: KbId,
}

impl Bundles {
    pub fn new(ingestion: Ingestion) -> Self {
        Self {
            ingestion,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Begins to write a knowledge base out. Each document is written as it is when its turn comes.
    pub async fn export(&self, access: &Access, kb: &KnowledgeBase) -> Result<Exported, ServiceError> {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            let why = format!("{AT_ONCE} exports are under way; try again when one of them has ended");
            return Err(ServiceError::Busy(why));
        };
        let db = &self.ingestion.db;
        let now = self.ingestion.clock.now();
        let mut tx = db.begin().await?;
        Change::new(Action::KbExport, TargetKind::KnowledgeBase, kb.id)
            .of_kb(Some(kb.id))
            .with("name", kb.name.as_str())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        let model = db.generations().active().await?;
        let reader = Reader {
            db: db.clone(),
            kb: kb.clone(),
            model,
            runtime: Handle::current(),
        };
        let (sender, pieces) = mpsc::channel(WAITING_PIECES);
        tokio::task::spawn_blocking(move || {
            let mut out = Pieces::new(sender.clone(), reader.runtime.clone());
            if let Err(error) = reader.write(&mut out, now) {
                if error.kind() != io::ErrorKind::BrokenPipe {
                    tracing::error!(kb = %reader.kb.id, cause = crate::error_chain::chain(&error), "an export broke off");
                }
                // Whoever is gone, or takes nothing, need not hear of it.
                drop(sender.try_send(Err(io::Error::other("the export broke off"))));
            }
            drop(slot);
        });
        Ok(Exported {
            file_name: format!("{}.{BUNDLE_EXTENSION}", kb.name),
            pieces,
        })
    }

    /// Makes a knowledge base and the task that fills it.
    pub async fn import(&self, access: &Access, new: NewImport) -> Result<Imported, ServiceError> {
        let Ingestion {
            db,
            clock,
            queue,
            bots,
            usage,
            ..
        } = &self.ingestion;
        let manifest = nexus_ingest::manifest_of(new.upload.head()).map_err(|error| match error {
            BundleError::Rejected(problem) => ServiceError::invalid("file", problem.message),
            BundleError::Io(error) => error.into(),
        })?;
        let now = clock.now();
        let name = new.name.as_deref().unwrap_or(&manifest.name);
        let kb = checked_new(name, &manifest.description, Visibility::Private, now)?;
        let bot = bots.calling(access).await?;
        let accounts = usage.accounts(access, bot.as_ref(), NO_KBS).await?;
        let mut tx = db.begin().await?;
        let key = new.idempotency_key.as_deref().map(|key| Idempotent {
            caller: caller_key(access),
            key,
            fingerprint: ContentHash::of_parts([
                b"import knowledge base".as_slice(),
                kb.name.as_bytes(),
                new.upload.content_hash().as_bytes().as_slice(),
            ]),
        });
        if let Some(key) = &key
            && let Some(made) = key.begin(&mut tx, now).await?
        {
            tx.commit().await?;
            return self.imported_before(&made).await;
        }
        usage
            .take_bytes(&mut tx, &accounts, new.upload.size_bytes())
            .await?;
        insert(&mut tx, access, &kb).await?;
        let upload = Upload {
            id: new.upload.id(),
            file_name: new.upload.file_name().to_owned(),
            size_bytes: new.upload.size_bytes(),
            content_hash: new.upload.content_hash(),
            created_at: now,
        };
        tx.uploads().insert(&upload).await?;
        let payload = TaskPayload::ImportKb {
            upload_id: upload.id,
            trusts_vectors: access.role() >= Role::Admin,
        };
        let task_id = queue
            .enqueue(&mut tx, Some(kb.id), payload, &new.trace_id)
            .await?;
        if let Some(key) = &key {
            key.complete(&mut tx, 202, &task_id.to_string()).await?;
        }
        Change::new(Action::KbImport, TargetKind::KnowledgeBase, kb.id)
            .of_kb(Some(kb.id))
            .with("name", kb.name.as_str())
            .with("bytes", upload.size_bytes)
            .record(&mut tx, access, now)
            .await?;
        new.upload.keep();
        tx.commit().await?;
        queue.wake();
        Ok(Imported {
            task_id,
            kb_id: kb.id,
        })
    }

    async fn imported_before(&self, made: &str) -> Result<Imported, ServiceError> {
        let gone = || ServiceError::NotFound("task");
        let task_id: TaskId = made.parse().map_err(|_| gone())?;
        let task = self.ingestion.db.tasks().get(task_id).await?.ok_or_else(gone)?;
        Ok(Imported {
            task_id,
            kb_id: task.kb_id.ok_or_else(gone)?,
        })
    }
}

/// Reads a knowledge base page by page, on a thread of its own.
struct Reader {
    db: Db,
    kb: KnowledgeBase,
    model: Option<Generation>,
    runtime: Handle,
}

impl Reader {
    fn write(&self, out: &mut Pieces, now: Timestamp) -> io::Result<()> {
        let generation = self
            .model
            .as_ref()
            .map_or(nexus_domain::GenerationId::NONE, |model| model.id);
        let stats = self.wait(self.db.knowledge_bases().stats(self.kb.id, generation))?;
        let manifest = BundleManifest {
            name: self.kb.name.clone(),
            description: self.kb.description.clone(),
            exported_at: now,
            lexical_average_milli: self.kb.lexical_average_milli,
            model: self.model.as_ref().map(|model| BundleModel {
                name: model.model.clone(),
                dimension: model.dimension,
            }),
            documents: stats.documents,
            passages: stats.chunks,
        };
        let mut bundle = BundleWriter::new(&mut *out, manifest)?;
        for SourceSummary { source, .. } in self.wait(self.db.sources().list(self.kb.id))? {
            let id = source.id;
            bundle.source(BundleSource {
                kind: source.kind,
                name: source.name,
                remote: source.remote,
                schedule: source.schedule,
                had_credential: source.has_credential,
            })?;
            self.documents(id, &mut |document| bundle.document(document))?;
        }
        bundle.finish()?;
        out.flush()
    }

    fn documents(
        &self,
        source: SourceId,
        write: &mut dyn FnMut(BundleDocument) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut after: Option<(String, nexus_domain::DocumentId)> = None;
        loop {
            let from = after.as_ref().map(|(path, id)| (path.as_str(), *id));
            let page = self.wait(async {
                let mut documents = self.db.documents();
                documents.list(self.kb.id, Some(source), from, PAGE).await
            })?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some((last.path.clone(), last.id));
            for document in page {
                if let Some(document) = self.whole(document)? {
                    write(document)?;
                }
            }
        }
    }

    /// The document with the passages of one version; `None` if it has gone meanwhile.
    fn whole(&self, mut document: Document) -> io::Result<Option<BundleDocument>> {
        for _ in 0..LOOKS {
            let chunks = self.wait(self.db.chunks().indexable_by_versions(&[document.version_id]))?;
            if chunks.len() == document.chunk_count as usize {
                return self.bundled(document, chunks).map(Some);
            }
            let Some(now) = self.wait(self.db.documents().get(document.id))? else {
                return Ok(None);
            };
            document = now;
        }
        Err(io::Error::other("a document changes faster than it can be read"))
    }

    fn bundled(&self, document: Document, chunks: Vec<IndexableChunk>) -> io::Result<BundleDocument> {
        let hashes: Vec<ContentHash> = chunks.iter().map(|row| row.chunk.content_hash).collect();
        let mut vectors = match &self.model {
            Some(model) => self.wait(self.db.embeddings().get_many(&model.model, &hashes))?,
            None => std::collections::HashMap::new(),
        };
        let passages = chunks.into_iter().map(|row| BundlePassage {
            // A text that stands twice in the document needs its vector once.
            vector: vectors.remove(&row.chunk.content_hash),
            text: row.chunk.text,
            heading_path: row.chunk.heading_path,
            lines: row.chunk.lines,
            pages: row.chunk.pages,
            anchor: row.chunk.anchor,
        });
        Ok(BundleDocument {
            path: document.path,
            title: document.title,
            format: document.format,
            size_bytes: document.size_bytes,
            content_hash: document.content_hash,
            fingerprint: document.fingerprint,
            link: document.link,
            passages: passages.collect(),
        })
    }

    fn wait<T>(&self, read: impl Future<Output = Result<T, StorageError>>) -> io::Result<T> {
        self.runtime.block_on(read).map_err(io::Error::other)
    }
}

/// Hands what is written to whoever sends it, in pieces, as fast as it is taken.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    piece: Vec<u8>,
}

impl Pieces {
    fn new(sender: mpsc::Sender<io::Result<Bytes>>, runtime: Handle) -> Self {
        Self {
            sender,
            runtime,
            piece: Vec::with_capacity(PIECE_BYTES),
        }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        let sent = self.sender.send_timeout(Ok(Bytes::from(piece)), MOST_SILENCE);
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.runtime.block_on(sent).map_err(gone)
    }
}
