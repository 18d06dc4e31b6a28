//! `POST /ai/query`: an answer of the chat model itself, without any knowledge base.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use nexus_api::{AiAnswer, AiQueryRequest, AnswerDelta, ErrorEnvelope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer_events::{self, Watch};
use super::error::ApiError;
use super::extract::Json;
use super::permit::{Ask, Permit};
use super::rag::{checked_history, checked_text};
use super::request_id::RequestId;
use super::wire;
use crate::state::App;

/// Routes that wait for a chat model, and so have a time-out of their own.
pub fn answering_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(query))
}

/// The answer of the chat model, without sources
///
/// No knowledge base is asked, nothing is cited and nothing of the answer is checked: it is what the model says. It counts
/// against the same limits as other questions and is not kept. With `Accept: text/event-stream` it comes as server-sent
/// events: `delta` (an `AnswerDelta`) while it is written, and last `done` (the whole `AiAnswer`, which is what counts) or
/// `error` (an `ErrorEnvelope`). Where no chat model is set up, the code is `no_chat_model`; where it fails, `unavailable`.
#[utoipa::path(post, path = "/ai/query", tag = "questions", request_body = AiQueryRequest,
    responses((status = 200, content((AiAnswer = "application/json"), (AnswerDelta = "text/event-stream"))),
        (status = 409, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope),
        (status = 503, body = ErrorEnvelope)))]
async fn query(
    State(app): State<App>,
    permit: Permit<Ask>,
    request_id: RequestId,
    headers: HeaderMap,
    Json(body): Json<AiQueryRequest>,
) -> Result<Response, ApiError> {
    let question = checked_text("question", body.question)?;
    let history = wire::conversations::turns(checked_history(&body.history)?);
    let asking = &app.free_questions;
    if answer_events::are_wanted(&headers) {
        let answer = asking.stream(&permit.access, question, history).await?;
        let watch = Watch {
            door: app.door.clone(),
            access: permit.access,
            asked: Vec::new(),
        };
        return Ok(answer_events::respond(answer, request_id, watch));
    }
    let answer = asking.answer(&permit.access, question, history).await?;
    Ok(Json(wire::ai_answer(answer)).into_response())
}
