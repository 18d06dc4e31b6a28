//! `/users` and `/subscriptions`.

use axum::extract::State;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use nexus_api::{
    ErrorCode, ErrorEnvelope, Page, Role, Subscription, UpdateUser, User, UserBots, UserFromTelegram,
    UserSubscription,
};
use nexus_domain::subscription::Part;
use nexus_domain::{Person, TelegramId, UserId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::{Introducer, named_person};
use super::error::ApiError;
use super::extract::{Json, MergePatch, Query};
use super::pages::{PageQuery, page};
use super::permit::{ManageUsers, Permit, SubscriptionPermit, UserPermit};
use super::wire::access as wire;
use crate::service::{Refusal, ServiceError, UserChange, UserFilter};
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(from_telegram))
        .routes(routes!(list))
        .routes(routes!(get, update))
        .routes(routes!(bots))
        .routes(routes!(subscription))
        .routes(routes!(patch_settings))
        .routes(routes!(patch_state))
}

/// Introduce a person who uses a bot
///
/// Makes or refreshes the person and their subscription to the bot, in one transaction; a bot calls it with the first
/// message of a person and whenever their names may have changed. A bot introduces people to itself alone.
#[utoipa::path(post, path = "/users/from-telegram", tag = "users", request_body = UserFromTelegram,
    params(("X-Telegram-User-Id" = Option<i64>, Header, description = "The same person, where it is sent")),
    responses((status = 200, body = UserSubscription), (status = 404, body = ErrorEnvelope)))]
async fn from_telegram(
    State(app): State<App>,
    Introducer(access): Introducer,
    headers: HeaderMap,
    Json(body): Json<UserFromTelegram>,
) -> Result<Json<UserSubscription>, ApiError> {
    let telegram_id = TelegramId::new(body.telegram_id);
    let telegram_id =
        telegram_id.ok_or_else(|| ApiError::invalid("telegram_id", "this is no person's id"))?;
    if named_person(&headers)?.is_some_and(|named| named != telegram_id) {
        return Err(Refusal::ConflictingIdentity.into());
    }
    let person = Person {
        telegram_id,
        username: body.username,
        first_name: body.first_name,
        last_name: body.last_name,
        language_code: body.language_code,
    };
    let introduced = app.people.introduce(&access, &body.bot, person).await?;
    Ok(Json(wire::introduced(introduced)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    role: Option<Role>,
    blocked: Option<bool>,
    /// Exact, without `@`.
    username: Option<String>,
    telegram_id: Option<i64>,
}

/// People, newest first
#[utoipa::path(get, path = "/users", tag = "users", params(Filter, PageQuery),
    responses((status = 200, body = Page<User>)))]
