//! `/knowledge-bases/{id}/gaps`: what a knowledge base was asked and could not answer.

use axum::extract::State;
use nexus_api::{ErrorEnvelope, KbGap, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{KbPermit, ReadLogs};
use super::wire::answers::kb_gap;
use crate::service::Gap;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `question`: an example of each gap, too, where the settings allow it.
    include: Option<String>,
}

/// What a knowledge base was asked and could not answer
///
/// Refused questions, however they were asked, put together by the words that they share; the most asked for first. Of the
/// latest 2,000 refusals that are kept. Without texts, unless they are asked for (`include=question`) and `NEXUS_LOGS_QUESTIONS`
/// is on.
#[utoipa::path(get, path = "/knowledge-bases/{id}/gaps", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path), Filter, PageQuery),
    responses((status = 200, body = Page<KbGap>), (status = 404, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope)))]
async fn list(
    State(app): State<App>,
    permit: KbPermit<ReadLogs>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<KbGap>>, ApiError> {
    let limit = query.limit()?;
    let with_questions = match filter.include.as_deref() {
        None | Some("") => false,
        Some("question") => true,
        Some(_) => return Err(ApiError::invalid("include", "include takes only question")),
    };
    let found = app
        .gaps
        .of(
            &permit.access,
            &permit.kb,
            with_questions,
            query.after()?,
            limit + 1,
        )
        .await?;
    Ok(Json(page(found, limit, Gap::key, |gap| {
        kb_gap(gap, with_questions)
    })))
}
