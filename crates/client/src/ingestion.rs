//! Uploads, streamed from disk or from wherever the bytes come.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use nexus_api::{ImportAccepted, TaskAccepted};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::fs::File;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::error::ClientError;
use crate::form::FileForm;
use crate::request::Client;
use crate::signing::BodyHash;

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
}

/// A file that is about to be passed on. It is never whole in this process: where requests are signed, it is read twice, since
/// the signature stands before the bytes that it covers.
#[derive(Clone, Debug)]
pub struct PassingOn {
    client: Client,
    file: PassedOn,
    form: FileForm,
    hash: Option<BodyHash>,
}

impl PassingOn {
    /// Whether [`Self::read`] comes before [`Self::send`].
    pub fn is_to_be_read(&self) -> bool {
        self.client.signs() && self.hash.is_none()
    }

    /// Reads the file for the signature, and keeps nothing of it.
    pub async fn read<S, E>(&mut self, pieces: S) -> Result<(), E>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        self.hash = Some(self.form.hash(pieces).await?);
        Ok(())
    }

    /// Sends the file while it arrives; its size, where it is known. An error of `pieces` ends the upload.
    pub async fn send<S, E>(self, size_bytes: Option<u64>, pieces: S) -> Result<TaskAccepted, ClientError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let Self {
            client,
            file,
            form,
            hash,
        } = self;
        let request = client
            .request(Method::POST, file.target.path())
            .header("idempotency-key", file.key.to_string())
            .header("x-telegram-user-id", file.telegram_user_id)
            .header("x-request-id", &file.trace_id);
        let request = form.attach(request, size_bytes, pieces);
        let response = client.send_streamed(request, hash.as_ref()).await?;
        client.read(response).await
    }
}

impl Client {
    /// Prepares to pass a file on.
    pub async fn passing_on(&self, file: PassedOn) -> Result<PassingOn, ClientError> {
        let texts = vec![("knowledge_base", file.knowledge_base.to_string())];
        let form = FileForm::new(texts, file.file_name.clone()).await?;
        Ok(PassingOn {
            client: self.clone(),
            file,
            form,
            hash: None,
        })
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
        let mut texts = vec![("knowledge_base", upload.knowledge_base.clone())];
        texts.extend(upload.source.clone().map(|source| ("source", source)));
        let form = FileForm::new(texts, upload.file_name.clone()).await?;
        let request = self
            .request(Method::POST, upload.target.path())
            .header("idempotency-key", key);
        self.send_file(request, form, &upload.path, sent).await
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
        let texts = name.map(|name| ("name", name.to_owned()));
        let form = FileForm::new(texts.into_iter().collect(), file_name).await?;
        let request = self
            .request(Method::POST, "/knowledge-bases/import")
            .header("idempotency-key", Uuid::new_v4().to_string());
        self.send_file(request, form, path, sent).await
    }

    /// Sends a form with a file of this machine, read while it is sent.
    async fn send_file<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        form: FileForm,
        path: &Path,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<T, ClientError> {
        let unreadable = |source| ClientError::File {
            path: path.display().to_string(),
            source,
        };
        let hash = if self.signs() {
            let (_, pieces) = open(path).await.map_err(unreadable)?;
            Some(form.hash(pieces).await.map_err(unreadable)?)
        } else {
            None
        };
        let (size, pieces) = open(path).await.map_err(unreadable)?;
        let pieces = pieces.inspect_ok(move |piece| sent(piece.len() as u64));
        let request = form.attach(request, Some(size), pieces);
        let response = self.send_streamed(request, hash.as_ref()).await?;
        self.read(response).await
    }

    /// Exports a knowledge base, piece by piece. A stream that ends with an error is no whole export.
    pub async fn export_knowledge_base(
        &self,
        id: Uuid,
    ) -> Result<impl Stream<Item = Result<Bytes, ClientError>> + use<>, ClientError> {
        let request = self.request(Method::GET, &format!("/knowledge-bases/{id}/export"));
        let response = self.send_once(request).await?;
        let client = self.clone();
        Ok(response
            .bytes_stream()
            .map_err(move |error| client.unreachable(error)))
    }
}

/// A file of this machine: its size, and its pieces.
async fn open(path: &Path) -> std::io::Result<(u64, ReaderStream<File>)> {
    let file = File::open(path).await?;
    let size = file.metadata().await?.len();
    Ok((size, ReaderStream::with_capacity(file, PIECE_BYTES)))
}