async fn list(
    State(app): State<App>,
    _: Permit<ManageUsers>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<User>>, ApiError> {
    let limit = query.limit()?;
    let telegram_id = match filter.telegram_id.map(TelegramId::new) {
        Some(None) => {
            return Ok(Json(Page {
                items: Vec::new(),
                next_cursor: None,
            }));
        }
        id => id.flatten(),
    };
    let filter = UserFilter {
        role: filter.role.map(wire::role_from),
        blocked: filter.blocked,
        username: filter.username,
        telegram_id,
    };
    let before: Option<UserId> = query.after()?;
    let found = app.people.list(&filter, before, limit + 1).await?;
    Ok(Json(page(found, limit, |user| user.id, wire::user)))
}

/// One person
///
/// Admins see everybody, a person sees themselves, a bot sees who uses it.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = User), (status = 404, body = ErrorEnvelope)))]
async fn get(permit: UserPermit) -> Json<User> {
    Json(wire::user(permit.user))
}

/// Change a person's role, block them, set their limits
///
/// Holds from the next request on, in every process. One admin who is not blocked always remains.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateUser,
    responses((status = 200, body = User), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: UserPermit,
    Json(body): Json<UpdateUser>,
) -> Result<Json<User>, ApiError> {
    let change = UserChange {
        role: body.role.map(wire::role_from),
        blocked: body.blocked,
        quotas: body.quotas.map(wire::quotas_from),
    };
    let user = app.people.update(&permit.access, permit.user.id, change).await?;
    Ok(Json(wire::user(user)))
}

/// The bots that a person uses, with settings and state
///
/// A bot sees its own entry alone, and so does a person through it.
#[utoipa::path(get, path = "/users/{id}/bots", tag = "users", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = UserBots), (status = 404, body = ErrorEnvelope)))]
async fn bots(State(app): State<App>, permit: UserPermit) -> Result<Json<UserBots>, ApiError> {
    let found = app.people.bots(&permit.access, &permit.user).await?;
    let items = found.into_iter().map(wire::user_bot).collect();
    Ok(Json(UserBots { items }))
}

/// A person's use of a bot
#[utoipa::path(get, path = "/subscriptions/{id}", tag = "users", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Subscription), (status = 404, body = ErrorEnvelope)))]
async fn subscription(permit: SubscriptionPermit) -> Json<Subscription> {
    Json(wire::subscription(permit.subscription))
}

/// Change the settings of a subscription
///
/// A JSON merge patch (RFC 7396) to the version that `If-Match` names.
#[utoipa::path(patch, path = "/subscriptions/{id}/settings", tag = "users",
    params(("id" = uuid::Uuid, Path), ("If-Match" = String, Header, description = "`settings_version` in quotes, such as `\"3\"`")),
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json"),
    responses((status = 200, body = Subscription), (status = 404, body = ErrorEnvelope),
        (status = 412, body = ErrorEnvelope), (status = 428, body = ErrorEnvelope)))]
async fn patch_settings(
    app: State<App>,
    permit: SubscriptionPermit,
    headers: HeaderMap,
    patch: MergePatch,
) -> Result<Response, ApiError> {
    apply(app, permit, &headers, patch.0, Part::Settings).await
}

/// Change the state of a subscription
///
/// As for settings; `If-Match` names `state_version`.
#[utoipa::path(patch, path = "/subscriptions/{id}/state", tag = "users",
    params(("id" = uuid::Uuid, Path), ("If-Match" = String, Header, description = "`state_version` in quotes, such as `\"3\"`")),
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json"),
    responses((status = 200, body = Subscription), (status = 404, body = ErrorEnvelope),
        (status = 412, body = ErrorEnvelope), (status = 428, body = ErrorEnvelope)))]
async fn patch_state(
    app: State<App>,
    permit: SubscriptionPermit,
    headers: HeaderMap,
    patch: MergePatch,
) -> Result<Response, ApiError> {
    apply(app, permit, &headers, patch.0, Part::State).await
}

async fn apply(
    State(app): State<App>,
    permit: SubscriptionPermit,
    headers: &HeaderMap,
    patch: Value,
    part: Part,
) -> Result<Response, ApiError> {
    let version = expected_version(headers)?;
    let changed = app
        .people
        .patch(&permit.access, &permit.subscription, part, &patch, version)
        .await?;
    let version = match part {
        Part::Settings => changed.settings_version,
        Part::State => changed.state_version,
    };
    let mut response = Json(wire::subscription(changed)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// The version that `If-Match` names. A tag that is none of ours fits nothing.
fn expected_version(headers: &HeaderMap) -> Result<i64, ApiError> {
    let tag = headers.get(IF_MATCH).ok_or_else(|| {
        ApiError::new(
            ErrorCode::PreconditionRequired,
            "say in If-Match which version the change is made to, such as \"3\"",
        )
    })?;
    let quoted = tag.to_str().ok().map(str::trim);
    let quoted = quoted.filter(|tag| tag.len() > 1 && tag.ends_with('"') || *tag == "*");
    let malformed = "If-Match takes a version in quotes, such as \"3\"";
    let quoted = quoted.ok_or_else(|| ApiError::new(ErrorCode::InvalidRequest, malformed))?;
    // Other tags are none of ours, and fit nothing.
    let version = quoted
        .strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"')?.parse().ok());
    version.ok_or_else(|| ServiceError::PreconditionFailed.into())
}
