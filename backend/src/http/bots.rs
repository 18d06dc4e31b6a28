//! `/bots`: registration, switching, tokens and signing secrets.

use axum::extract::State;
use axum::http::StatusCode;
use nexus_api::{
    Bot, CreateBot, CreateServiceToken, ErrorEnvelope, IssuedServiceToken, IssuedSigningSecret, Page,
    ServiceTokens, UpdateBot,
};
use nexus_domain::ServiceTokenId;
use secrecy::ExposeSecret as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::idempotency::IdempotencyKey;
use super::pages::{PageQuery, page};
use super::path_ids::Second;
use super::permit::{BotPermit, ManageBots, Permit, ReadBot};
use super::wire::access as wire;
use crate::state::App;

/// Days that a token lives unless the request says otherwise.
const TOKEN_DAYS: u32 = 365;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(tokens, issue_token))
        .routes(routes!(revoke_token))
        .routes(routes!(sign_requests, stop_signing))
}

/// Bots by code
#[utoipa::path(get, path = "/bots", tag = "bots", params(PageQuery), responses((status = 200, body = Page<Bot>)))]
async fn list(
    State(app): State<App>,
    _: Permit<ManageBots>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Bot>>, ApiError> {
    let limit = query.limit()?;
    let after: Option<String> = query.after()?;
    let found = app.bots.list(after.as_deref(), limit + 1).await?;
    Ok(Json(page(found, limit, |bot| bot.code.clone(), wire::bot)))
}

/// Register a bot
///
/// It is turned on. Its Telegram token is encrypted at rest and never returned.
#[utoipa::path(post, path = "/bots", tag = "bots", request_body = CreateBot,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 201, body = Bot), (status = 409, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    permit: Permit<ManageBots>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateBot>,
) -> Result<(StatusCode, Json<Bot>), ApiError> {
    let made = app.bots.create(&permit.access, wire::new_bot(body, key)).await?;
    Ok((StatusCode::CREATED, Json(wire::bot(made))))
}

/// One bot
///
/// Admins see them all, a bot sees itself.
#[utoipa::path(get, path = "/bots/{id}", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Bot), (status = 404, body = ErrorEnvelope)))]
async fn get(permit: BotPermit<ReadBot>) -> Json<Bot> {
    Json(wire::bot(permit.bot))
}

/// Change a bot
#[utoipa::path(patch, path = "/bots/{id}", tag = "bots", params(("id" = uuid::Uuid, Path)), request_body = UpdateBot,
    responses((status = 200, body = Bot), (status = 404, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: BotPermit<ManageBots>,
    Json(body): Json<UpdateBot>,
) -> Result<Json<Bot>, ApiError> {
    let changed = app
        .bots
        .update(&permit.access, permit.bot.id, wire::bot_change(body))
        .await?;
    Ok(Json(wire::bot(changed)))
}

/// Delete a bot
///
/// Its tokens and the sessions begun in it end at once.
#[utoipa::path(delete, path = "/bots/{id}", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(State(app): State<App>, permit: BotPermit<ManageBots>) -> Result<StatusCode, ApiError> {
    app.bots.delete(&permit.access, permit.bot.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Turn a bot on
#[utoipa::path(post, path = "/bots/{id}/enable", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Bot), (status = 404, body = ErrorEnvelope)))]
async fn enable(State(app): State<App>, permit: BotPermit<ManageBots>) -> Result<Json<Bot>, ApiError> {
    let bot = app.bots.set_active(&permit.access, permit.bot.id, true).await?;
    Ok(Json(wire::bot(bot)))
}

/// Turn a bot off
///
/// From the next request on nobody comes in through it; its tokens are good again when it is turned on.
#[utoipa::path(post, path = "/bots/{id}/disable", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Bot), (status = 404, body = ErrorEnvelope)))]
async fn disable(State(app): State<App>, permit: BotPermit<ManageBots>) -> Result<Json<Bot>, ApiError> {
    let bot = app.bots.set_active(&permit.access, permit.bot.id, false).await?;
    Ok(Json(wire::bot(bot)))
}

/// A bot's tokens for this API
#[utoipa::path(get, path = "/bots/{id}/tokens", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = ServiceTokens), (status = 404, body = ErrorEnvelope)))]
async fn tokens(
    State(app): State<App>,
    permit: BotPermit<ManageBots>,
) -> Result<Json<ServiceTokens>, ApiError> {
    let found = app.bots.tokens(permit.bot.id).await?;
    let items = found.into_iter().map(wire::service_token).collect();
    Ok(Json(ServiceTokens { items }))
}

/// Issue a token for a bot
///
/// The response is the only one that shows it.
#[utoipa::path(post, path = "/bots/{id}/tokens", tag = "bots", params(("id" = uuid::Uuid, Path)),
    request_body = CreateServiceToken,
    responses((status = 201, body = IssuedServiceToken), (status = 404, body = ErrorEnvelope)))]
async fn issue_token(
    State(app): State<App>,
    permit: BotPermit<ManageBots>,
    Json(body): Json<CreateServiceToken>,
) -> Result<(StatusCode, Json<IssuedServiceToken>), ApiError> {
    let days = body.expires_in_days.unwrap_or(TOKEN_DAYS);
    let (token, row) = app
        .bots
        .issue_token(&permit.access, permit.bot.id, &body.name, days)
        .await?;
    let issued = IssuedServiceToken {
        token: token.expose_secret().to_owned(),
        service_token: wire::service_token(row),
    };
    Ok((StatusCode::CREATED, Json(issued)))
}

/// Revoke a token of a bot
#[utoipa::path(delete, path = "/bots/{id}/tokens/{token_id}", tag = "bots",
    params(("id" = uuid::Uuid, Path), ("token_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn revoke_token(
    State(app): State<App>,
    permit: BotPermit<ManageBots>,
    Second(token): Second<ServiceTokenId>,
) -> Result<StatusCode, ApiError> {
    app.bots
        .revoke_token(&permit.access, permit.bot.id, token)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Require signed requests of a bot
///
/// Gives the secret, this once; an earlier one is no longer good. How to sign stands in `docs/API.md`.
#[utoipa::path(post, path = "/bots/{id}/signing-secret", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 201, body = IssuedSigningSecret), (status = 404, body = ErrorEnvelope)))]
async fn sign_requests(
    State(app): State<App>,
    permit: BotPermit<ManageBots>,
) -> Result<(StatusCode, Json<IssuedSigningSecret>), ApiError> {
    let secret = app.bots.sign_requests(&permit.access, permit.bot.id).await?;
    let secret = secret.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(IssuedSigningSecret { secret })))
}

/// Take requests of a bot without signatures again
#[utoipa::path(delete, path = "/bots/{id}/signing-secret", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn stop_signing(State(app): State<App>, permit: BotPermit<ManageBots>) -> Result<StatusCode, ApiError> {
    app.bots.stop_signing(&permit.access, permit.bot.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
