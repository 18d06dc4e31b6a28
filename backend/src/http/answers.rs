//! `/answers`: answers that were given, what they were made from, and what is thought of them.

use axum::extract::State;
use axum::http::StatusCode;
use nexus_api::{ErrorEnvelope, KeptAnswer, MessageFeedback};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::permit::AnswerPermit;
use super::wire::{answers as wire, chats};
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(replay)).routes(routes!(rate))
}

/// An answer as it was given, with what it was made from
///
/// For whoever asked and for those who manage people, as long as they see the knowledge bases whose text it holds. However
/// the knowledge bases have changed since, it stays what it was; only text that was deleted on purpose is gone.
#[utoipa::path(get, path = "/answers/{id}", tag = "questions", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = KeptAnswer), (status = 404, body = ErrorEnvelope)))]
async fn replay(permit: AnswerPermit) -> Result<Json<KeptAnswer>, ApiError> {
    Ok(Json(wire::kept_answer(permit.replay)?))
}

/// Say what one thinks of an answer
///
/// By whoever asked; a later word takes the place of an earlier one.
#[utoipa::path(post, path = "/answers/{id}/feedback", tag = "questions", params(("id" = uuid::Uuid, Path)),
    request_body = MessageFeedback, responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn rate(
    State(app): State<App>,
    permit: AnswerPermit,
    Json(body): Json<MessageFeedback>,
) -> Result<StatusCode, ApiError> {
    let feedback = chats::feedback(body)?;
    app.answers.rate(&permit.access, &permit.replay, feedback).await?;
    Ok(StatusCode::NO_CONTENT)
}
