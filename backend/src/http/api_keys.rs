//! `/api-keys`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use nexus_api::{ApiKey, CreateApiKey, ErrorEnvelope, IssuedApiKey, Page, UpdateApiKey};
use nexus_domain::ApiKeyId;
use secrecy::ExposeSecret as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{ManageKeys, Permit};
use super::wire::access as wire;
use crate::service::ServiceError;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, revoke))
}

/// API keys, newest first
#[utoipa::path(get, path = "/api-keys", tag = "api keys", params(PageQuery),
    responses((status = 200, body = Page<ApiKey>)))]
async fn list(
    State(app): State<App>,
    _: Permit<ManageKeys>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ApiKey>>, ApiError> {
    let limit = query.limit()?;
    let before: Option<ApiKeyId> = query.after()?;
    let found = app.api_keys.list(before, limit + 1).await?;
    Ok(Json(page(found, limit, |row| row.id, wire::api_key)))
}

/// Create an API key
///
/// The response is the only one that shows it. Nobody gives a key scopes that they do not hold.
#[utoipa::path(post, path = "/api-keys", tag = "api keys", request_body = CreateApiKey,
    responses((status = 201, body = IssuedApiKey)))]
async fn create(
    State(app): State<App>,
    permit: Permit<ManageKeys>,
    Json(body): Json<CreateApiKey>,
) -> Result<(StatusCode, Json<IssuedApiKey>), ApiError> {
    let new = wire::new_api_key(body, permit.access.scopes());
    let (key, row) = app.api_keys.create(&permit.access, new).await?;
    let issued = IssuedApiKey {
        key: key.expose_secret().to_owned(),
        api_key: wire::api_key(row),
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

/// One API key
#[utoipa::path(get, path = "/api-keys/{id}", tag = "api keys", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = ApiKey), (status = 404, body = ErrorEnvelope)))]
async fn get(
    State(app): State<App>,
    _: Permit<ManageKeys>,
    Path(id): Path<String>,
) -> Result<Json<ApiKey>, ApiError> {
    Ok(Json(wire::api_key(app.api_keys.get(parsed(&id)?).await?)))
}

/// Change an API key
#[utoipa::path(patch, path = "/api-keys/{id}", tag = "api keys", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateApiKey,
    responses((status = 200, body = ApiKey), (status = 404, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: Permit<ManageKeys>,
    Path(id): Path<String>,
    Json(body): Json<UpdateApiKey>,
) -> Result<Json<ApiKey>, ApiError> {
    let change = wire::api_key_change(body);
    let changed = app.api_keys.update(&permit.access, parsed(&id)?, change).await?;
    Ok(Json(wire::api_key(changed)))
}

/// Revoke an API key
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "api keys", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn revoke(
    State(app): State<App>,
    permit: Permit<ManageKeys>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    app.api_keys.revoke(&permit.access, parsed(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no UUID names nothing.
fn parsed(id: &str) -> Result<ApiKeyId, ServiceError> {
    id.parse().map_err(|_| ServiceError::NotFound("API key"))
}
