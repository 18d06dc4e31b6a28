//! Sources that are fetched: `/ingestion/git`, `/ingestion/web`, `/ingestion/wiki`, `/knowledge-bases/{id}/sources/{source_id}` and
//! their webhooks.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use nexus_api::limits::MAX_JSON_BYTES;
use nexus_api::{
    ErrorEnvelope, IngestGit, IngestWeb, IngestWiki, IssuedSourceWebhook, Source, SourceCredential,
    SourceSchedule, StartSync, SyncAccepted, TaskAccepted, UpdateSource,
};
use nexus_auth::webhook::WebhookProof;
use nexus_domain::{Remote, SourceId, SourceKind};
use secrecy::{ExposeSecret as _, SecretString};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::idempotency::IdempotencyKey;
use super::ingestion::{self, ContentLength, UploadForm};
use super::permit::{Ingest, Permit, Read, SourcePermit, Upload};
use super::request_id::RequestId;
use super::signed_body::BodyProof;
use super::wire;
use crate::app::App;
use crate::service::{GivenCredential, GivenSchedule, NewRemote, ServiceError, SourceChange, SyncStarted};

/// What a webhook may say; nothing of it is read.
const MAX_WEBHOOK_BYTES: usize = 25 * 1024 * 1024;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(git))
        .routes(routes!(web))
        .routes(routes!(get, update, delete))
        .routes(routes!(sync))
        .routes(routes!(issue_webhook, remove_webhook))
}

/// Routes that take uploads.
pub fn upload_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(wiki))
}

/// Routes whose bodies are others' and may be large.
pub fn webhook_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(webhook))
        .layer(DefaultBodyLimit::max(MAX_WEBHOOK_BYTES))
}

fn accepted(started: SyncStarted) -> (StatusCode, Json<SyncAccepted>) {
    let body = SyncAccepted {
        task_id: started.task_id.as_uuid(),
        knowledge_base_id: started.kb_id.as_uuid(),
        source_id: started.source_id.as_uuid(),
    };
    (StatusCode::ACCEPTED, Json(body))
}

fn credential_from(credential: SourceCredential) -> GivenCredential {
    GivenCredential {
        user: credential.user,
        token: SecretString::from(credential.token),
    }
}

fn schedule_from(schedule: SourceSchedule) -> GivenSchedule {
    GivenSchedule {
        cron: schedule.cron,
        time_zone: schedule.time_zone,
    }
}

/// What the three kinds of requests have in common.
struct Common {
    knowledge_base: String,
    source: Option<String>,
    credential: Option<SourceCredential>,
    schedule: Option<SourceSchedule>,
}

async fn add(
    app: &App,
    permit: &Permit<Upload>,
    (id, key): (RequestId, Option<String>),
    remote: Remote,
    common: Common,
) -> Result<SyncStarted, ApiError> {
    let new = NewRemote {
        knowledge_base: common.knowledge_base,
        name: common.source,
        remote,
        credential: common.credential.map(credential_from),
        schedule: common.schedule.map(schedule_from),
        trace_id: id.to_string(),
        idempotency_key: key,
    };
    Ok(app.sources.add(&permit.access, new).await?)
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
    let remote = wire::sources::git_from(&body);
    let common = Common {
        knowledge_base: body.knowledge_base,
        source: body.source,
        credential: body.credential,
        schedule: body.schedule,
    };
    Ok(accepted(add(&app, &permit, (id, key), remote, common).await?))
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
    let remote = wire::sources::web_from(&body);
    let common = Common {
        knowledge_base: body.knowledge_base,
        source: body.source,
        credential: body.credential,
        schedule: body.schedule,
    };
    Ok(accepted(add(&app, &permit, (id, key), remote, common).await?))
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
    let remote = wire::sources::wiki_from(&body);
    let common = Common {
        knowledge_base: body.knowledge_base,
        source: body.source,
        credential: body.credential,
        schedule: body.schedule,
    };
    let started = add(&app, &permit, (id, key.0), remote, common).await?;
    Ok(accepted(started).into_response())
}

/// One source
#[utoipa::path(get, path = "/knowledge-bases/{id}/sources/{source_id}", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)),
    responses((status = 200, body = Source), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, permit: SourcePermit<Read>) -> Result<Json<Source>, ApiError> {
    let overview = app.sources.overview(&permit.source).await?;
    Ok(Json(wire::sources::source(overview)))
}

