//! Documents. A live document shows one version; [`write`] holds how it comes to show another.

mod write;

pub use write::PendingVersion;
#[cfg(feature = "testing")]
pub(crate) use write::STATEMENTS as WRITE_STATEMENTS;

use nexus_domain::{ContentHash, Document, DocumentId, KbId, SourceId, TaskId, VersionId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{At, check_text, hash, limit, number, word};

/// Longest path of a document, in bytes. PostgreSQL refuses index entries above 2,704 bytes
/// (a third of an index page), and a path shares one with two ids.
pub const MAX_PATH_BYTES: usize = 2_048;

macro_rules! columns {
    () => {
        "id, kb_id, source_id, path, title, format, size_bytes, content_hash, version_id, chunk_count, created_at,
         updated_at, fingerprint, link"
    };
}

statements! {
    GET = concat!("SELECT ", columns!(), " FROM documents WHERE id = $1 AND deleted_at IS NULL
        AND EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = documents.kb_id AND k.deleted_at IS NULL)");
    LIST_OF_KB = concat!("SELECT ", columns!(), " FROM documents
        WHERE kb_id = $1 AND deleted_at IS NULL AND (path, id) > ($2, $3) ORDER BY path, id LIMIT $4");
    LIST_OF_SOURCE = concat!("SELECT ", columns!(), " FROM documents
        WHERE source_id = $1 AND deleted_at IS NULL AND (path, id) > ($2, $3) AND kb_id = $5
        ORDER BY path, id LIMIT $4");
    HEADS = ids_in!("SELECT id, path, content_hash, version_id FROM documents WHERE path IN ",
        " AND source_id = $65 AND deleted_at IS NULL");
    PATHS = "SELECT path FROM documents WHERE source_id = $1 AND deleted_at IS NULL";
    FINGERPRINTS = "SELECT path, fingerprint FROM documents
        WHERE source_id = $1 AND deleted_at IS NULL AND fingerprint IS NOT NULL";
    // Of what was read under other settings nothing is expected: its fingerprints were forgotten with them.
    MET = "SELECT COUNT(*), COALESCE(SUM(CASE WHEN seen_task_id = $2 THEN 0 ELSE 1 END), 0) FROM documents
        WHERE source_id = $1 AND deleted_at IS NULL AND fingerprint IS NOT NULL";
    COUNT_OF_PREFIX = "SELECT COUNT(*) FROM documents
        WHERE kb_id = $1 AND (source_id = $2 OR $2 IS NULL) AND deleted_at IS NULL
          AND SUBSTR(path, 1, LENGTH(CAST($3 AS TEXT))) = $3";
    COUNT_OF_SOURCE = "SELECT COUNT(*) FROM documents WHERE source_id = $1 AND deleted_at IS NULL";
}

#[derive(FromRow)]
struct DocumentRow {
    id: Uuid,
    kb_id: Uuid,
    source_id: Uuid,
    path: String,
    title: String,
    format: String,
    size_bytes: i64,
    content_hash: Vec<u8>,
    version_id: Uuid,
    chunk_count: i64,
    created_at: At,
    updated_at: At,
    fingerprint: Option<String>,
    link: Option<String>,
}

impl TryFrom<DocumentRow> for Document {
    type Error = StorageError;

    fn try_from(row: DocumentRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: DocumentId::from_uuid(row.id),
            kb_id: KbId::from_uuid(row.kb_id),
            source_id: SourceId::from_uuid(row.source_id),
            path: row.path,
            title: row.title,
            format: word(&row.format)?,
            size_bytes: number(row.size_bytes, "size of a document")?,
            content_hash: hash(&row.content_hash)?,
            fingerprint: row.fingerprint,
            link: row.link,
            version_id: VersionId::from_uuid(row.version_id),
            chunk_count: number(row.chunk_count, "count of chunks")?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// What a sync must know of a document to leave it alone or to replace it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentHead {
    pub id: DocumentId,
    pub path: String,
    pub content_hash: ContentHash,
    pub version_id: VersionId,
}

#[derive(FromRow)]
struct HeadRow {
    id: Uuid,
    path: String,
    content_hash: Vec<u8>,
    version_id: Uuid,
}

impl TryFrom<HeadRow> for DocumentHead {
    type Error = StorageError;

    fn try_from(row: HeadRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: DocumentId::from_uuid(row.id),
            path: row.path,
            content_hash: hash(&row.content_hash)?,
            version_id: VersionId::from_uuid(row.version_id),
        })
    }
}

/// What a task has met of a source's documents, those that have a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    pub known: u64,
    /// Of them, those that it did not meet.
    pub missed: u64,
}

#[derive(Debug)]
pub struct Documents<C>(pub(crate) C);

impl<C: Connect> Documents<C> {
    pub async fn get(&mut self, id: DocumentId) -> Result<Option<Document>, StorageError> {
        let row: Option<DocumentRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Live documents of a knowledge base, or of one of its sources, in the order of (path, id), after `after`.
    pub async fn list(
        &mut self,
        kb: KbId,
        source: Option<SourceId>,
        after: Option<(&str, DocumentId)>,
        rows: usize,
    ) -> Result<Vec<Document>, StorageError> {
        let (path, id) = after.map_or(("", Uuid::nil()), |(path, id)| (path, id.as_uuid()));
        check_text(path, "the path to start after")?;
        let rows: Vec<DocumentRow> = on!(self.0, |c| match source {
            None => {
                let select = sqlx::query_as(LIST_OF_KB).bind(kb.as_uuid()).bind(path).bind(id);
                select.bind(limit(rows)).fetch_all(c).await?
            }
            Some(source) => {
                let select = sqlx::query_as(LIST_OF_SOURCE)
                    .bind(source.as_uuid())
                    .bind(path)
                    .bind(id);
                select.bind(limit(rows)).bind(kb.as_uuid()).fetch_all(c).await?
            }
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The live documents of a source among these paths, in no particular order.
    pub async fn heads_by_paths(
        &mut self,
        source: SourceId,
        paths: &[String],
    ) -> Result<Vec<DocumentHead>, StorageError> {
        paths.iter().try_for_each(|path| check_text(path, "a path"))?;
        let rows: Vec<HeadRow> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in paths.chunks(IDS) {
                let mut select = sqlx::query_as(HEADS);
                for path in padded(batch) {
                    select = select.bind(path);
                }
                rows.append(&mut select.bind(source.as_uuid()).fetch_all(&mut *c).await?);
            }
            rows
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The path of each live document of a source.
    pub async fn paths(&mut self, source: SourceId) -> Result<Vec<String>, StorageError> {
        Ok(on!(self.0, |c| sqlx::query_scalar(PATHS)
            .bind(source.as_uuid())
            .fetch_all(c)
            .await?))
    }

    /// Path and fingerprint of each live document of a source that has one.
    pub async fn fingerprints(&mut self, source: SourceId) -> Result<Vec<(String, String)>, StorageError> {
        Ok(on!(self.0, |c| sqlx::query_as(FINGERPRINTS)
            .bind(source.as_uuid())
            .fetch_all(c)
            .await?))
    }

    /// How many live documents of a source were read under its present settings, and how many of them `task` did not meet.
    pub async fn met_by(&mut self, source: SourceId, task: TaskId) -> Result<Met, StorageError> {
        let (known, missed): (i64, i64) = on!(self.0, |c| sqlx::query_as(MET)
            .bind(source.as_uuid())
            .bind(task.as_uuid())
            .fetch_one(c)
            .await?);
        Ok(Met {
            known: number(known, "count of documents")?,
            missed: number(missed, "count of documents")?,
        })
    }

    /// How many live documents of a knowledge base, or of one of its sources, have a path that begins so.
    pub async fn count_of_prefix(
        &mut self,
        kb: KbId,
        source: Option<SourceId>,
        prefix: &str,
    ) -> Result<u64, StorageError> {
        check_text(prefix, "the beginning of a path")?;
        let count: i64 = on!(self.0, |c| {
            let count = sqlx::query_scalar(COUNT_OF_PREFIX).bind(kb.as_uuid());
            let count = count.bind(source.map(SourceId::as_uuid)).bind(prefix);
            count.fetch_one(c).await?
        });
        number(count, "count of documents")
    }

    /// How many live documents a source has.
    pub async fn count_of_source(&mut self, source: SourceId) -> Result<u64, StorageError> {
        let count: i64 = on!(self.0, |c| sqlx::query_scalar(COUNT_OF_SOURCE)
            .bind(source.as_uuid())
            .fetch_one(c)
            .await?);
        number(count, "count of documents")
    }
}
