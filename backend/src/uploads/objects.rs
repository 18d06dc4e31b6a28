//! Uploads as objects below a prefix: `files/ID` is an upload, `begun/ID` names the multipart upload that is still sent to it,
//! so that one whose process died can be found and given up.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use nexus_domain::{ContentHash, Upload, UploadId};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{MultipartId, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Handle;

use super::UploadsError;
use super::spool::Spool;
use crate::error_chain::chain;

/// An object has the time of its beginning, however long its bytes took.
pub(super) const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// Least size of a part but the last; S3 wants 5 MiB.
const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Most parts of an object, <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const MAX_PARTS: u64 = 10_000;
/// Bytes asked for at once, and requests for them in flight.
const FETCH_BYTES: u64 = 8 * 1024 * 1024;
const FETCHES: usize = 2;

/// What an object store must be able to do.
pub trait ObjectBackend: ObjectStore + MultipartStore {}
impl<T: ObjectStore + MultipartStore> ObjectBackend for T {}

#[derive(Clone, Debug)]
pub struct Objects {
    pub(super) store: Arc<dyn ObjectBackend>,
    prefix: Path,
    spool: Spool,
    pub(super) part_bytes: usize,
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectBackend>, prefix: &str, spool: Spool, max_bytes: u64) -> Self {
        let part_bytes = max_bytes.div_ceil(MAX_PARTS).max(PART_BYTES);
        Self {
            store,
            prefix: Path::from(prefix),
            spool,
            part_bytes: usize::try_from(part_bytes).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn file(&self, id: UploadId) -> Path {
        self.files().join(id.to_string())
    }

    pub(super) fn begun(&self, id: UploadId) -> Path {
        self.all_begun().join(id.to_string())
    }

    fn files(&self) -> Path {
        self.prefix.clone().join("files")
    }

    fn all_begun(&self) -> Path {
        self.prefix.clone().join("begun")
    }

    pub(super) async fn fetch(&self, upload: &Upload) -> Result<TempPath, UploadsError> {
        let copy = self.spool.file()?.into_temp_path();
        self.copy(upload, &copy).await?;
        Ok(copy)
    }

    async fn copy(&self, upload: &Upload, to: &FilePath) -> Result<(), UploadsError> {
        let mut file = tokio::fs::File::create(to).await?;
        let mut hasher = blake3::Hasher::new();
        let object = self.file(upload.id);
        let step = usize::try_from(FETCH_BYTES).unwrap_or(usize::MAX);
        let starts = (0..upload.size_bytes).step_by(step);
        let pieces = starts.map(|start| {
            let range = start..upload.size_bytes.min(start + FETCH_BYTES);
            let (store, object) = (Arc::clone(&self.store), object.clone());
            async move {
                let wanted = range.end - range.start;
                let piece = store.get_range(&object, range).await?;
                if piece.len() as u64 == wanted {
                    Ok(piece)
                } else {
                    Err(UploadsError::Damaged)
                }
            }
        });
        let mut pieces = stream::iter(pieces).buffered(FETCHES);
        while let Some(piece) = pieces.try_next().await? {
            hasher.update(&piece);
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        if ContentHash::from_bytes(*hasher.finalize().as_bytes()) == upload.content_hash {
            Ok(())
        } else {
            Err(UploadsError::Damaged)
        }
    }

    pub(super) async fn remove(&self, id: UploadId) -> Result<(), UploadsError> {
        gone(self.store.delete(&self.file(id)).await)
    }

    pub(super) async fn idle(&self, idle: Duration) -> Result<Vec<UploadId>, UploadsError> {
        self.list(self.files(), idle).await
    }

    pub(super) async fn abort_begun(&self, idle: Duration) -> Result<(), UploadsError> {
        for id in self.list(self.all_begun(), idle).await? {
            match self.store.get(&self.begun(id)).await {
                // It has ended meanwhile.
                Err(object_store::Error::NotFound { .. }) => {}
                found => {
                    let name = found?.bytes().await?;
                    self.abort(id, &String::from_utf8_lossy(&name).into_owned())
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Gives a multipart upload up, and then forgets that it was begun.
    pub(super) async fn abort(&self, id: UploadId, multipart: &MultipartId) -> Result<(), UploadsError> {
        gone(self.store.abort_multipart(&self.file(id), multipart).await)?;
        gone(self.store.delete(&self.begun(id)).await)
    }

    async fn list(&self, folder: Path, idle: Duration) -> Result<Vec<UploadId>, UploadsError> {
        let objects = self.store.list(Some(&folder));
        let idle = objects.try_filter_map(async |object: ObjectMeta| {
            let written = SystemTime::from(object.last_modified);
            let is_idle = written.elapsed().is_ok_and(|since| since >= idle);
            let id = object
                .location
                .filename()
                .and_then(|name| name.parse::<UploadId>().ok());
            Ok(id.filter(|_| is_idle))
        });
        Ok(idle.try_collect().await?)
    }
}

fn gone(removed: Result<(), object_store::Error>) -> Result<(), UploadsError> {
    match removed {
        Err(object_store::Error::NotFound { .. }) => Ok(()),
        removed => Ok(removed?),
    }
}

/// Ends by itself what nobody waits for any more. Where the runtime has ended first, a sweep does it later.
pub(super) fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(work);
    }
}

/// [`Objects::abort`] for one whose sender went away.
pub(super) async fn abort_or_say(objects: Objects, id: UploadId, multipart: MultipartId) {
    if let Err(error) = objects.abort(id, &multipart).await {
        tracing::warn!(upload = %id, cause = chain(&error), "an unfinished upload could not be given up");
    }
}
