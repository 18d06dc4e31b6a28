//! `POST /rag/search` (passages) and `POST /rag/query` (an answer with citations, whole or as it is written).

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use nexus_api::limits::{MAX_HISTORY, MAX_KNOWLEDGE_BASES, MAX_PASSAGES, MAX_QUERY_CHARS};
use nexus_api::{
    Answer, AnswerDelta, EarlierQuestion, ErrorEnvelope, QueryRequest, SearchRequest, SearchResponse,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer_events::{self, Watch};
use super::error::ApiError;
use super::extract::Json;
use super::permit::{Ask, Permit};
use super::request_id::RequestId;
use super::wire;
use crate::service::SearchInput;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Routes that may wait for a chat model, and so have a time-out of their own.
pub fn answering_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(query))
}

/// Passages that fit a query
#[utoipa::path(post, path = "/rag/search", tag = "questions", request_body = SearchRequest,
    responses((status = 200, body = SearchResponse), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope)))]
async fn search(
    State(app): State<App>,
    permit: Permit<Ask>,
    Json(body): Json<SearchRequest>,
) -> Result<Json<SearchResponse>, ApiError> {
    if !(1..=MAX_PASSAGES).contains(&body.limit) {
        return Err(ApiError::invalid(
            "limit",
            format!("limit takes 1 to {MAX_PASSAGES}"),
        ));
    }
    let input = SearchInput {
        text: checked_text("query", body.query)?,
        history: Vec::new(),
        knowledge_bases: checked_names(body.knowledge_bases)?,
        mode: wire::retrieval_mode(body.mode),
        limit: body.limit as usize,
        distinct_documents: body.distinct_documents,
    };
    let found = app.questions.search(&permit.access, input).await?;
    Ok(Json(wire::search_response(found)))
}

/// The answer to a question
///
/// A chat model writes it from the passages; without one, or where it fails, the answer is extractive: the best
/// passages, quoted exactly. `generation` says which. With `Accept: text/event-stream` the answer comes as server-sent
/// events: `retrieval` (a `SearchResponse`: what was found) first, then `delta` (an `AnswerDelta`) while it is written,
/// and last `done` (the whole `Answer`, which is what counts and may differ from the deltas) or `error` (an
/// `ErrorEnvelope`).
#[utoipa::path(post, path = "/rag/query", tag = "questions", request_body = QueryRequest,
    responses((status = 200, content((Answer = "application/json"), (AnswerDelta = "text/event-stream"))),
        (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn query(
    State(app): State<App>,
    permit: Permit<Ask>,
    request_id: RequestId,
    headers: HeaderMap,
    Json(body): Json<QueryRequest>,
) -> Result<Response, ApiError> {
    let input = SearchInput {
        text: checked_text("question", body.question)?,
        history: wire::conversations::turns(checked_history(&body.history)?),
        knowledge_bases: checked_names(body.knowledge_bases)?,
        mode: wire::retrieval_mode(body.mode),
        limit: nexus_api::limits::DEFAULT_PASSAGES as usize,
        distinct_documents: false,
    };
    if answer_events::are_wanted(&headers) {
        let (answer, asked) = app.questions.stream(&permit.access, input).await?;
        let watch = Watch {
            door: app.door.clone(),
            access: permit.access,
            asked,
        };
        return Ok(answer_events::respond(answer, request_id, watch));
    }
    let answer = app.questions.answer(&permit.access, input).await?;
    Ok(Json(wire::answer(answer)).into_response())
}

pub(super) fn checked_text(field: &str, text: String) -> Result<String, ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::invalid(field, format!("{field} is empty")));
    }
    if text.chars().count() > MAX_QUERY_CHARS {
        return Err(ApiError::invalid(
            field,
            format!("{field} takes at most {MAX_QUERY_CHARS} characters"),
        ));
    }
    Ok(text)
}

pub(super) fn checked_history(history: &[EarlierQuestion]) -> Result<&[EarlierQuestion], ApiError> {
    let invalid = |reason: String| Err(ApiError::invalid("history", reason));
    if history.len() > MAX_HISTORY {
        return invalid(format!(
            "history takes at most {MAX_HISTORY} questions: the last ones"
        ));
    }
    for (n, turn) in history.iter().enumerate() {
        if turn.question.trim().is_empty() {
            return invalid(format!("history[{n}].question is empty"));
        }
        if turn.question.chars().count() > MAX_QUERY_CHARS {
            let reason = format!("history[{n}].question takes at most {MAX_QUERY_CHARS} characters");
            return invalid(reason);
        }
    }
    Ok(history)
}

fn checked_names(names: Vec<String>) -> Result<Vec<String>, ApiError> {
    if names.len() > MAX_KNOWLEDGE_BASES {
        let reason = format!("at most {MAX_KNOWLEDGE_BASES} knowledge bases can be asked at once");
        return Err(ApiError::invalid("knowledge_bases", reason));
    }
    Ok(names)
}
