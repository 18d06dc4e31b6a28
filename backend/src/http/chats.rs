//! `/chats`, `/messages` and `/notifications`: what is said in chats, what admins say there, and what people think of answers.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use nexus_api::limits::{MAX_MESSAGE_CHARS, MAX_NOTIFIED};
use nexus_api::{
    Chat, CreateNotifications, ErrorEnvelope, Message, MessageFeedback, MessagePreview, NotificationsQueued,
    Page, SendMessage,
};
use nexus_domain::{ChatId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{ChatPermit, ManageUsers, MessagePermit, Permit};
use super::wire::chats as wire;
use crate::service::ChatMessage;
use crate::state::App;

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Between two looks at what is being written; other processes may write it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(messages, send))
        .routes(routes!(notify))
        .routes(routes!(rate))
}

/// Routes that last as long as an answer is written.
pub fn streaming_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview))
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChatsFilter {
    /// Private chats of this person.
    user_id: Option<Uuid>,
    /// Chats of the bot of this code.
    bot: Option<String>,
}

/// Chats of bots, newest first
#[utoipa::path(get, path = "/chats", tag = "chats", params(ChatsFilter, PageQuery),
    responses((status = 200, body = Page<Chat>)))]
async fn list(
    State(app): State<App>,
    _: Permit<ManageUsers>,
    Query(filter): Query<ChatsFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Chat>>, ApiError> {
    let limit = query.limit()?;
    let before: Option<ChatId> = query.after()?;
    let user = filter.user_id.map(UserId::from_uuid);
    let found = app
        .chats
        .list(user, filter.bot.as_deref(), before, limit + 1)
        .await?;
    Ok(Json(page(found, limit, |chat| chat.id, wire::chat)))
}

/// What was said in a chat, newest first
#[utoipa::path(get, path = "/chats/{id}/messages", tag = "chats", params(("id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, body = Page<Message>), (status = 404, body = ErrorEnvelope)))]
async fn messages(
    State(app): State<App>,
    permit: ChatPermit,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Message>>, ApiError> {
    let limit = query.limit()?;
    let before: Option<Uuid> = query.after()?;
    let found = app.chats.messages(permit.chat.id, before, limit + 1).await?;
    let Page { items, next_cursor } = page(found, limit, ChatMessage::id, wire::message);
    let items = items.into_iter().collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor }))
}

/// Say something in a chat
///
/// The message goes out through the bot, before notices.
#[utoipa::path(post, path = "/chats/{id}/messages", tag = "chats", params(("id" = uuid::Uuid, Path)),
    request_body = SendMessage,
    responses((status = 202, body = Message), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn send(
    State(app): State<App>,
    permit: ChatPermit,
    Json(body): Json<SendMessage>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    let text = checked_text(body.text)?;
    let sent = app.chats.send(&permit.access, &permit.chat, text).await?;
    let message = wire::message(ChatMessage::Out(sent, None))?;
    Ok((StatusCode::ACCEPTED, Json(message)))
}

/// Notify people of a bot
///
/// Goes out after everything that people wait for. Left out are those who do not use the bot, have left it, are blocked, or
/// want no notices.
#[utoipa::path(post, path = "/notifications", tag = "chats", request_body = CreateNotifications,
    responses((status = 202, body = NotificationsQueued), (status = 404, body = ErrorEnvelope)))]
async fn notify(
    State(app): State<App>,
    permit: Permit<ManageUsers>,
    Json(body): Json<CreateNotifications>,
) -> Result<(StatusCode, Json<NotificationsQueued>), ApiError> {
    let text = checked_text(body.text)?;
    if !(1..=MAX_NOTIFIED).contains(&body.users.len()) {
        let reason = format!("users takes 1 to {MAX_NOTIFIED} ids");
        return Err(ApiError::invalid("users", reason));
    }
    let users: Vec<_> = body.users.into_iter().map(UserId::from_uuid).collect();
    let done = app.chats.notify(&permit.access, &body.bot, &users, &text).await?;
    let queued = NotificationsQueued {
        queued: done.queued,
        skipped: done.skipped,
    };
    Ok((StatusCode::ACCEPTED, Json(queued)))
}

/// Say what one thinks of an answer
///
/// By the person whom the answer is for; a later word takes the place of an earlier one.
#[utoipa::path(post, path = "/messages/{id}/feedback", tag = "chats", params(("id" = uuid::Uuid, Path)),
    request_body = MessageFeedback,
    responses((status = 204), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn rate(
    State(app): State<App>,
    permit: MessagePermit,
    Json(body): Json<MessageFeedback>,
) -> Result<StatusCode, ApiError> {
    let feedback = wire::feedback(body)?;
    app.chats.rate(&permit.access, &permit.delivery, feedback).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An answer while it is written
///
/// Server-sent events: `preview` (a `MessagePreview`: the text so far) whenever there is more, and `done` when nothing more
/// comes. The answer itself goes out through the outbox.
#[utoipa::path(get, path = "/messages/{id}/stream", tag = "chats", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = MessagePreview, content_type = "text/event-stream"),
        (status = 404, body = ErrorEnvelope)))]
async fn preview(
    State(app): State<App>,
    permit: MessagePermit,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(Some((app, permit, String::new())), async |state| {
        let (app, permit, shown) = state?;
        loop {
            let now = next_preview(&app, &permit).await;
            match now {
                Ok(Some(text)) if text == shown => tokio::time::sleep(LOOK_EVERY).await,
                Ok(Some(text)) => {
                    let data = MessagePreview {
                        text: text.clone(),
                        language: wire::language(permit.delivery.language),
                    };
                    return Some((named("preview", &data), Some((app, permit, text))));
                }
                Ok(None) => return Some((named("done", &serde_json::json!({})), None)),
                // Rights that were lost, or a database that is away: the answer comes by the outbox, or does not.
                Err(_) => return Some((named("done", &serde_json::json!({})), None)),
            }
        }
    });
    let events = futures::StreamExt::map(events, Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// What is written by now, if the caller may still see it.
async fn next_preview(
    app: &App,
    permit: &MessagePermit,
) -> Result<Option<String>, crate::service::ServiceError> {
    let access = app.door.again(&permit.access).await?;
    app.chats.delivery(&access, permit.delivery.id).await?;
    app.chats.preview(permit.delivery.id).await
}

fn named(name: &str, data: &impl serde::Serialize) -> Event {
    let event = Event::default().event(name).json_data(data);
    event.unwrap_or_else(|_| Event::default().comment("an event could not be written"))
}

fn checked_text(text: String) -> Result<String, ApiError> {
    let most = MAX_MESSAGE_CHARS;
    if text.trim().is_empty() || text.chars().count() > most {
        return Err(ApiError::invalid(
            "text",
            format!("text takes 1 to {most} characters"),
        ));
    }
    Ok(text)
}
