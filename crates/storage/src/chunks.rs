//! Chunks: the rows of passages. Whether one is current is never stored with it: its version must be the one that a
//! live document shows.

use nexus_domain::{Chunk, ChunkId, DocumentId, KbId, LineRange, PageRange, VersionId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{from_json, hash, limit, number};

/// Columns of [`ChunkRow`] where `c` is the chunk and `d` the live document that shows its version.
macro_rules! chunk_columns {
    () => {
        "c.id, c.version_id, d.id AS document_id, c.kb_id, c.ordinal, c.first_line, c.last_line, c.first_page,
         c.last_page, c.anchor, c.term_count, c.content_hash, c.heading_path, c.text"
    };
}
pub(crate) use chunk_columns;

statements! {
    BY_VERSIONS = ids_in!(concat!("SELECT ", chunk_columns!(), ", d.title FROM chunks c
        JOIN documents d ON d.version_id = c.version_id AND d.deleted_at IS NULL WHERE c.version_id IN "),
        " ORDER BY c.version_id, c.ordinal");
    OF_KB = concat!("SELECT ", chunk_columns!(), ", d.title FROM chunks c
        JOIN documents d ON d.version_id = c.version_id AND d.deleted_at IS NULL
        WHERE c.kb_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3");
    OF_DOCUMENT = concat!("SELECT ", chunk_columns!(), " FROM documents d
        JOIN chunks c ON c.version_id = d.version_id
        WHERE d.id = $1 AND d.deleted_at IS NULL ORDER BY c.ordinal");
}

#[derive(FromRow)]
pub(crate) struct ChunkRow {
    id: Uuid,
    version_id: Uuid,
    document_id: Uuid,
    kb_id: Uuid,
    ordinal: i64,
    first_line: i64,
    last_line: i64,
    first_page: Option<i64>,
    last_page: Option<i64>,
    anchor: Option<String>,
    term_count: i64,
    content_hash: Vec<u8>,
    heading_path: String,
    text: String,
}

impl TryFrom<ChunkRow> for Chunk {
    type Error = StorageError;

    fn try_from(row: ChunkRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: ChunkId::from_uuid(row.id),
            version_id: VersionId::from_uuid(row.version_id),
            document_id: DocumentId::from_uuid(row.document_id),
            kb_id: KbId::from_uuid(row.kb_id),
            ordinal: number(row.ordinal, "ordinal of a chunk")?,
            text: row.text,
            heading_path: from_json(&row.heading_path, "heading path")?,
            lines: LineRange {
                first: number(row.first_line, "first line")?,
                last: number(row.last_line, "last line")?,
            },
            pages: pages(row.first_page, row.last_page)?,
            anchor: row.anchor,
            term_count: number(row.term_count, "count of terms")?,
            content_hash: hash(&row.content_hash)?,
        })
    }
}

fn pages(first: Option<i64>, last: Option<i64>) -> Result<Option<PageRange>, StorageError> {
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(None);
    };
    Ok(Some(PageRange {
        first: number(first, "first page")?,
        last: number(last, "last page")?,
    }))
}

/// A current chunk with all that an index needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexableChunk {
    pub chunk: Chunk,
    pub document_title: String,
}

#[derive(FromRow)]
struct IndexableRow {
    #[sqlx(flatten)]
    chunk: ChunkRow,
    title: String,
}

impl TryFrom<IndexableRow> for IndexableChunk {
    type Error = StorageError;

    fn try_from(row: IndexableRow) -> Result<Self, StorageError> {
        Ok(Self {
            chunk: row.chunk.try_into()?,
            document_title: row.title,
        })
    }
}

#[derive(Debug)]
pub struct Chunks<C>(pub(crate) C);

impl<C: Connect> Chunks<C> {
    /// The chunks of those versions that are current, each version's in order.
    pub async fn indexable_by_versions(
        &mut self,
        versions: &[VersionId],
    ) -> Result<Vec<IndexableChunk>, StorageError> {
        let rows: Vec<IndexableRow> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in versions.chunks(IDS) {
                let mut select = sqlx::query_as(BY_VERSIONS);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Current chunks of a knowledge base in ascending order of their ids, after `after`.
    pub async fn indexable_of_kb(
        &mut self,
        kb: KbId,
        after: Option<ChunkId>,
        rows: usize,
    ) -> Result<Vec<IndexableChunk>, StorageError> {
        let after = after.map_or(Uuid::nil(), ChunkId::as_uuid);
        let rows: Vec<IndexableRow> = on!(self.0, |c| {
            sqlx::query_as(OF_KB)
                .bind(kb.as_uuid())
                .bind(after)
                .bind(limit(rows))
                .fetch_all(c)
                .await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// All chunks that a document shows, in order; none if it is deleted.
    pub async fn of_document(&mut self, document: DocumentId) -> Result<Vec<Chunk>, StorageError> {
        let rows: Vec<ChunkRow> = on!(self.0, |c| sqlx::query_as(OF_DOCUMENT)
            .bind(document.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
