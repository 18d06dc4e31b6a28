//! Uploads: the rows of files that lie in the upload folder until their tasks have settled.

use nexus_domain::{Timestamp, Upload, UploadId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, displayable, hash, int, limit, number};

/// Longest stored file name, in bytes: 255 characters of four bytes. Its ending tells the format; it is never used as a
/// path.
const MAX_FILE_NAME_BYTES: usize = 1_024;

statements! {
    GET = "SELECT id, file_name, size_bytes, content_hash, created_at FROM uploads WHERE id = $1";
    // A paused task will read its upload when it goes on.
    UNUSED = "SELECT id, file_name, size_bytes, content_hash, created_at FROM uploads
        WHERE created_at < $1 AND NOT EXISTS (
            SELECT 1 FROM tasks t WHERE t.upload_id = uploads.id AND t.state IN ('queued', 'running', 'paused'))
        ORDER BY created_at LIMIT $2";
    INSERT = "INSERT INTO uploads (id, file_name, size_bytes, content_hash, created_at) VALUES ($1, $2, $3, $4, $5)";
    DELETE = "DELETE FROM uploads WHERE id = $1";
}

#[derive(FromRow)]
struct UploadRow {
    id: Uuid,
    file_name: String,
    size_bytes: i64,
    content_hash: Vec<u8>,
    created_at: At,
}

impl TryFrom<UploadRow> for Upload {
    type Error = StorageError;

    fn try_from(row: UploadRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: UploadId::from_uuid(row.id),
            file_name: row.file_name,
            size_bytes: number(row.size_bytes, "size of an upload")?,
            content_hash: hash(&row.content_hash)?,
            created_at: row.created_at.0,
        })
    }
}

#[derive(Debug)]
pub struct Uploads<C>(pub(crate) C);

impl<C: Connect> Uploads<C> {
    pub async fn get(&mut self, id: UploadId) -> Result<Option<Upload>, StorageError> {
        let row: Option<UploadRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Uploads made before `before` that no open or paused task refers to, oldest first: their files may go.
    pub async fn unused(&mut self, before: Timestamp, rows: usize) -> Result<Vec<Upload>, StorageError> {
        let rows: Vec<UploadRow> = on!(self.0, |c| sqlx::query_as(UNUSED)
            .bind(At(before))
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Uploads<&mut Tx> {
    pub async fn insert(&mut self, upload: &Upload) -> Result<(), StorageError> {
        let file_name = displayable(&upload.file_name, MAX_FILE_NAME_BYTES);
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(upload.id.as_uuid())
                .bind(&file_name)
                .bind(int(upload.size_bytes));
            let insert = insert
                .bind(upload.content_hash.as_bytes().as_slice())
                .bind(At(upload.created_at));
            insert.execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// Forgets an upload. Remove the row first and the file after: a file without a row is found by its name.
    pub async fn delete(&mut self, id: UploadId) -> Result<bool, StorageError> {
        let deleted = on!(self.0, |c| sqlx::query(DELETE)
            .bind(id.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(deleted == 1)
    }
}
