//! `/bots/{code}/lease` and `/bots/{code}/updates`: what the process that serves a bot tells.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use nexus_api::limits::{MAX_FILE_NAME_CHARS, MAX_MESSAGE_CHARS, MAX_UPDATES};
use nexus_api::{BotLease, ErrorEnvelope, TakeBotLease, Update, UpdateEvent, Updates, UpdatesStored};
use nexus_domain::ProcessId;
use nexus_domain::telegram::MAX_TELEGRAM_CHAT_ID;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::path_ids::Second;
use super::permit::OwnBot;
use super::wire::chats as wire;
use crate::state::App;

/// Largest batch, in bytes: as many updates as it may hold, each with the longest text.
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Largest number of an update (32 bits, unsigned).
const MAX_UPDATE_ID: i64 = u32::MAX as i64;
const MAX_LEASE_SECONDS: u32 = 300;
const MAX_COMMAND_CHARS: usize = 64;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(take_lease))
        .routes(routes!(give_back_lease))
}

/// Routes with a larger body.
pub fn batch_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(store))
        .layer(DefaultBodyLimit::max(MAX_BATCH_BYTES))
}

/// Serve a bot
///
/// One process at a time serves a bot: it passes updates on and sends what is due. Others get 409 until its lease ends.
#[utoipa::path(post, path = "/bots/{code}/lease", tag = "chats", params(("code" = String, Path)),
    request_body = TakeBotLease,
    responses((status = 200, body = BotLease), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn take_lease(
    State(app): State<App>,
    own: OwnBot,
    Json(body): Json<TakeBotLease>,
) -> Result<Json<BotLease>, ApiError> {
    if !(1..=MAX_LEASE_SECONDS).contains(&body.seconds) {
        let reason = format!("seconds takes 1 to {MAX_LEASE_SECONDS}");
        return Err(ApiError::invalid("seconds", reason));
    }
    let lasts = Duration::from_secs(body.seconds.into());
    let holder = ProcessId::from_uuid(body.holder);
    app.inbox.take_lease(&own.bot, holder, lasts).await?;
    Ok(Json(BotLease {
        holder: body.holder,
        expires_in_seconds: body.seconds,
    }))
}

/// Serve a bot no longer
///
/// Another process may begin at once.
#[utoipa::path(delete, path = "/bots/{code}/lease/{holder}", tag = "chats",
    params(("code" = String, Path), ("holder" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn give_back_lease(
    State(app): State<App>,
    own: OwnBot,
    Second(holder): Second<ProcessId>,
) -> Result<StatusCode, ApiError> {
    app.inbox.give_back_lease(&own.bot, holder).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pass on what Telegram has told
///
/// The batch is on disk when the answer comes. Each update counts once, so a batch may be sent again. What is asked is
/// answered through the outbox.
#[utoipa::path(post, path = "/bots/{code}/updates", tag = "chats", params(("code" = String, Path)),
    request_body = Updates,
    responses((status = 202, body = UpdatesStored), (status = 404, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn store(
    State(app): State<App>,
    own: OwnBot,
    Json(body): Json<Updates>,
) -> Result<(StatusCode, Json<UpdatesStored>), ApiError> {
    if !(1..=MAX_UPDATES).contains(&body.updates.len()) {
        let reason = format!("a batch holds 1 to {MAX_UPDATES} updates");
        return Err(ApiError::invalid("updates", reason));
    }
    let mut updates = Vec::with_capacity(body.updates.len());
    for update in body.updates {
        check(&update)?;
        updates.push(wire::new_update(update)?);
    }
    let stored = app.inbox.store(&own.bot, updates).await?;
    let stored = UpdatesStored {
        stored: stored.new,
        known: stored.known,
    };
    Ok((StatusCode::ACCEPTED, Json(stored)))
}

fn check(update: &Update) -> Result<(), ApiError> {
    let is_id = |id: i64| id != 0 && (-MAX_TELEGRAM_CHAT_ID..=MAX_TELEGRAM_CHAT_ID).contains(&id);
    if !(0..=MAX_UPDATE_ID).contains(&update.update_id) {
        return Err(ApiError::invalid("update_id", "this is no number of an update"));
    }
    if !is_id(update.chat.id) {
        return Err(ApiError::invalid("chat.id", "this is no chat's id at Telegram"));
    }
    fits(
        "chat.title",
        update.chat.title.as_deref().unwrap_or_default(),
        MAX_FILE_NAME_CHARS,
    )?;
    match &update.event {
        UpdateEvent::Text { text } | UpdateEvent::Edit { text } => fits("text", text, MAX_MESSAGE_CHARS),
        UpdateEvent::Command { name, argument } => {
            fits("name", name, MAX_COMMAND_CHARS)?;
            fits("argument", argument, MAX_MESSAGE_CHARS)
        }
        UpdateEvent::Button { token } => fits("token", token, MAX_COMMAND_CHARS),
        UpdateEvent::File {
            file_id,
            file_unique_id,
            file_name,
            ..
        } => {
            for (field, text) in [
                ("file_id", file_id),
                ("file_unique_id", file_unique_id),
                ("file_name", file_name),
            ] {
                fits(field, text, MAX_FILE_NAME_CHARS)?;
                if text.is_empty() || text.chars().any(char::is_control) {
                    let reason = format!("{field} takes at least one character, none of them control");
                    return Err(ApiError::invalid(field, reason));
                }
            }
            Ok(())
        }
        UpdateEvent::Migrated { to } if !is_id(*to) => {
            Err(ApiError::invalid("to", "this is no chat's id at Telegram"))
        }
        UpdateEvent::Unsupported { .. }
        | UpdateEvent::Left
        | UpdateEvent::Joined
        | UpdateEvent::Migrated { .. } => Ok(()),
    }
}

fn fits(field: &str, text: &str, most: usize) -> Result<(), ApiError> {
    if text.chars().count() > most {
        let reason = format!("{field} takes at most {most} characters");
        return Err(ApiError::invalid(field, reason));
    }
    Ok(())
}
