//! Uploads, streamed from disk.

use std::path::PathBuf;

use futures::TryStreamExt as _;
use nexus_api::TaskAccepted;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::error::ClientError;
use crate::request::Client;

/// Size of the pieces that a file is read and sent in.
const PIECE_BYTES: usize = 256 * 1024;

/// Which endpoint takes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadTarget {
    /// An archive, synced as a whole.
    Archive,
    /// One document.
    File,
}

/// A file to upload.
#[derive(Clone, Debug)]
pub struct Upload {
    pub target: UploadTarget,
    pub path: PathBuf,
    /// Name that the backend is told.
    pub file_name: String,
    /// Name of the source; the file's name where absent.
    pub source: Option<String>,
    /// Name or id.
    pub knowledge_base: String,
}

impl Client {
    /// Sends a file; `sent` is called with the number of bytes of each piece as it leaves.
    pub async fn upload(
        &self,
        upload: &Upload,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<TaskAccepted, ClientError> {
        self.upload_once(upload, &Uuid::new_v4().to_string(), sent).await
    }

    /// The same under an `Idempotency-Key` of the caller's: after a connection that broke, a repeat with the same key, also
    /// to another process of the backend, gives the task that the first one made.
    pub async fn upload_once(
        &self,
        upload: &Upload,
        key: &str,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<TaskAccepted, ClientError> {
        let unreadable = |source| ClientError::File {
            path: upload.path.display().to_string(),
            source,
        };
        let file = tokio::fs::File::open(&upload.path).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        let pieces =
            ReaderStream::with_capacity(file, PIECE_BYTES).inspect_ok(move |piece| sent(piece.len() as u64));
        let part =
            Part::stream_with_length(Body::wrap_stream(pieces), size).file_name(upload.file_name.clone());
        let mut form = Form::new().text("knowledge_base", upload.knowledge_base.clone());
        if let Some(source) = &upload.source {
            form = form.text("source", source.clone());
        }
        let path = match upload.target {
            UploadTarget::Archive => "/ingestion/archives",
            UploadTarget::File => "/ingestion/files",
        };
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .multipart(form.part("file", part));
        let response = self.send_once(request).await?;
        self.read(response).await
    }
}
