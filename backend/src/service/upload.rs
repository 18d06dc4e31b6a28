//! A file on its way from the network to the upload folder: bounded, hashed, and on disk before anybody is told.

use std::path::{Path, PathBuf};

use nexus_domain::{ContentHash, UploadId};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::ServiceError;

/// After so many bytes what was written is pushed to the disk, so that the last byte of a large upload does not wait
/// for gigabytes: 32 MiB.
const SYNC_EVERY: u64 = 32 * 1024 * 1024;

/// Where an upload's bytes lie.
pub fn upload_path(folder: &Path, id: UploadId) -> PathBuf {
    folder.join(id.to_string())
}

/// Takes the bytes of one upload. Dropped before [`UploadWriter::finish`], it removes what it has written.
#[derive(Debug)]
pub struct UploadWriter {
    id: UploadId,
    file_name: String,
    file: File,
    unsynced: u64,
    size: u64,
    limit: u64,
    hasher: blake3::Hasher,
    partial: Partial,
}

/// The bytes of an upload, safely on disk and not yet known to any row.
#[derive(Debug)]
pub struct ReceivedUpload {
    id: UploadId,
    file_name: String,
    size: u64,
    content_hash: ContentHash,
    partial: Partial,
}

/// Removes its file unless it is kept.
#[derive(Debug)]
struct Partial(Option<PathBuf>);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "an unfinished upload could not be removed");
        }
    }
}

impl UploadWriter {
    pub(super) async fn create(
        folder: &Path,
        id: UploadId,
        file_name: String,
        limit: u64,
    ) -> Result<Self, ServiceError> {
        let path = upload_path(folder, id);
        let file = File::create_new(&path).await?;
        let partial = Partial(Some(path));
        Ok(Self {
            id,
            file_name,
            file,
            unsynced: 0,
            size: 0,
            limit,
            hasher: blake3::Hasher::new(),
            partial,
        })
    }

    pub async fn write(&mut self, piece: &[u8]) -> Result<(), ServiceError> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(ServiceError::TooLarge { limit: self.limit });
        }
        self.hasher.update(piece);
        self.file.write_all(piece).await?;
        self.unsynced += piece.len() as u64;
        if self.unsynced >= SYNC_EVERY {
            self.file.flush().await?;
            self.file.sync_data().await?;
            self.unsynced = 0;
        }
        Ok(())
    }

    pub async fn finish(mut self) -> Result<ReceivedUpload, ServiceError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(ReceivedUpload {
            id: self.id,
            file_name: self.file_name,
            size: self.size,
            content_hash: ContentHash::from_bytes(*self.hasher.finalize().as_bytes()),
            partial: self.partial,
        })
    }
}

impl ReceivedUpload {
    pub const fn id(&self) -> UploadId {
        self.id
    }

    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    pub const fn size_bytes(&self) -> u64 {
        self.size
    }

    pub const fn content_hash(&self) -> ContentHash {
        self.content_hash
    }

    /// A row is about to know the file: it stays.
    pub(super) fn keep(mut self) {
        self.partial.0 = None;
    }
}
