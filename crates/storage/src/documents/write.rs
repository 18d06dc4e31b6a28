//! How a document comes to show a version: pending rows first, then (after the indexes hold them) the switch, at last
//! the removal of what a sync did not meet. Each step may run again.

use nexus_domain::{Chunk, Document, DocumentId, DocumentVersion, SourceId, TaskId, Timestamp, VersionState};
use sqlx::types::Uuid;

use super::{Documents, MAX_PATH_BYTES};
use crate::db::Tx;
use crate::error::StorageError;
use crate::session::on;
use crate::sql::{IDS, ROWS, ids_in, padded, statements, tuples};
use crate::types::{At, check_text, int};

const INSERT_VERSIONS: &str = "INSERT INTO document_versions
    (id, document_id, kb_id, task_id, state, chunk_count, term_total, created_at) VALUES ";
const INSERT_CHUNKS: &str = "INSERT INTO chunks
    (id, version_id, kb_id, ordinal, first_line, last_line, term_count, content_hash, heading_path, text, first_page,
     last_page, anchor) VALUES ";

statements! {
    INSERT_VERSION = tuples!(INSERT_VERSIONS, 1, 8, "");
    INSERT_VERSION_ROWS = tuples!(INSERT_VERSIONS, ROWS, 8, "");
    INSERT_CHUNK = tuples!(INSERT_CHUNKS, 1, 13, "");
    INSERT_CHUNK_ROWS = tuples!(INSERT_CHUNKS, ROWS, 13, "");
    ACTIVATE = ids_in!("UPDATE document_versions SET state = 'current' WHERE id IN ",
        " AND state IN ('pending', 'current')");
    IS_SWITCHABLE = "SELECT 1 FROM document_versions WHERE id = $1 AND state = 'current'";
    UPSERT = "INSERT INTO documents (id, kb_id, source_id, path, title, format, size_bytes, content_hash, version_id,
            chunk_count, seen_task_id, created_at, updated_at, fingerprint, link)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        ON CONFLICT (id) DO UPDATE SET path = excluded.path, title = excluded.title, format = excluded.format,
            size_bytes = excluded.size_bytes, content_hash = excluded.content_hash, version_id = excluded.version_id,
            chunk_count = excluded.chunk_count, seen_task_id = excluded.seen_task_id,
            updated_at = excluded.updated_at, fingerprint = excluded.fingerprint, link = excluded.link,
            deleted_at = NULL";
    RETIRE_REPLACED = ids_in!("UPDATE document_versions SET state = 'retired' WHERE document_id IN ",
        " AND state = 'current'
          AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.version_id = document_versions.id)");
    MARK_SEEN = ids_in!("UPDATE documents SET seen_task_id = $65 WHERE id IN ", "");
    NOTE = "UPDATE documents SET fingerprint = $2 WHERE id = $1 AND deleted_at IS NULL";
    LEAD_TO = "UPDATE documents SET link = $2
        WHERE id = $1 AND deleted_at IS NULL AND COALESCE(link, '') <> COALESCE($2, '')";
    FORGET_SEEN = "UPDATE documents SET seen_task_id = $3 WHERE source_id = $1 AND seen_task_id = $2";
    RETIRE_UNSEEN = "UPDATE document_versions SET state = 'retired' WHERE state = 'current' AND id IN (
        SELECT version_id FROM documents WHERE source_id = $1 AND seen_task_id <> $2 AND deleted_at IS NULL)";
    DELETE_UNSEEN = "UPDATE documents SET deleted_at = $3, updated_at = $3
        WHERE source_id = $1 AND seen_task_id <> $2 AND deleted_at IS NULL";
    RETIRE_OF_SOURCE = "UPDATE document_versions SET state = 'retired' WHERE state = 'current' AND id IN (
        SELECT version_id FROM documents WHERE source_id = $1 AND deleted_at IS NULL)";
    DELETE_OF_SOURCE = "UPDATE documents SET deleted_at = $2, updated_at = $2
        WHERE source_id = $1 AND deleted_at IS NULL";
    DELETE = "UPDATE documents SET deleted_at = $2, updated_at = $2 WHERE id = $1 AND deleted_at IS NULL";
    RETIRE_OF_DOCUMENT = "UPDATE document_versions SET state = 'retired' WHERE document_id = $1 AND state = 'current'";
    RETIRE_PENDING_OF_TASK = "UPDATE document_versions SET state = 'retired' WHERE task_id = $1 AND state = 'pending'";
}

/// A version to be written, with all its chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingVersion {
    pub version: DocumentVersion,
    pub chunks: Vec<Chunk>,
}

impl PendingVersion {
    fn term_total(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.term_count)).sum()
    }

    /// Refuses text that one of the databases cannot hold, and chunks of another version.
    fn check(&self) -> Result<(), StorageError> {
        for chunk in &self.chunks {
            if chunk.version_id != self.version.id {
                return Err(StorageError::invalid(format_args!(
                    "chunk {} is not of its version",
                    chunk.id
                )));
            }
            check_text(&chunk.text, "the text of a chunk")?;
            check_text(
                chunk.anchor.as_deref().unwrap_or_default(),
                "the anchor of a chunk",
            )?;
        }
        Ok(())
    }
}

