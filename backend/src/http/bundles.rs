//! `/knowledge-bases/{id}/export` and `/knowledge-bases/import`: whole knowledge bases as files.

use axum::body::Body;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Response, StatusCode};
use futures::stream;
use nexus_api::{ErrorEnvelope, ImportAccepted};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::idempotency::IdempotencyKey;
use super::ingestion::{ContentLength, FORM_BYTES, Form};
use super::permit::{Create, KbPermit, Own, Permit};
use super::request_id::RequestId;
use super::signed_body::BodyProof;
use crate::service::NewImport;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

pub fn upload_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(import))
}

/// Export a knowledge base
///
/// One file with its sources, documents, passages and vectors, as JSON lines compressed by zstd. It holds no credential,
/// no member and no question. It is written while it is read: a file whose last line is no `end` record is not whole, and
/// no installation imports it.
#[utoipa::path(get, path = "/knowledge-bases/{id}/export", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zstd"),
        (status = 404, body = ErrorEnvelope)))]
async fn export(State(app): State<App>, permit: KbPermit<Own>) -> Result<Response<Body>, ApiError> {
    let exported = app.bundles.export(&permit.access, &permit.kb).await?;
    let pieces = stream::unfold(exported.pieces, async |mut pieces| {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    // RFC 6266: names beyond ASCII are percent-encoded.
    let name = utf8_percent_encode(&exported.file_name, NON_ALPHANUMERIC);
    let disposition = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}"))
        .unwrap_or(HeaderValue::from_static("attachment"));
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zstd"));
    headers.insert(CONTENT_DISPOSITION, disposition);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The form of an import. The fields may come in any order.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form to OpenAPI; the form itself is read as a stream"
)]
struct ImportForm {
    /// Name of the new knowledge base; the exported one where absent.
    name: Option<String>,
    #[schema(format = Binary, content_media_type = "application/zstd")]
    file: String,
}

/// Import a knowledge base that was exported
///
/// It becomes a new knowledge base of the caller's, private whatever it was. Passages are taken as they are; vectors too,
/// where the model is the same and the caller is an administrator (the cache of vectors is shared by all knowledge bases),
/// and are computed anew otherwise. Sources keep their settings and are synced as before, those with a credential once they
/// are given it again.
#[utoipa::path(post, path = "/knowledge-bases/import", tag = "knowledge bases",
    request_body(content = ImportForm, content_type = "multipart/form-data"),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 202, body = ImportAccepted), (status = 409, body = ErrorEnvelope),
        (status = 413, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope),
        (status = 507, body = ErrorEnvelope)))]
async fn import(
    State(app): State<App>,
    permit: Permit<Create>,
    id: RequestId,
    IdempotencyKey(key): IdempotencyKey,
    ContentLength(length): ContentLength,
    proof: BodyProof,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<ImportAccepted>), ApiError> {
    app.ingestion
        .expect(&permit.access, length.saturating_sub(FORM_BYTES))
        .await?;
    let mut form = Form::read(&app, form?, &["name"]).await?;
    proof.require()?;
    let upload = form.file()?;
    let size_bytes = upload.size_bytes();
    let new = NewImport {
        name: form.text("name"),
        upload,
        trace_id: id.to_string(),
        idempotency_key: key,
    };
    let imported = app.bundles.import(&permit.access, new).await?;
    let body = ImportAccepted {
        task_id: imported.task_id.as_uuid(),
        knowledge_base_id: imported.kb_id.as_uuid(),
        size_bytes,
    };
    Ok((StatusCode::ACCEPTED, Json(body)))
}
