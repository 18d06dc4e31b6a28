//! A file that a caller has sent and that a task will read. Its bytes lie in the upload folder under its id.

use crate::hash::ContentHash;
use crate::id::UploadId;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    /// The name that the caller gave; never used as a path.
    pub file_name: String,
    pub size_bytes: u64,
    pub content_hash: ContentHash,
    pub created_at: Timestamp,
}
