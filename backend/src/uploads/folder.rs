//! Uploads as files of a folder, named by their ids.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nexus_domain::UploadId;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::UploadsError;

/// A file changes as its bytes arrive.
pub(super) const ABANDONED_AFTER: Duration = Duration::from_secs(3_600);
/// After so many bytes what was written is pushed to the disk, so that the last byte of a large upload does not wait
/// for gigabytes: 32 MiB.
const SYNC_EVERY: u64 = 32 * 1024 * 1024;

#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// A file that is being written.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    unsynced: u64,
    partial: Partial,
}

/// Removes its file unless it is kept.
#[derive(Debug)]
struct Partial(Option<PathBuf>);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            remove_now(&path);
        }
    }
}

pub(super) fn remove_now(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "an unfinished upload could not be removed");
    }
}

impl Folder {
    pub(super) fn open(path: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn file(&self, id: UploadId) -> PathBuf {
        self.0.join(id.to_string())
    }

    pub(super) async fn create(&self, id: UploadId) -> Result<FileSink, UploadsError> {
        let path = self.file(id);
        let file = File::create_new(&path).await?;
        Ok(FileSink {
            file,
            unsynced: 0,
            partial: Partial(Some(path)),
        })
    }

    pub(super) async fn locate(&self, id: UploadId) -> Result<PathBuf, UploadsError> {
        let path = self.file(id);
        match tokio::fs::metadata(&path).await {
            Ok(_) => Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(UploadsError::Missing),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn remove(&self, id: UploadId) -> Result<(), UploadsError> {
        match tokio::fs::remove_file(self.file(id)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(super) async fn idle(&self, idle: Duration) -> Result<Vec<UploadId>, UploadsError> {
        let mut found = Vec::new();
        let mut files = tokio::fs::read_dir(&self.0).await?;
        while let Some(file) = files.next_entry().await? {
            let name = file.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // Another process may have removed it since.
            let Ok(about) = file.metadata().await else {
                continue;
            };
            if about.modified()?.elapsed().is_ok_and(|since| since >= idle) {
                found.push(id);
            }
        }
        Ok(found)
    }
}

impl FileSink {
    pub(super) async fn write(&mut self, piece: &[u8]) -> Result<(), UploadsError> {
        self.file.write_all(piece).await?;
        self.unsynced += piece.len() as u64;
        if self.unsynced >= SYNC_EVERY {
            self.file.flush().await?;
            self.file.sync_data().await?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Where the whole file lies.
    pub(super) async fn finish(mut self) -> Result<PathBuf, UploadsError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let path = self.partial.0.take();
        Ok(path.expect("a sink has its path until it ends"))
    }
}