macro_rules! bind_version {
    ($query:expr, $pending:expr) => {{
        let version = &$pending.version;
        $query
            .bind(version.id.as_uuid())
            .bind(version.document_id.as_uuid())
            .bind(version.kb_id.as_uuid())
            .bind(version.task_id.as_uuid())
            .bind(VersionState::Pending.as_str())
            .bind(int($pending.chunks.len() as u64))
            .bind(int($pending.term_total()))
            .bind(At(version.created_at))
    }};
}

macro_rules! bind_chunk {
    ($query:expr, $chunk:expr) => {
        $query
            .bind($chunk.id.as_uuid())
            .bind($chunk.version_id.as_uuid())
            .bind($chunk.kb_id.as_uuid())
            .bind(i64::from($chunk.ordinal))
            .bind(i64::from($chunk.lines.first))
            .bind(i64::from($chunk.lines.last))
            .bind(i64::from($chunk.term_count))
            .bind($chunk.content_hash.as_bytes().as_slice())
            .bind(heading_path_json(&$chunk.heading_path))
            .bind($chunk.text.as_str())
            .bind($chunk.pages.map(|pages| i64::from(pages.first)))
            .bind($chunk.pages.map(|pages| i64::from(pages.last)))
            .bind($chunk.anchor.as_deref())
    };
}

/// Inserts rows of a slice, [`ROWS`] per statement and the rest one by one.
macro_rules! insert_all {
    ($conn:ident, $rows:expr, $wide:ident, $single:ident, $bind:ident) => {
        let (full, rest) = $rows.as_chunks::<ROWS>();
        for rows in full {
            let mut insert = sqlx::query($wide);
            for row in rows {
                insert = $bind!(insert, row);
            }
            insert.execute(&mut *$conn).await?;
        }
        for row in rest {
            $bind!(sqlx::query($single), row).execute(&mut *$conn).await?;
        }
    };
}

impl Documents<&mut Tx> {
    /// Writes versions and their chunks, which nobody sees until [`switch`](Self::switch).
    pub async fn write_pending(&mut self, versions: &[PendingVersion]) -> Result<(), StorageError> {
        versions.iter().try_for_each(PendingVersion::check)?;
        let chunks: Vec<&Chunk> = versions.iter().flat_map(|pending| &pending.chunks).collect();
        on!(self.0, |c| {
            insert_all!(c, versions, INSERT_VERSION_ROWS, INSERT_VERSION, bind_version);
            insert_all!(c, chunks, INSERT_CHUNK_ROWS, INSERT_CHUNK, bind_chunk);
        });
        Ok(())
    }

    /// Makes each document (at most once per call) show its `version_id`, and retires what it showed before. A
    /// document without a row gets one; one that was deleted lives again. `task` is noted as having seen it.
    ///
    /// [`StorageError::VersionNotPending`] if a version was retired since, as happens to a worker that lost its lease;
    /// [`StorageError::UniqueViolation`] if another live document of the source has the path.
    pub async fn switch(&mut self, documents: &[Document], task: TaskId) -> Result<(), StorageError> {
        documents.iter().try_for_each(check_document)?;
        for batch in documents.chunks(IDS) {
            self.activate(batch).await?;
            on!(self.0, |c| {
                for document in batch {
                    let upsert = sqlx::query(UPSERT)
                        .bind(document.id.as_uuid())
                        .bind(document.kb_id.as_uuid())
                        .bind(document.source_id.as_uuid())
                        .bind(&document.path)
                        .bind(&document.title)
                        .bind(document.format.as_str())
                        .bind(int(document.size_bytes))
                        .bind(document.content_hash.as_bytes().as_slice())
                        .bind(document.version_id.as_uuid())
                        .bind(i64::from(document.chunk_count))
                        .bind(task.as_uuid())
                        .bind(At(document.created_at))
                        .bind(At(document.updated_at))
                        .bind(document.fingerprint.as_deref())
                        .bind(document.link.as_deref());
                    upsert.execute(&mut *c).await?;
                }
                let mut retire = sqlx::query(RETIRE_REPLACED);
                for document in padded(batch) {
                    retire = retire.bind(document.id.as_uuid());
                }
                retire.execute(&mut *c).await?.rows_affected()
            });
        }
        Ok(())
    }

