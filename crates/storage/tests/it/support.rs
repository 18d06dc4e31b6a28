//! A small world to write rows into. Time is counted in seconds from an instant of 2026.

use nexus_domain::task::TaskPayload;
use nexus_domain::{
    Access, ApiKeyId, Chunk, ChunkId, ContentHash, Document, DocumentId, DocumentVersion, Format,
    GenerationId, KbFilter, KbId, KnowledgeBase, LeaseToken, LineRange, PageRange, Progress, Quotas, Role,
    Source, SourceId, SourceKind, Standing, SyncState, Task, TaskId, TaskState, Timestamp, UploadId,
    VersionId, Visibility,
};
use nexus_storage::{Db, PendingVersion};

pub(crate) const NONE: GenerationId = GenerationId::NONE;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + seconds * 1_000_000 + 123_456)
}

pub(crate) fn new_kb(name: &str) -> KnowledgeBase {
    KnowledgeBase {
        id: KbId::new(at(0)),
        name: name.to_owned(),
        description: "О продукте".to_owned(),
        revision: 1,
        lexical_average_milli: 0,
        visibility: Visibility::Private,
        quotas: Quotas::default(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn new_source(kb: KbId, name: &str) -> Source {
    Source {
        id: SourceId::new(at(0)),
        kb_id: kb,
        kind: SourceKind::Archive,
        name: name.to_owned(),
        remote: None,
        schedule: None,
        next_sync_at: None,
        sync: SyncState::default(),
        has_credential: false,
        has_webhook: false,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn new_task(kb: Option<KbId>, payload: TaskPayload) -> Task {
    Task {
        id: TaskId::new(at(0)),
        kb_id: kb,
        payload,
        state: TaskState::Queued,
        attempts: 0,
        run_at: at(0),
        lease: None,
        requested_state: None,
        progress: Progress::default(),
        error: None,
        trace_id: "trace".to_owned(),
        created_at: at(0),
        started_at: None,
        updated_at: at(0),
        finished_at: None,
    }
}

pub(crate) fn ingest(kb: KbId) -> Task {
    let payload = TaskPayload::IngestUpload {
        upload_id: UploadId::new(at(0)),
        source_id: SourceId::new(at(0)),
        again: None,
        path: None,
    };
    new_task(Some(kb), payload)
}

pub(crate) fn token() -> LeaseToken {
    LeaseToken::new(at(0))
}

pub(crate) async fn stored_kb(db: &Db, name: &str) -> KbId {
    let kb = new_kb(name);
    let mut tx = db.begin().await.unwrap();
    tx.knowledge_bases().insert(&kb).await.unwrap();
    tx.commit().await.unwrap();
    kb.id
}

pub(crate) async fn enqueued(db: &Db, task: Task) -> TaskId {
    let mut tx = db.begin().await.unwrap();
    tx.tasks().enqueue(&task).await.unwrap();
    tx.commit().await.unwrap();
    task.id
}

/// What a caller who sees everything may search.
pub(crate) fn filter(kbs: &[KbId]) -> KbFilter {
    let standing = Standing::of_key(ApiKeyId::new(at(0)), Role::Admin);
    Access::decide(standing).filter(kbs.iter().copied())
}

/// One source of one knowledge base, fed by one task.
pub(crate) struct Shelf<'a> {
    pub(crate) db: &'a Db,
    pub(crate) kb: KbId,
    pub(crate) source: SourceId,
    pub(crate) task: TaskId,
}

impl<'a> Shelf<'a> {
    pub(crate) async fn new(db: &'a Db, kb_name: &str) -> Self {
        Self::in_kb(db, stored_kb(db, kb_name).await).await
    }

    pub(crate) async fn in_kb(db: &'a Db, kb: KbId) -> Self {
        let mut tx = db.begin().await.unwrap();
        let source = tx
            .sources()
            .find_or_create(&new_source(kb, "guide.zip"))
            .await
            .unwrap()
            .id;
        tx.commit().await.unwrap();
        Self {
            db,
            kb,
            source,
            task: TaskId::new(at(0)),
        }
    }

    /// A document that will show a new version with these texts; nothing is stored.
    pub(crate) fn draft(&self, id: DocumentId, path: &str, texts: &[&str]) -> (Document, PendingVersion) {
        let version = DocumentVersion {
            id: VersionId::new(at(1)),
            document_id: id,
            kb_id: self.kb,
            task_id: self.task,
            created_at: at(1),
        };
        let chunks: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| chunk(&version, n, text))
            .collect();
        let document = Document {
            id,
            kb_id: self.kb,
            source_id: self.source,
            path: path.to_owned(),
            title: format!("Title of {path}"),
            format: Format::Markdown,
            size_bytes: 4_096,
            content_hash: ContentHash::of(texts.concat().as_bytes()),
            fingerprint: Some(format!("blob {path}")),
            link: Some(format!("https://example.org/{path}")),
            version_id: version.id,
            chunk_count: u32::try_from(chunks.len()).unwrap(),
            created_at: at(1),
            updated_at: at(1),
        };
        (document, PendingVersion { version, chunks })
    }

    /// Writes the texts as a document's pending version.
    pub(crate) async fn pend(
        &self,
        id: DocumentId,
        path: &str,
        texts: &[&str],
    ) -> (Document, PendingVersion) {
        let (document, pending) = self.draft(id, path, texts);
        let mut tx = self.db.begin().await.unwrap();
        tx.documents()
            .write_pending(std::slice::from_ref(&pending))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (document, pending)
    }

    pub(crate) async fn switch(&self, document: &Document) {
        let mut tx = self.db.begin().await.unwrap();
        tx.documents()
            .switch(std::slice::from_ref(document), self.task)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// A document that shows the texts.
    pub(crate) async fn publish(&self, path: &str, texts: &[&str]) -> (Document, PendingVersion) {
        let (document, pending) = self.pend(DocumentId::new(at(1)), path, texts).await;
        self.switch(&document).await;
        (document, pending)
    }

    pub(crate) async fn delete(&self, document: DocumentId) -> bool {
        let mut tx = self.db.begin().await.unwrap();
        let deleted = tx.documents().delete(document, at(9)).await.unwrap();
        tx.commit().await.unwrap();
        deleted
    }

    pub(crate) async fn texts(&self, document: DocumentId) -> Vec<String> {
        let chunks = self.db.chunks().of_document(document).await.unwrap();
        chunks.into_iter().map(|chunk| chunk.text).collect()
    }
}

fn chunk(version: &DocumentVersion, ordinal: usize, text: &str) -> Chunk {
    let ordinal = u32::try_from(ordinal).unwrap();
    Chunk {
        id: ChunkId::new(at(1)),
        version_id: version.id,
        document_id: version.document_id,
        kb_id: version.kb_id,
        ordinal,
        text: text.to_owned(),
        heading_path: vec!["Установка".to_owned(), format!("Step {ordinal}")],
        lines: LineRange {
            first: ordinal * 10 + 1,
            last: ordinal * 10 + 9,
        },
        pages: Some(PageRange {
            first: ordinal + 1,
            last: ordinal + 2,
        }),
        anchor: Some(format!("step-{ordinal}")),
        term_count: u32::try_from(text.split_whitespace().count()).unwrap(),
        content_hash: ContentHash::of(text.as_bytes()),
    }
}