/// Change a source's schedule or credential
///
/// Other settings are changed by the request that made the source, sent again.
#[utoipa::path(patch, path = "/knowledge-bases/{id}/sources/{source_id}", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)), request_body = UpdateSource,
    responses((status = 200, body = Source), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: SourcePermit<Ingest>,
    Json(body): Json<UpdateSource>,
) -> Result<Json<Source>, ApiError> {
    let change = SourceChange {
        schedule: body.schedule.map(|schedule| schedule.map(schedule_from)),
        credential: body.credential.map(|credential| credential.map(credential_from)),
    };
    let changed = app.sources.update(&permit.access, &permit.source, change).await?;
    Ok(Json(wire::sources::source(changed)))
}

/// Delete a source with its documents
///
/// They are not found any more when this returns.
#[utoipa::path(delete, path = "/knowledge-bases/{id}/sources/{source_id}", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(State(app): State<App>, permit: SourcePermit<Ingest>) -> Result<StatusCode, ApiError> {
    app.sources.delete(&permit.access, &permit.source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bring a source up to date
///
/// With `dry_run` nothing changes, and the task's `plan` says what would. A sync that waits already is not doubled.
#[utoipa::path(post, path = "/knowledge-bases/{id}/sources/{source_id}/sync", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)), request_body = StartSync,
    responses((status = 202, body = SyncAccepted), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn sync(
    State(app): State<App>,
    permit: SourcePermit<Ingest>,
    id: RequestId,
    Json(body): Json<StartSync>,
) -> Result<(StatusCode, Json<SyncAccepted>), ApiError> {
    let started = app
        .sources
        .sync(&permit.access, &permit.source, body.dry_run, &id.to_string())
        .await?;
    Ok(accepted(started))
}

/// Make a secret for webhooks of a source
///
/// GitHub, Gitea and n8n sign with it (`X-Hub-Signature-256`, `X-Gitea-Signature`), GitLab sends it (`X-Gitlab-Token`). An earlier
/// secret is good for nothing any more.
#[utoipa::path(post, path = "/knowledge-bases/{id}/sources/{source_id}/webhook", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)),
    responses((status = 201, body = IssuedSourceWebhook), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn issue_webhook(
    State(app): State<App>,
    permit: SourcePermit<Ingest>,
) -> Result<(StatusCode, Json<IssuedSourceWebhook>), ApiError> {
    let secret = app.sources.issue_webhook(&permit.access, &permit.source).await?;
    let body = IssuedSourceWebhook {
        path: format!("/api/v1/webhooks/sources/{}", permit.source.id),
        secret: secret.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Take no webhooks of a source any more
#[utoipa::path(delete, path = "/knowledge-bases/{id}/sources/{source_id}/webhook", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn remove_webhook(
    State(app): State<App>,
    permit: SourcePermit<Ingest>,
) -> Result<StatusCode, ApiError> {
    app.sources.remove_webhook(&permit.access, &permit.source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A source has changed
///
/// Sent by the forge or wiki itself, signed with the source's webhook secret; what is in the body is not read. Starts a sync.
/// A wrong signature and a source without a webhook look the same.
#[utoipa::path(post, path = "/webhooks/sources/{source_id}", tag = "webhooks",
    params(("source_id" = uuid::Uuid, Path),
        ("X-Hub-Signature-256" = Option<String>, Header, description = "HMAC-SHA256 of the body in hex, after `sha256=`"),
        ("X-Gitea-Signature" = Option<String>, Header, description = "HMAC-SHA256 of the body in hex"),
        ("X-Gitlab-Token" = Option<String>, Header, description = "The secret itself")),
    request_body(content = String, content_type = "*/*"),
    responses((status = 202, body = SyncAccepted), (status = 404, body = ErrorEnvelope)), security(()))]
async fn webhook(
    State(app): State<App>,
    Path(source): Path<String>,
    id: RequestId,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<SyncAccepted>), ApiError> {
    let unknown = || ServiceError::NotFound("webhook");
    let source: SourceId = source.parse().map_err(|_| unknown())?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = header("x-hub-signature-256").or_else(|| header("x-gitea-signature"));
    let proof = signature
        .map(WebhookProof::Signature)
        .or_else(|| header("x-gitlab-token").map(WebhookProof::Token))
        .ok_or_else(unknown)?;
    let started = app.sources.webhook(source, &body, proof, &id.to_string()).await?;
    Ok(accepted(started))
}