    /// Sets the versions of a batch to current; names the first one that cannot be.
    async fn activate(&mut self, batch: &[Document]) -> Result<(), StorageError> {
        let missing: Option<&Document> = on!(self.0, |c| {
            let mut activate = sqlx::query(ACTIVATE);
            for document in padded(batch) {
                activate = activate.bind(document.version_id.as_uuid());
            }
            let mut missing = None;
            if activate.execute(&mut *c).await?.rows_affected() != batch.len() as u64 {
                for document in batch {
                    let id = document.version_id.as_uuid();
                    if sqlx::query(IS_SWITCHABLE)
                        .bind(id)
                        .fetch_optional(&mut *c)
                        .await?
                        .is_none()
                    {
                        missing = missing.or(Some(document));
                    }
                }
            }
            missing
        });
        missing.map_or(Ok(()), |document| {
            Err(StorageError::VersionNotPending(document.version_id))
        })
    }

    /// Notes that `task` met these documents unchanged.
    pub async fn mark_seen(&mut self, task: TaskId, documents: &[DocumentId]) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for batch in documents.chunks(IDS) {
                let mut update = sqlx::query(MARK_SEEN);
                for id in padded(batch) {
                    update = update.bind(id.as_uuid());
                }
                update.bind(task.as_uuid()).execute(&mut *c).await?;
            }
        });
        Ok(())
    }

    /// Notes what the source calls a document's content now, and where it is, without a new version of it. Whether that is
    /// elsewhere.
    pub async fn note_provenance(
        &mut self,
        document: DocumentId,
        fingerprint: Option<&str>,
        link: Option<&str>,
    ) -> Result<bool, StorageError> {
        check_text(fingerprint.unwrap_or_default(), "a fingerprint")?;
        check_text(link.unwrap_or_default(), "a link")?;
        let led = on!(self.0, |c| {
            let note = sqlx::query(NOTE).bind(document.as_uuid()).bind(fingerprint);
            note.execute(&mut *c).await?;
            let lead = sqlx::query(LEAD_TO).bind(document.as_uuid()).bind(link);
            lead.execute(&mut *c).await?.rows_affected()
        });
        Ok(led > 0)
    }

    /// Forgets what an earlier attempt of the task has met: the source may hold something else by now.
    pub async fn forget_seen(&mut self, source: SourceId, task: TaskId) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(FORGET_SEEN)
            .bind(source.as_uuid())
            .bind(task.as_uuid())
            .bind(Uuid::nil())
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Deletes the documents of a source that `task` did not meet; how many.
    pub async fn remove_unseen(
        &mut self,
        source: SourceId,
        task: TaskId,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        let (source, task) = (source.as_uuid(), task.as_uuid());
        Ok(on!(self.0, |c| {
            sqlx::query(RETIRE_UNSEEN)
                .bind(source)
                .bind(task)
                .execute(&mut *c)
                .await?;
            sqlx::query(DELETE_UNSEEN)
                .bind(source)
                .bind(task)
                .bind(At(now))
                .execute(&mut *c)
                .await?
                .rows_affected()
        }))
    }

    /// Deletes all documents of a source; how many.
    pub async fn delete_of_source(&mut self, source: SourceId, now: Timestamp) -> Result<u64, StorageError> {
        let source = source.as_uuid();
        Ok(on!(self.0, |c| {
            sqlx::query(RETIRE_OF_SOURCE)
                .bind(source)
                .execute(&mut *c)
                .await?;
            sqlx::query(DELETE_OF_SOURCE)
                .bind(source)
                .bind(At(now))
                .execute(&mut *c)
                .await?
                .rows_affected()
        }))
    }

    /// Deletes a document; its version is retired and waits for the sweep. `false` if there was none.
    pub async fn delete(&mut self, document: DocumentId, now: Timestamp) -> Result<bool, StorageError> {
        let id = document.as_uuid();
        let deleted = on!(self.0, |c| {
            sqlx::query(RETIRE_OF_DOCUMENT).bind(id).execute(&mut *c).await?;
            sqlx::query(DELETE)
                .bind(id)
                .bind(At(now))
                .execute(&mut *c)
                .await?
                .rows_affected()
        });
        Ok(deleted == 1)
    }

    /// Retires what an earlier attempt of the task left pending; how many versions.
    pub async fn retire_pending_of_task(&mut self, task: TaskId) -> Result<u64, StorageError> {
        let id: Uuid = task.as_uuid();
        Ok(on!(self.0, |c| sqlx::query(RETIRE_PENDING_OF_TASK)
            .bind(id)
            .execute(c)
            .await?
            .rows_affected()))
    }
}

fn check_document(document: &Document) -> Result<(), StorageError> {
    if document.path.is_empty() || document.path.len() > MAX_PATH_BYTES {
        return Err(StorageError::invalid(format_args!(
            "a path needs 1 to {MAX_PATH_BYTES} bytes"
        )));
    }
    check_text(&document.path, "the path of a document")?;
    check_text(&document.title, "the title of a document")?;
    check_text(
        document.fingerprint.as_deref().unwrap_or_default(),
        "a fingerprint",
    )?;
    check_text(document.link.as_deref().unwrap_or_default(), "a link")
}

fn heading_path_json(headings: &[String]) -> String {
    // JSON escapes U+0000, so headings need no check.
    serde_json::to_string(headings).expect("a list of strings is valid JSON")
}
