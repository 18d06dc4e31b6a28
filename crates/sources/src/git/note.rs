//! The note beside a mirror's packs, which says what they hold and how they were when it was written.

use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{SourceError, Watch};

const READ_BYTES: usize = 1 << 20;

/// Written when the packs are whole.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) url: String,
    pub(super) commit: String,
    /// Whether the commit's history is not there.
    pub(super) is_shallow: bool,
    /// Blobs of this size and above are not there.
    pub(super) omits_from: Option<u64>,
    /// Bytes that it began with.
    pub(super) fresh_bytes: u64,
    pub(super) files: Vec<Kept>,
}

/// One file beside the note, as it was when it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) hash: String,
}

impl Note {
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(super) fn packs(&self) -> usize {
        self.files.len() / 2
    }

    pub(super) fn file(&self, name: &str) -> Option<&Kept> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl Kept {
    /// Reads a file from end to end: a damaged pack may claim any size for an object, and nothing else would notice.
    pub(super) fn look_at(folder: &Path, name: &str, watch: &dyn Watch) -> Result<Self, SourceError> {
        let mut file = File::open(folder.join(name))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if watch.is_stopped() {
                return Err(SourceError::Stopped);
            }
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(buffer.get(..count).unwrap_or_default());
        }
        Ok(Self {
            name: name.to_owned(),
            bytes: hasher.count(),
            hash: hasher.finalize().to_string(),
        })
    }
}

/// Held while a sync uses the folder.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn of(folder: &Path) -> Result<Self, SourceError> {
        let file = File::create(folder.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(SourceError::Away {
                reason: "another sync of this source is still running".to_owned(),
                retry_after: None,
            }),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for Lock {
    /// Closing is not enough: a process that is being started may still hold a copy.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
