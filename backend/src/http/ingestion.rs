//! `POST /ingestion/archives` and `/ingestion/files`: multipart uploads, streamed to disk.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{FromRequestParts, Multipart, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use nexus_api::limits::MAX_FILE_NAME_CHARS;
use nexus_api::{ErrorCode, ErrorEnvelope, TaskAccepted};
use nexus_domain::SourceKind;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::idempotency::IdempotencyKey;
use super::permit::{Permit, Upload};
use super::request_id::RequestId;
use super::signed_body::BodyProof;
use crate::service::{NewIngestion, ReceivedUpload};
use crate::state::App;

/// Longest text field of an upload, in bytes.
const MAX_FIELD_BYTES: usize = 1_024;

/// How long an upload may send nothing.
const MOST_SILENCE: Duration = Duration::from_secs(60);

/// What a multipart form adds to its file, at most.
pub const FORM_BYTES: u64 = 64 * 1024;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(archives))
        .routes(routes!(files))
}

/// The form of an upload. The fields may come in any order.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form to OpenAPI; the form itself is read as a stream"
)]
pub(super) struct UploadForm {
    /// Name or id of the knowledge base.
    knowledge_base: String,
    /// Name of the source; the file's name where absent (archives), `files` (single files).
    source: Option<String>,
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Upload an archive (zip, 7z, tar, tar.gz, tar.bz2, tar.xz, tar.zst)
///
/// The archive becomes a source of the knowledge base. Uploading one of the same source name again is a sync: unchanged
/// documents are left alone, changed ones replaced, missing ones removed. An archive inside it is read like a folder.
#[utoipa::path(post, path = "/ingestion/archives", tag = "ingestion",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 202, body = TaskAccepted), (status = 404, body = ErrorEnvelope),
        (status = 413, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope),
        (status = 507, body = ErrorEnvelope)))]
async fn archives(
    app: State<App>,
    permit: Permit<Upload>,
    id: RequestId,
    key: IdempotencyKey,
    length: ContentLength,
    proof: BodyProof,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<TaskAccepted>), ApiError> {
    accept(app, permit, id, key, (length, proof, form?), SourceKind::Archive).await
}

/// Upload one document
///
/// It replaces the document of the same name in its source and removes nothing else. A file packed by gzip, bzip2, xz or
/// zstd is read as the file inside.
#[utoipa::path(post, path = "/ingestion/files", tag = "ingestion",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 202, body = TaskAccepted), (status = 404, body = ErrorEnvelope),
        (status = 413, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope),
        (status = 507, body = ErrorEnvelope)))]
async fn files(
    app: State<App>,
    permit: Permit<Upload>,
    id: RequestId,
    key: IdempotencyKey,
    length: ContentLength,
    proof: BodyProof,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<TaskAccepted>), ApiError> {
    accept(app, permit, id, key, (length, proof, form?), SourceKind::Files).await
}

/// How long the body says that it is; 0 where it does not.
pub(super) struct ContentLength(pub(super) u64);

impl<S: Sync> FromRequestParts<S> for ContentLength {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(CONTENT_LENGTH);
        let length = header.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Self(length.unwrap_or(0)))
    }
}

pub(super) async fn accept(
    State(app): State<App>,
    permit: Permit<Upload>,
    id: RequestId,
    IdempotencyKey(key): IdempotencyKey,
    (ContentLength(length), proof, form): (ContentLength, BodyProof, Multipart),
    kind: SourceKind,
) -> Result<(StatusCode, Json<TaskAccepted>), ApiError> {
    app.ingestion
        .expect(&permit.access, length.saturating_sub(FORM_BYTES))
        .await?;
    let mut form = Form::read(&app, form, &["knowledge_base", "source"]).await?;
    proof.require()?;
    let upload = form.file()?;
    let knowledge_base = form
        .text("knowledge_base")
        .ok_or_else(|| ApiError::invalid("knowledge_base", "say which knowledge base"))?;
    let size_bytes = upload.size_bytes();
    let request = NewIngestion {
        knowledge_base,
        kind,
        source: form.text("source"),
        upload,
        path: None,
        trace_id: id.to_string(),
        idempotency_key: key,
    };
    let accepted = app.ingestion.accept(&permit.access, request).await?;
    let body = TaskAccepted {
        task_id: accepted.task_id.as_uuid(),
        knowledge_base_id: accepted.kb_id.as_uuid(),
        source_id: accepted.source_id.as_uuid(),
        size_bytes,
    };
    Ok((StatusCode::ACCEPTED, Json(body)))
}

/// The next piece of an upload, or the whole of a short body, unless its sender has fallen silent.
pub(super) async fn soon<T>(piece: impl Future<Output = T>) -> Result<T, ApiError> {
    let piece = tokio::time::timeout(MOST_SILENCE, piece).await;
    piece.map_err(|_| ApiError::new(ErrorCode::RequestTimeout, "the upload fell silent for a minute"))
}

/// A form with a file, as far as it has been read.
#[derive(Default)]
pub(super) struct Form {
    texts: Vec<(&'static str, String)>,
    file: Option<ReceivedUpload>,
}

impl Form {
    /// Reads a form that has these fields besides its file, which goes to the place of uploads as it comes.
    pub(super) async fn read(
        app: &App,
        mut form: Multipart,
        fields: &[&'static str],
    ) -> Result<Self, ApiError> {
        let mut read = Self::default();
        while let Some(mut field) = soon(form.next_field()).await?? {
            let name = field.name().unwrap_or("without a name").to_owned();
            if name == "file" && read.file.is_none() {
                read.file = Some(receive(app, &mut field).await?);
            } else if let Some(known) = fields.iter().find(|known| **known == name) {
                read.texts.push((known, text(&mut field).await?));
            } else {
                let why = format!("the form has no use for the field {name:?}");
                return Err(ApiError::invalid(&name, why));
            }
        }
        Ok(read)
    }

    /// What a field says last; `None` where it is absent or empty.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let (_, text) = self.texts.iter_mut().rfind(|(known, _)| *known == name)?;
        Some(std::mem::take(text)).filter(|text| !text.is_empty())
    }

    pub(super) fn file(&mut self) -> Result<ReceivedUpload, ApiError> {
        let file = self.file.take();
        file.ok_or_else(|| ApiError::invalid("file", "the form has no file"))
    }
}

async fn receive(app: &App, field: &mut Field<'_>) -> Result<ReceivedUpload, ApiError> {
    let name = field.file_name().unwrap_or_default().to_owned();
    if name.is_empty() || name.chars().count() > MAX_FILE_NAME_CHARS {
        let reason = format!("the file needs a name of 1 to {MAX_FILE_NAME_CHARS} characters");
        return Err(ApiError::invalid("file", reason));
    }
    let mut writer = app.ingestion.receive(name).await?;
    while let Some(piece) = soon(field.chunk()).await?? {
        writer.write(&piece).await?;
    }
    Ok(writer.finish().await?)
}

async fn text(field: &mut Field<'_>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = soon(field.chunk()).await?? {
        if bytes.len() + piece.len() > MAX_FIELD_BYTES {
            return Err(ApiError::new(
                ErrorCode::ValidationFailed,
                "a field of the form is too long",
            ));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::new(ErrorCode::InvalidRequest, "a field is not UTF-8"))
}
