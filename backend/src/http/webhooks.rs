//! `/webhooks`: addresses that are told of events.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nexus_api::{CreateWebhook, ErrorEnvelope, IssuedWebhook, Page, UpdateWebhook, Webhook, WebhookDelivery};
use nexus_domain::{WebhookDeliveryId, WebhookId};
use secrecy::ExposeSecret as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{Operate, Permit};
use super::wire::webhooks as wire;
use crate::service::ServiceError;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(deliveries))
        .routes(routes!(retry))
}

/// Webhooks, newest first
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", params(PageQuery),
    responses((status = 200, body = Page<Webhook>)))]
async fn list(
    State(app): State<App>,
    _: Permit<Operate>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Webhook>>, ApiError> {
    let limit = query.limit()?;
    let before: Option<WebhookId> = query.after()?;
    let found = app.webhooks.list(before, limit + 1).await?;
    Ok(Json(page(found, limit, |webhook| webhook.id, wire::webhook)))
}

/// Tell an address of events
///
/// Each delivery is a POST of JSON (`id`, `event`, `created_at`, `data`) with the headers `X-Nexus-Webhook`,
/// `X-Nexus-Delivery`, `X-Nexus-Timestamp` (Unix seconds) and `X-Nexus-Signature`: `v1=` and the HMAC-SHA256, in hex, of
/// `timestamp.delivery.body` under the secret. What is not answered with 2xx is tried 8 times within a day, under the same id.
/// The response is the only one that shows the secret.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", request_body = CreateWebhook,
    responses((status = 201, body = IssuedWebhook), (status = 422, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    permit: Permit<Operate>,
    Json(body): Json<CreateWebhook>,
) -> Result<(StatusCode, Json<IssuedWebhook>), ApiError> {
    let new = wire::new_webhook(body);
    let (secret, webhook) = app.webhooks.create(&permit.access, new).await?;
    let issued = IssuedWebhook {
        secret: secret.expose_secret().to_owned(),
        webhook: wire::webhook(webhook),
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

/// One webhook
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Webhook), (status = 404, body = ErrorEnvelope)))]
async fn get(
    State(app): State<App>,
    _: Permit<Operate>,
    Path(id): Path<String>,
) -> Result<Json<Webhook>, ApiError> {
    Ok(Json(wire::webhook(app.webhooks.get(parsed(&id)?).await?)))
}

/// Change a webhook
///
/// One that is turned off is told nothing; what it was still to be told waits for a day and is given up then.
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "webhooks", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateWebhook,
    responses((status = 200, body = Webhook), (status = 404, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: Permit<Operate>,
    Path(id): Path<String>,
    Json(body): Json<UpdateWebhook>,
) -> Result<Json<Webhook>, ApiError> {
    let change = wire::webhook_change(body);
    let changed = app.webhooks.update(&permit.access, parsed(&id)?, change).await?;
    Ok(Json(wire::webhook(changed)))
}

/// Delete a webhook, with what it was still to be told
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(
    State(app): State<App>,
    permit: Permit<Operate>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.webhooks.delete(&permit.access, parsed(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a webhook is told or was, newest first
///
/// What arrived is remembered for 7 days, what was given up for 30.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, body = Page<WebhookDelivery>), (status = 404, body = ErrorEnvelope)))]
async fn deliveries(
    State(app): State<App>,
    _: Permit<Operate>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<WebhookDelivery>>, ApiError> {
    let id = parsed(&id)?;
    let limit = query.limit()?;
    let before: Option<WebhookDeliveryId> = query.after()?;
    let found = app.webhooks.deliveries(id, before, limit + 1).await?;
    Ok(Json(page(found, limit, |delivery| delivery.id, wire::delivery)))
}

/// Send a delivery again that was given up
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{delivery_id}/retry", tag = "webhooks",
    params(("id" = uuid::Uuid, Path), ("delivery_id" = uuid::Uuid, Path)),
    responses((status = 200, body = WebhookDelivery), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn retry(
    State(app): State<App>,
    permit: Permit<Operate>,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Json<WebhookDelivery>, ApiError> {
    let delivery = delivery.parse().map_err(|_| ServiceError::NotFound("delivery"))?;
    let again = app.webhooks.retry(&permit.access, parsed(&id)?, delivery).await?;
    Ok(Json(wire::delivery(again)))
}

/// What is no UUID names nothing.
fn parsed(id: &str) -> Result<WebhookId, ServiceError> {
    id.parse().map_err(|_| ServiceError::NotFound("webhook"))
}
