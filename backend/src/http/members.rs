//! `/knowledge-bases/{id}/members` and `/bots`: who may use a knowledge base.

use axum::extract::State;
use axum::http::StatusCode;
use nexus_api::{ErrorEnvelope, KbBot, KbBots, Member, Page, SetMember};
use nexus_domain::{BotId, UserId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::path_ids::Second;
use super::permit::{KbPermit, Own};
use super::wire::access as wire;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(set, remove))
        .routes(routes!(bots))
        .routes(routes!(add_bot, remove_bot))
}

/// Members of a knowledge base
#[utoipa::path(get, path = "/knowledge-bases/{id}/members", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, body = Page<Member>), (status = 404, body = ErrorEnvelope)))]
async fn list(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Member>>, ApiError> {
    let limit = query.limit()?;
    let after: Option<UserId> = query.after()?;
    let found = app.sharing.members(&permit.kb, after, limit + 1).await?;
    Ok(Json(page(found, limit, |row| row.user.id, wire::member)))
}

/// Make a person a member, or change what they may do
#[utoipa::path(put, path = "/knowledge-bases/{id}/members/{user_id}", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path), ("user_id" = uuid::Uuid, Path)), request_body = SetMember,
    responses((status = 200, body = Member), (status = 404, body = ErrorEnvelope)))]
async fn set(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Second(user): Second<UserId>,
    Json(body): Json<SetMember>,
) -> Result<Json<Member>, ApiError> {
    let role = wire::kb_role_from(body.role);
    let member = app
        .sharing
        .set_member(&permit.access, &permit.kb, user, role)
        .await?;
    Ok(Json(wire::member(member)))
}

/// Remove a member
#[utoipa::path(delete, path = "/knowledge-bases/{id}/members/{user_id}", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path), ("user_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn remove(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Second(user): Second<UserId>,
) -> Result<StatusCode, ApiError> {
    app.sharing
        .remove_member(&permit.access, &permit.kb, user)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bots that a knowledge base is opened to
#[utoipa::path(get, path = "/knowledge-bases/{id}/bots", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = KbBots), (status = 404, body = ErrorEnvelope)))]
async fn bots(State(app): State<App>, permit: KbPermit<Own>) -> Result<Json<KbBots>, ApiError> {
    let found = app.sharing.bots(&permit.kb).await?;
    let items = found.into_iter().map(wire::kb_bot).collect();
    Ok(Json(KbBots { items }))
}

/// Open a knowledge base to everybody who uses a bot
#[utoipa::path(put, path = "/knowledge-bases/{id}/bots/{bot_id}", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path), ("bot_id" = uuid::Uuid, Path)),
    responses((status = 200, body = KbBot), (status = 404, body = ErrorEnvelope)))]
async fn add_bot(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Second(bot): Second<BotId>,
) -> Result<Json<KbBot>, ApiError> {
    let bot = app.sharing.add_bot(&permit.access, &permit.kb, bot).await?;
    Ok(Json(wire::kb_bot(bot)))
}

/// Close a knowledge base to the people of a bot
#[utoipa::path(delete, path = "/knowledge-bases/{id}/bots/{bot_id}", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path), ("bot_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn remove_bot(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Second(bot): Second<BotId>,
) -> Result<StatusCode, ApiError> {
    app.sharing.remove_bot(&permit.access, &permit.kb, bot).await?;
    Ok(StatusCode::NO_CONTENT)
}
