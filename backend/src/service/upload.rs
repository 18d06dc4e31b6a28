//! A file on its way from the network to the place of uploads: bounded, hashed, and safe before anybody is told.

use nexus_domain::{ContentHash, UploadId};

use super::ServiceError;
use crate::uploads::{Sink, Unclaimed, Uploads};

/// What is kept of an upload's begin, to see what it is before it is read.
const HEAD_BYTES: usize = 64 * 1024;

/// Takes the bytes of one upload. Dropped before [`UploadWriter::finish`], it removes what it has written.
#[derive(Debug)]
pub struct UploadWriter {
    id: UploadId,
    file_name: String,
    sink: Sink,
    size: u64,
    limit: u64,
    hasher: blake3::Hasher,
    head: Vec<u8>,
}

/// The bytes of an upload, safely stored and not yet known to any row.
#[derive(Debug)]
pub struct ReceivedUpload {
    id: UploadId,
    file_name: String,
    size: u64,
    content_hash: ContentHash,
    head: Vec<u8>,
    bytes: Unclaimed,
}

impl UploadWriter {
    pub(super) async fn create(
        uploads: &Uploads,
        id: UploadId,
        file_name: String,
        limit: u64,
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            id,
            file_name,
            sink: uploads.create(id).await?,
            size: 0,
            limit,
            hasher: blake3::Hasher::new(),
            head: Vec::new(),
        })
    }

    pub async fn write(&mut self, piece: &[u8]) -> Result<(), ServiceError> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(ServiceError::TooLarge { limit: self.limit });
        }
        self.hasher.update(piece);
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(piece.len());
        self.head
            .extend_from_slice(piece.get(..wanted).unwrap_or_default());
        Ok(self.sink.write(piece).await?)
    }

    pub async fn finish(self) -> Result<ReceivedUpload, ServiceError> {
        Ok(ReceivedUpload {
            id: self.id,
            file_name: self.file_name,
            size: self.size,
            content_hash: ContentHash::from_bytes(*self.hasher.finalize().as_bytes()),
            head: self.head,
            bytes: self.sink.finish().await?,
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

    /// The first bytes.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// A row is about to know the bytes: they stay.
    pub(super) fn keep(self) {
        self.bytes.keep();
    }
}
