//! The bytes of files that may be between the archive and the index at one time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// 32 MiB of unpacked files. What is made of them (text, chunks, terms) takes about four times as much.
const TOTAL_KIB: u32 = 32 * 1024;

#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

/// Gives its bytes back when it is dropped.
#[derive(Debug)]
pub struct Share {
    _permit: OwnedSemaphorePermit,
}

impl Budget {
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(TOTAL_KIB as usize)))
    }

    /// Waits for room; a file larger than all of it takes all of it and so goes alone. `None` never happens: the
    /// semaphore is not closed.
    pub async fn take(&self, bytes: usize) -> Option<Share> {
        let kib = u32::try_from(bytes / 1024 + 1)
            .unwrap_or(TOTAL_KIB)
            .min(TOTAL_KIB);
        let permit = Arc::clone(&self.0).acquire_many_owned(kib).await.ok()?;
        Some(Share { _permit: permit })
    }
}
