//! Uploads, streamed from disk or from wherever the bytes come.

use std::path::{Path, PathBuf};

use futures::TryStreamExt as _;
use nexus_api::{ImportAccepted, TaskAccepted};
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

impl UploadTarget {
    const fn path(self) -> &'static str {
        match self {
            Self::Archive => "/ingestion/archives",
            Self::File => "/ingestion/files",
        }
    }
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

/// A file that a bot passes on for a person.
#[derive(Clone, Debug)]
pub struct PassedOn {
    pub target: UploadTarget,
    pub file_name: String,
    pub knowledge_base: Uuid,
    /// Whose rights and limits count.
    pub telegram_user_id: i64,
    /// The `Idempotency-Key`: a repeat gives the task that the first one made.
    pub key: Uuid,
    pub trace_id: String,
    /// Of the file, where it is known.
    pub size_bytes: Option<u64>,
}

impl Client {
    /// Sends a file while it arrives, and holds none of it. An error of `pieces` ends the upload.
    pub async fn pass_on<S, E>(&self, file: &PassedOn, pieces: S) -> Result<TaskAccepted, ClientError>
    where
        S: futures::Stream<Item = Result<bytes::Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let body = Body::wrap_stream(pieces);
        let part = match file.size_bytes {
            Some(size) => Part::stream_with_length(body, size),
            None => Part::stream(body),
        };
        let form = Form::new()
            .text("knowledge_base", file.knowledge_base.to_string())
            .part("file", part.file_name(file.file_name.clone()));
        let request = self
            .request(Method::POST, file.target.path())
            .header("idempotency-key", file.key.to_string())
            .header("x-telegram-user-id", file.telegram_user_id)
            .header("x-request-id", &file.trace_id)
            .multipart(form);
        let response = self.send_once(request).await?;
        self.read(response).await
    }

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
        let part = part_of(&upload.path, upload.file_name.clone(), sent).await?;
        let mut form = Form::new().text("knowledge_base", upload.knowledge_base.clone());
        if let Some(source) = &upload.source {
            form = form.text("source", source.clone());
        }
        let request = self
            .request(Method::POST, upload.target.path())
            .header("idempotency-key", key)
            .multipart(form.part("file", part));
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    /// Imports a knowledge base that was exported, under its own name or another.
    pub async fn import_knowledge_base(
        &self,
        path: &Path,
        name: Option<&str>,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<ImportAccepted, ClientError> {
        let file_name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let part = part_of(path, file_name, sent).await?;
        let mut form = Form::new();
        if let Some(name) = name {
            form = form.text("name", name.to_owned());
        }
        let request = self
            .request(Method::POST, "/knowledge-bases/import")
            .header("idempotency-key", Uuid::new_v4().to_string())
            .multipart(form.part("file", part));
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    /// Exports a knowledge base, piece by piece. A stream that ends with an error is no whole export.
    pub async fn export_knowledge_base(
        &self,
        id: Uuid,
    ) -> Result<impl futures::Stream<Item = Result<bytes::Bytes, ClientError>> + use<>, ClientError> {
        let request = self.request(Method::GET, &format!("/knowledge-bases/{id}/export"));
        let response = self.send_once(request).await?;
        let client = self.clone();
        Ok(response
            .bytes_stream()
            .map_err(move |error| client.unreachable(error)))
    }
}

/// A file as a part of a form, read while it is sent.
async fn part_of(
    path: &Path,
    file_name: String,
    sent: impl Fn(u64) + Send + Sync + 'static,
) -> Result<Part, ClientError> {
    let unreadable = |source| ClientError::File {
        path: path.display().to_string(),
        source,
    };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let size = file.metadata().await.map_err(unreadable)?.len();
    let pieces =
        ReaderStream::with_capacity(file, PIECE_BYTES).inspect_ok(move |piece| sent(piece.len() as u64));
    Ok(Part::stream_with_length(Body::wrap_stream(pieces), size).file_name(file_name))
}
