//! `/bots/{code}/outbox` and `/outbox/{id}`: what a bot is to send, and what became of it. Dead letters.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use nexus_api::limits::{MAX_DELIVERIES, MAX_JSON_BYTES, MAX_PARTS, MAX_WAIT_SECONDS, MAX_WORKING_ON};
use nexus_api::{
    DeadLetter, Deliveries, DeliveryFailed, DeliveryPlaced, DeliverySent, ErrorEnvelope, Page, TakeDeliveries,
};
use nexus_domain::telegram::MAX_TELEGRAM_CHAT_ID;
use nexus_domain::{BotId, DeliveryId, LeaseToken, ProcessId, TaskId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{DeliveryPermit, LetterPermit, ManageBots, OwnBot, Permit};
use super::wire::chats as wire;
use crate::service::Take;
use crate::state::App;

/// Longest error that a bot tells, in characters.
const MAX_ERROR_CHARS: usize = 1_000;
/// Longest wait that Telegram asks for and that is believed.
const MAX_RETRY_AFTER_SECONDS: u32 = 86_400;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(placed))
        .routes(routes!(sent))
        .routes(routes!(failed))
        .routes(routes!(retry))
        .routes(routes!(dead_letters))
}

/// Routes that wait for something to happen.
pub fn waiting_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(take))
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
}

/// Take what is to be sent
///
/// Hands out what is due to the process that holds the bot's lease, answers first, the messages of each chat in their order.
/// Waits for as long as asked if nothing is due.
#[utoipa::path(post, path = "/bots/{code}/outbox", tag = "chats", params(("code" = String, Path)),
    request_body = TakeDeliveries,
    responses((status = 200, body = Deliveries), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn take(
    State(app): State<App>,
    own: OwnBot,
    Json(body): Json<TakeDeliveries>,
) -> Result<Json<Deliveries>, ApiError> {
    if !(1..=MAX_DELIVERIES).contains(&body.limit) {
        return Err(ApiError::invalid(
            "limit",
            format!("limit takes 1 to {MAX_DELIVERIES}"),
        ));
    }
    if body.wait_seconds > MAX_WAIT_SECONDS {
        let reason = format!("wait_seconds takes at most {MAX_WAIT_SECONDS}");
        return Err(ApiError::invalid("wait_seconds", reason));
    }
    if body.working_on.len() > MAX_WORKING_ON {
        let reason = format!("a process works on at most {MAX_WORKING_ON} deliveries");
        return Err(ApiError::invalid("working_on", reason));
    }
    let take = Take {
        holder: ProcessId::from_uuid(body.holder),
        limit: body.limit as usize,
        wait: Duration::from_secs(body.wait_seconds.into()),
        working_on: body.working_on.into_iter().map(DeliveryId::from_uuid).collect(),
    };
    let handed = app.outbox.take(&own.access, &own.bot, &take).await?;
    let mut items = Vec::with_capacity(handed.len());
    for handed in handed {
        let id = handed.0.id;
        match wire::delivery(handed) {
            Ok(delivery) => items.push(delivery),
            Err(error) => {
                let why = error.cause.unwrap_or(error.message);
                app.outbox.give_up(id, why).await?;
            }
        }
    }
    Ok(Json(Deliveries { items }))
}

/// Tell that a placeholder, or a further part, stands in the chat
#[utoipa::path(post, path = "/outbox/{id}/placeholder", tag = "chats", params(("id" = uuid::Uuid, Path)),
    request_body = DeliveryPlaced,
    responses((status = 204), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn placed(
    State(app): State<App>,
    permit: DeliveryPermit,
    Json(body): Json<DeliveryPlaced>,
) -> Result<StatusCode, ApiError> {
    if !(1..=MAX_TELEGRAM_CHAT_ID).contains(&body.message_id) {
        return Err(ApiError::invalid(
            "message_id",
            "this is no message's id at Telegram",
        ));
    }
    let lease = LeaseToken::from_uuid(body.lease);
    app.outbox
        .placed(permit.delivery.id, lease, body.part as usize, body.message_id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell that a message stands in the chat as it should
#[utoipa::path(post, path = "/outbox/{id}/sent", tag = "chats", params(("id" = uuid::Uuid, Path)),
    request_body = DeliverySent,
    responses((status = 204), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn sent(
    State(app): State<App>,
    permit: DeliveryPermit,
    Json(body): Json<DeliverySent>,
) -> Result<StatusCode, ApiError> {
    if body.parts > MAX_PARTS {
        return Err(ApiError::invalid(
            "parts",
            format!("a message has at most {MAX_PARTS} parts"),
        ));
    }
    let lease = LeaseToken::from_uuid(body.lease);
    let task = body.task_id.map(TaskId::from_uuid);
    app.outbox
        .sent(permit.delivery.id, lease, body.parts as usize, task)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell that a message could not be sent
///
/// What may pass is tried again, later and later; what does not becomes a dead letter.
#[utoipa::path(post, path = "/outbox/{id}/failed", tag = "chats", params(("id" = uuid::Uuid, Path)),
    request_body = DeliveryFailed,
    responses((status = 204), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn failed(
    State(app): State<App>,
    permit: DeliveryPermit,
    Json(body): Json<DeliveryFailed>,
) -> Result<StatusCode, ApiError> {
    if body.message.chars().count() > MAX_ERROR_CHARS {
        let reason = format!("message takes at most {MAX_ERROR_CHARS} characters");
        return Err(ApiError::invalid("message", reason));
    }
    if body.retry_after_seconds > Some(MAX_RETRY_AFTER_SECONDS) {
        let reason = format!("retry_after_seconds takes at most {MAX_RETRY_AFTER_SECONDS}");
        return Err(ApiError::invalid("retry_after_seconds", reason));
    }
    let is_id = |id: i64| id != 0 && id.abs() <= MAX_TELEGRAM_CHAT_ID;
    if body.migrated_to.is_some_and(|to| !is_id(to)) {
        return Err(ApiError::invalid(
            "migrated_to",
            "this is no chat's id at Telegram",
        ));
    }
    let lease = LeaseToken::from_uuid(body.lease);
    app.outbox
        .failed(permit.delivery.id, lease, &wire::failure(body))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a dead letter again
#[utoipa::path(post, path = "/outbox/{id}/retry", tag = "chats", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn retry(State(app): State<App>, permit: LetterPermit) -> Result<StatusCode, ApiError> {
    app.outbox.retry(&permit.access, permit.delivery.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LetterFilter {
    /// Those of this bot.
    bot_id: Option<uuid::Uuid>,
}

/// Messages that could not be delivered, newest first
#[utoipa::path(get, path = "/dead-letters", tag = "chats", params(LetterFilter, PageQuery),
    responses((status = 200, body = Page<DeadLetter>)))]
async fn dead_letters(
    State(app): State<App>,
    _: Permit<ManageBots>,
    Query(filter): Query<LetterFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<DeadLetter>>, ApiError> {
    let limit = query.limit()?;
    let before: Option<DeliveryId> = query.after()?;
    let bot = filter.bot_id.map(BotId::from_uuid);
    let found = app.outbox.dead(bot, before, limit + 1).await?;
    Ok(Json(page(found, limit, |letter| letter.id, wire::dead_letter)))
}
