//! What people, bots and knowledge bases have used today of their daily limits.

use axum::extract::State;
use nexus_api::{ErrorEnvelope, Usage};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::permit::{BotPermit, KbPermit, Read, ReadBot, UserPermit};
use super::wire::access as wire;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(of_user))
        .routes(routes!(of_bot))
        .routes(routes!(of_knowledge_base))
}

/// What a person has used today
///
/// Of their own limits, and where there are none of those that the calling bot sets for its people. Days are those of the
/// bot's time zone; of UTC where no bot calls.
#[utoipa::path(get, path = "/users/{id}/usage", tag = "users", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Usage), (status = 404, body = ErrorEnvelope)))]
async fn of_user(State(app): State<App>, permit: UserPermit) -> Result<Json<Usage>, ApiError> {
    let bot = app.bots.calling(&permit.access).await?;
    let used = app.usage.of_person(&permit.user, bot.as_ref()).await?;
    Ok(Json(wire::usage(used)))
}

/// What all people of a bot together have used today
#[utoipa::path(get, path = "/bots/{id}/usage", tag = "bots", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Usage), (status = 404, body = ErrorEnvelope)))]
async fn of_bot(State(app): State<App>, permit: BotPermit<ReadBot>) -> Result<Json<Usage>, ApiError> {
    Ok(Json(wire::usage(app.usage.of_bot(&permit.bot).await?)))
}

/// What a knowledge base was used today
#[utoipa::path(get, path = "/knowledge-bases/{id}/usage", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Usage), (status = 404, body = ErrorEnvelope)))]
async fn of_knowledge_base(State(app): State<App>, permit: KbPermit<Read>) -> Result<Json<Usage>, ApiError> {
    let bot = app.bots.calling(&permit.access).await?;
    Ok(Json(wire::usage(
        app.usage.of_kb(&permit.kb, bot.as_ref()).await?,
    )))
}
