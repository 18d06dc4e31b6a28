//! Where the bytes of uploads lie until their tasks have settled: in a folder of this process, in one that processes share,
//! or in an S3-compatible storage. Knows ids and bytes; knows no row and no task.

mod error;
mod folder;
mod object_sink;
mod objects;
mod s3;
mod spool;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nexus_domain::{Upload, UploadId};
use tempfile::TempPath;

use crate::config::{Config, UploadsPlace};

pub use error::UploadsError;
pub use objects::ObjectBackend;

use folder::{FileSink, Folder};
use object_sink::ObjectSink;
use objects::Objects;
use spool::Spool;

/// The place of uploads. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Uploads {
    Folder(Folder),
    Objects(Objects),
}

/// Takes the bytes of one upload. Dropped before [`Sink::finish`], it leaves nothing behind.
#[derive(Debug)]
pub enum Sink {
    File(FileSink),
    Object(Box<ObjectSink>),
}

/// A whole upload that no row knows yet. Dropped before [`Unclaimed::keep`], it is removed.
#[derive(Debug)]
pub struct Unclaimed(Option<Undo>);

#[derive(Debug)]
enum Undo {
    File(PathBuf),
    Object(Objects, UploadId),
}

/// An upload as a file of this machine, for as long as this is held.
#[derive(Debug)]
pub struct Fetched {
    path: PathBuf,
    _copy: Option<TempPath>,
}

impl Fetched {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Uploads {
    /// The place that the settings name.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        match config.uploads_place()? {
            UploadsPlace::DataFolder(path) => {
                Self::folder(path).context("the upload folder cannot be made (setting NEXUS_DATA_DIR)")
            }
            UploadsPlace::SharedFolder(path) => {
                Self::folder(path).context("the upload folder cannot be used (setting NEXUS_UPLOADS_URL)")
            }
            UploadsPlace::Bucket { name, prefix } => {
                let store = s3::connect(&config.uploads, &name)
                    .context("the storage of uploads cannot be used (settings NEXUS_UPLOADS_…)")?;
                Self::objects(
                    Arc::new(store),
                    &prefix,
                    &config.data_dir,
                    config.uploads.max_bytes,
                )
            }
        }
    }

    fn folder(path: PathBuf) -> std::io::Result<Self> {
        Folder::open(path).map(Self::Folder)
    }

    /// Uploads of up to `max_bytes` as objects below `prefix`. What is read comes to a temporary file below `data_dir` first.
    pub fn objects(
        store: Arc<dyn ObjectBackend>,
        prefix: &str,
        data_dir: &Path,
        max_bytes: u64,
    ) -> anyhow::Result<Self> {
        let spool = Spool::open(data_dir)
            .with_context(|| format!("files cannot be kept below {}", data_dir.display()))?;
        Ok(Self::Objects(Objects::new(store, prefix, spool, max_bytes)))
    }

    /// Writes, reads and removes a byte: whether the place can be used is better known at start than at the first upload.
    pub async fn check(&self, id: UploadId) -> Result<(), UploadsError> {
        let byte = b"?";
        let mut sink = self.create(id).await?;
        sink.write(byte).await?;
        let written = sink.finish().await?;
        let upload = Upload {
            id,
            file_name: String::new(),
            size_bytes: byte.len() as u64,
            content_hash: nexus_domain::ContentHash::of(byte),
            created_at: nexus_domain::Timestamp::from_micros(0),
        };
        self.fetch(&upload).await?;
        written.keep();
        self.remove(id).await
    }

    pub async fn create(&self, id: UploadId) -> Result<Sink, UploadsError> {
        match self {
            Self::Folder(folder) => Ok(Sink::File(folder.create(id).await?)),
            Self::Objects(objects) => Ok(Sink::Object(Box::new(ObjectSink::new(objects.clone(), id)))),
        }
    }

    /// The upload as a local file: the file itself, or a copy that is checked against the row and goes with the result.
    pub async fn fetch(&self, upload: &Upload) -> Result<Fetched, UploadsError> {
        match self {
            Self::Folder(folder) => Ok(Fetched {
                path: folder.locate(upload.id).await?,
                _copy: None,
            }),
            Self::Objects(objects) => {
                let copy = objects.fetch(upload).await?;
                Ok(Fetched {
                    path: copy.to_path_buf(),
                    _copy: Some(copy),
                })
            }
        }
    }

    /// Removes an upload; one that is gone already is no error.
    pub async fn remove(&self, id: UploadId) -> Result<(), UploadsError> {
        match self {
            Self::Folder(folder) => folder.remove(id).await,
            Self::Objects(objects) => objects.remove(id).await,
        }
    }

    /// How long ago an upload must have been written to last before one without a row is known to be abandoned.
    pub fn abandoned_after(&self) -> Duration {
        match self {
            Self::Folder(_) => folder::ABANDONED_AFTER,
            Self::Objects(_) => objects::ABANDONED_AFTER,
        }
    }

    /// Uploads that nothing was written to for `idle`.
    pub async fn idle(&self, idle: Duration) -> Result<Vec<UploadId>, UploadsError> {
        match self {
            Self::Folder(folder) => folder.idle(idle).await,
            Self::Objects(objects) => objects.idle(idle).await,
        }
    }

    /// Gives up uploads that were begun and not ended for `idle`, because their process died: parts of objects, which no
    /// list of objects shows.
    pub async fn abort_begun(&self, idle: Duration) -> Result<(), UploadsError> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Objects(objects) => objects.abort_begun(idle).await,
        }
    }
}

impl Sink {
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), UploadsError> {
        match self {
            Self::File(sink) => sink.write(piece).await,
            Self::Object(sink) => sink.write(piece).await,
        }
    }

    /// When this returns, the bytes survive a power cut of this machine.
    pub async fn finish(self) -> Result<Unclaimed, UploadsError> {
        match self {
            Self::File(sink) => Ok(Unclaimed(Some(Undo::File(sink.finish().await?)))),
            Self::Object(sink) => {
                let (objects, id) = sink.finish().await?;
                Ok(Unclaimed(Some(Undo::Object(objects, id))))
            }
        }
    }
}

impl Unclaimed {
    /// A row is about to know the upload: it stays.
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        match self.0.take() {
            None => {}
            Some(Undo::File(path)) => folder::remove_now(&path),
            Some(Undo::Object(objects, id)) => objects::in_background(async move {
                if let Err(error) = objects.remove(id).await {
                    tracing::warn!(upload = %id, cause = crate::error_chain::chain(&error),
                        "an upload that nobody wants could not be removed");
                }
            }),
        }
    }
}
