//! `POST /webhooks/n8n`, where programs tell us of knowledge bases, and `/knowledge-bases/{id}/incoming-webhooks`: who may.

use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode};
use nexus_api::limits::MAX_WEBHOOK_BYTES;
use nexus_api::{
    CreateIncomingWebhook, ErrorEnvelope, IncomingWebhook, IssuedIncomingWebhook, Page, WebhookAction,
    WebhookHeard,
};
use nexus_auth::signed_delivery::{self, DELIVERY_HEADER, Presented, WEBHOOK_HEADER};
use nexus_auth::signed_request::{RequestError, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use nexus_domain::IncomingWebhookId;
use secrecy::ExposeSecret as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::From;
use super::error::ApiError;
use super::extract::{self, Json, Query};
use super::pages::{PageQuery, page};
use super::path_ids::Second;
use super::permit::{KbPermit, Own};
use super::wire::webhooks as wire;
use crate::service::Refusal;
use crate::state::App;

const PATH: &str = "/api/v1/webhooks/n8n";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
}

/// Routes whose bodies carry documents.
pub fn delivery_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(hear))
        .layer(DefaultBodyLimit::max(MAX_WEBHOOK_BYTES))
}

/// Webhooks that may tell of a knowledge base, newest first
#[utoipa::path(get, path = "/knowledge-bases/{id}/incoming-webhooks", tag = "webhooks",
    params(("id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, body = Page<IncomingWebhook>), (status = 404, body = ErrorEnvelope)))]
async fn list(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<IncomingWebhook>>, ApiError> {
    let limit = query.limit()?;
    let before: Option<IncomingWebhookId> = query.after()?;
    let found = app.incoming_webhooks.list(&permit.kb, before, limit + 1).await?;
    Ok(Json(page(found, limit, |webhook| webhook.id, wire::incoming)))
}

/// Let a program tell of a knowledge base
///
/// Whoever has the secret may feed the knowledge base as far as the caller may, and no longer. The response is the only one
/// that shows the secret.
#[utoipa::path(post, path = "/knowledge-bases/{id}/incoming-webhooks", tag = "webhooks",
    params(("id" = uuid::Uuid, Path)), request_body = CreateIncomingWebhook,
    responses((status = 201, body = IssuedIncomingWebhook), (status = 404, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Json(body): Json<CreateIncomingWebhook>,
) -> Result<(StatusCode, Json<IssuedIncomingWebhook>), ApiError> {
    let webhooks = &app.incoming_webhooks;
    let (secret, webhook) = webhooks.create(&permit.access, &permit.kb, &body.name).await?;
    let issued = IssuedIncomingWebhook {
        path: PATH.to_owned(),
        secret: secret.expose_secret().to_owned(),
        webhook: wire::incoming(webhook),
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

/// Take nothing from a webhook any more
#[utoipa::path(delete, path = "/knowledge-bases/{id}/incoming-webhooks/{webhook_id}", tag = "webhooks",
    params(("id" = uuid::Uuid, Path), ("webhook_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Second(id): Second<IncomingWebhookId>,
) -> Result<StatusCode, ApiError> {
    app.incoming_webhooks
        .delete(&permit.access, &permit.kb, id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Something has changed, says n8n
///
/// Signed with the secret of an incoming webhook: `X-Nexus-Signature` is `v1=` and the HMAC-SHA256, in hex, of
/// `timestamp.delivery.body`. The time may be five minutes off, either way. A delivery whose id has come before is answered
/// 200 and does nothing. An unknown webhook and a wrong signature look the same.
#[utoipa::path(post, path = "/webhooks/n8n", tag = "webhooks",
    params(("X-Nexus-Webhook" = Option<uuid::Uuid>, Header, description = "Id of the incoming webhook"),
        ("X-Nexus-Delivery" = Option<String>, Header, description = "1 to 128 letters, digits, `-`, `_` and `:`"),
        ("X-Nexus-Timestamp" = Option<String>, Header, description = "Unix seconds"),
        ("X-Nexus-Signature" = Option<String>, Header, description = "`v1=` and 64 digits of lower-case hex")),
    request_body = WebhookAction,
    responses((status = 200, body = WebhookHeard), (status = 202, body = WebhookHeard),
        (status = 401, body = ErrorEnvelope), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope)), security(()))]
async fn hear(
    State(app): State<App>,
    request: Request,
) -> Result<(StatusCode, Json<WebhookHeard>), ApiError> {
    let headers = request.headers().clone();
    let origin = request.extensions().get::<From>().cloned().unwrap_or_default().0;
    let presented = Presented {
        delivery: only(&headers, DELIVERY_HEADER),
        timestamp: only(&headers, TIMESTAMP_HEADER),
        signature: only(&headers, SIGNATURE_HEADER),
    };
    let claimed = signed_delivery::read(&presented).map_err(Refusal::Signature)?;
    let webhook = only(&headers, WEBHOOK_HEADER).ok_or(Refusal::Signature(RequestError::Missing))?;
    let webhook = webhook
        .parse()
        .map_err(|_| Refusal::Signature(RequestError::Malformed))?;
    let body = Bytes::from_request(request, &app)
        .await
        .map_err(JsonRejection::from)?;
    let webhooks = &app.incoming_webhooks;
    let signed = webhooks.verify(webhook, &claimed, &body, origin).await?;
    let action: WebhookAction = extract::object(&body)?;
    let heard = webhooks.hear(signed, wire::told(action)?).await?;
    let status = match heard.task_id {
        Some(_) if !heard.repeated => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    Ok((status, Json(wire::heard(heard))))
}

/// A header that stands once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok();
    value.filter(|_| values.next().is_none())
}
