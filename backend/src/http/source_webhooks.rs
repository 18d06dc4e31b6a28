//! Webhooks of sources: their secrets, and `/webhooks/sources/{source_id}`, which forges and wikis call.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use futures::StreamExt as _;
use nexus_api::{ErrorCode, ErrorEnvelope, IssuedSourceWebhook, SyncAccepted};
use nexus_auth::webhook::WebhookProof;
use nexus_domain::SourceId;
use secrecy::ExposeSecret as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::permit::{Ingest, SourcePermit};
use super::request_id::RequestId;
use super::sources::accepted;
use crate::service::{CalledWebhook, ServiceError};
use crate::state::App;

/// What a webhook may say: 5 MiB. Forges tell of a push by some kilobytes, and by about a kilobyte for each of at most 2,048
/// commits (GitHub, "push"). None of it is kept, and for a source without a webhook none of it is read.
const MAX_WEBHOOK_BYTES: usize = 5 * 1024 * 1024;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(issue_webhook, remove_webhook))
}

/// The route that strangers call, whose body is bounded here.
pub fn called_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(webhook))
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
    body: Body,
) -> Result<(StatusCode, Json<SyncAccepted>), ApiError> {
    let unknown = || ServiceError::NotFound("webhook");
    let source: SourceId = source.parse().map_err(|_| unknown())?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = header("x-hub-signature-256").or_else(|| header("x-gitea-signature"));
    let proof = signature
        .map(WebhookProof::Signature)
        .or_else(|| header("x-gitlab-token").map(WebhookProof::Token))
        .ok_or_else(unknown)?;
    let mut called = app.sources.called(source, proof).await?;
    read(body, &mut called).await?;
    let started = app.sources.webhook(called, &id.to_string()).await?;
    Ok(accepted(started))
}

/// Reads a body past the check of its signature.
async fn read(body: Body, called: &mut CalledWebhook) -> Result<(), ApiError> {
    let mut pieces = body.into_data_stream();
    let mut left = MAX_WEBHOOK_BYTES;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| ApiError::new(ErrorCode::InvalidRequest, "the body broke off"))?;
        left = left.checked_sub(piece.len()).ok_or_else(|| {
            let message = format!("a webhook says at most {MAX_WEBHOOK_BYTES} bytes");
            ApiError::new(ErrorCode::PayloadTooLarge, message)
        })?;
        called.read(&piece);
    }
    Ok(())
}
