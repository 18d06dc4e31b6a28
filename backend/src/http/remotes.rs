//! Sources that are fetched, as they are made or given other settings: `/ingestion/git`, `/ingestion/web`, `/ingestion/wiki`.

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use nexus_api::limits::MAX_JSON_BYTES;
use nexus_api::{ErrorEnvelope, IngestGit, IngestWeb, IngestWiki, SyncAccepted, TaskAccepted};
use nexus_domain::SourceKind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::idempotency::IdempotencyKey;
use super::ingestion::{self, ContentLength, UploadForm};
use super::permit::{Permit, Upload};
use super::request_id::RequestId;
use super::signed_body::BodyProof;
use super::sources::accepted;
use super::wire;
use super::wire::remotes::Described;
use crate::service::NewRemote;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(git)).routes(routes!(web))
}

/// Routes that take uploads.
pub fn upload_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(wiki))
}

/// What the three routes do.
async fn add(
    app: &App,
    permit: &Permit<Upload>,
    (id, key): (RequestId, Option<String>),
    described: Described,
) -> Result<(StatusCode, Json<SyncAccepted>), ApiError> {
    let new = NewRemote {
        knowledge_base: described.knowledge_base,
        name: described.name,
        remote: described.remote,
        credential: described.credential,
        schedule: described.schedule,
        trace_id: id.to_string(),
        idempotency_key: key,
    };
    Ok(accepted(app.sources.add(&permit.access, new).await?))
}

/// Read a git repository
///
/// A branch becomes a source of the knowledge base. The same request again is a sync: files whose content is known are not
/// fetched, missing ones are removed. https with a token; ssh is not spoken.
#[utoipa::path(post, path = "/ingestion/git", tag = "ingestion", request_body = IngestGit,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 202, body = SyncAccepted), (status = 404, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn git(
    State(app): State<App>,
    permit: Permit<Upload>,
    id: RequestId,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<IngestGit>,
) -> Result<(StatusCode, Json<SyncAccepted>), ApiError> {
    add(&app, &permit, (id, key), wire::remotes::of_git(body)).await
}

/// Read a web site
///
/// By its sitemap where it has one, else by following links; only pages below the prefix, and robots.txt is obeyed.
#[utoipa::path(post, path = "/ingestion/web", tag = "ingestion", request_body = IngestWeb,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 202, body = SyncAccepted), (status = 404, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn web(
    State(app): State<App>,
    permit: Permit<Upload>,
    id: RequestId,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<IngestWeb>,
) -> Result<(StatusCode, Json<SyncAccepted>), ApiError> {
    add(&app, &permit, (id, key), wire::remotes::of_web(body)).await
}

/// A wiki: described as JSON, or its dump or export as a form.
enum WikiBody {
    Remote(Box<IngestWiki>),
    Export(Multipart),
}

impl FromRequest<App> for WikiBody {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE);
        let is_form = kind
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/"));
        if is_form {
            return Ok(Self::Export(Multipart::from_request(request, app).await?));
        }
        // The route takes uploads as long as they may be, but this body is held in memory.
        DefaultBodyLimit::max(MAX_JSON_BYTES).apply(&mut request);
        let Json(body) = ingestion::soon(Json::from_request(request, app)).await??;
        Ok(Self::Remote(Box::new(body)))
    }
}

/// Read a wiki
///
/// As JSON: a MediaWiki or DokuWiki is read by its API, a wiki of GitHub or GitLab by git. As a form: a dump or export that is
/// uploaded (a MediaWiki XML dump, exports of Confluence and Notion, a DokuWiki backup).
#[utoipa::path(post, path = "/ingestion/wiki", tag = "ingestion",
    request_body(content((IngestWiki = "application/json"), (UploadForm = "multipart/form-data"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 202, body = SyncAccepted), (status = 404, body = ErrorEnvelope),
        (status = 413, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope),
        (status = 507, body = ErrorEnvelope)))]
async fn wiki(
    State(app): State<App>,
    permit: Permit<Upload>,
    id: RequestId,
    key: IdempotencyKey,
    length: ContentLength,
    proof: BodyProof,
    body: WikiBody,
) -> Result<Response, ApiError> {
    let body = match body {
        WikiBody::Export(form) => {
            let upload = (length, proof, form);
            let taken: (StatusCode, Json<TaskAccepted>) =
                ingestion::accept(State(app), permit, id, key, upload, SourceKind::WikiExport).await?;
            return Ok(taken.into_response());
        }
        WikiBody::Remote(body) => *body,
    };
    let accepted = add(&app, &permit, (id, key.0), wire::remotes::of_wiki(body)).await?;
    Ok(accepted.into_response())
}
