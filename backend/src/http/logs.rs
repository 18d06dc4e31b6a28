//! `/logs`: the audit log, and `/logs/queries`: what was asked.

use axum::extract::State;
use chrono::{DateTime, Datelike as _, Utc};
use nexus_api::{AuditEntry, ErrorEnvelope, LoggedQuery, Page, Verdict};
use nexus_domain::{Action, AnswerId, AuditId, BotId, KbId, Timestamp, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{Permit, ReadLogs};
use super::wire::access as wire;
use super::wire::answers::logged_query;
use crate::service::{AuditFilter, QueryFilter};
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(queries))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Id of the person, bot or key that acted.
    actor_id: Option<Uuid>,
    /// Id of what was acted upon.
    target_id: Option<String>,
    /// Id of the knowledge base in which it happened.
    knowledge_base_id: Option<Uuid>,
    /// Such as `user.update`.
    action: Option<String>,
    /// From this instant on.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    until: Option<DateTime<Utc>>,
}

/// Who changed what, newest first
#[utoipa::path(get, path = "/logs", tag = "logs", params(Filter, PageQuery),
    responses((status = 200, body = Page<AuditEntry>)))]
async fn list(
    State(app): State<App>,
    permit: Permit<ReadLogs>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let limit = query.limit()?;
    let action = filter.action.map(|action| action.parse::<Action>()).transpose();
    let filter = AuditFilter {
        actor_id: filter.actor_id,
        target_id: filter.target_id,
        kb_id: filter.knowledge_base_id.map(KbId::from_uuid),
        action: action.map_err(|error| ApiError::invalid("action", error.to_string()))?,
        from: instant("from", filter.from)?,
        until: instant("until", filter.until)?,
    };
    let before: Option<AuditId> = query.after()?;
    let found = app.audit.list(&permit.access, &filter, before, limit + 1).await?;
    Ok(Json(page(found, limit, |entry| entry.id, wire::audit_entry)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct QueriesFilter {
    /// Id of a knowledge base that was asked.
    knowledge_base_id: Option<Uuid>,
    /// Id of the bot that was asked through, or that asked.
    bot_id: Option<Uuid>,
    /// Id of the person who asked.
    user_id: Option<Uuid>,
    /// Whether the knowledge bases held anything on it.
    found: Option<bool>,
    /// What the asker thinks of the answer.
    #[param(inline)]
    verdict: Option<Verdict>,
    /// From this instant on.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    until: Option<DateTime<Utc>>,
    /// `question`: the texts of the questions, too, where the settings allow it.
    include: Option<String>,
}

/// What was asked, and what came of it, newest first
///
/// Without the texts of questions, unless they are asked for (`include=question`) and `NEXUS_LOGS_QUESTIONS` is on.
#[utoipa::path(get, path = "/logs/queries", tag = "logs", params(QueriesFilter, PageQuery),
    responses((status = 200, body = Page<LoggedQuery>), (status = 422, body = ErrorEnvelope)))]
async fn queries(
    State(app): State<App>,
    permit: Permit<ReadLogs>,
    Query(filter): Query<QueriesFilter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<LoggedQuery>>, ApiError> {
    let limit = query.limit()?;
    let with_questions = match filter.include.as_deref() {
        None | Some("") => false,
        Some("question") => true,
        Some(_) => return Err(ApiError::invalid("include", "include takes only question")),
    };
    let filter = QueryFilter {
        kb: filter.knowledge_base_id.map(KbId::from_uuid),
        bot: filter.bot_id.map(BotId::from_uuid),
        user: filter.user_id.map(UserId::from_uuid),
        found: filter.found,
        verdict: filter.verdict.map(|verdict| match verdict {
            Verdict::Good => nexus_domain::Verdict::Good,
            Verdict::Bad => nexus_domain::Verdict::Bad,
        }),
        from: instant("from", filter.from)?,
        until: instant("until", filter.until)?,
    };
    let before: Option<AnswerId> = query.after()?;
    let found = app
        .answers
        .log(&permit.access, &filter, with_questions, before, limit + 1)
        .await?;
    let Page { items, next_cursor } = page(
        found,
        limit,
        |logged| logged.answer.id,
        |logged| logged_query(logged, with_questions),
    );
    let items = items.into_iter().collect::<Result<_, _>>()?;
    Ok(Json(Page { items, next_cursor }))
}

/// An instant that every database can tell from others.
pub(super) fn instant(field: &str, at: Option<DateTime<Utc>>) -> Result<Option<Timestamp>, ApiError> {
    match at {
        Some(at) if !(1..=9_999).contains(&at.year()) => Err(ApiError::invalid(
            field,
            format!("{field} takes the years 1 to 9999"),
        )),
        at => Ok(at.map(Timestamp::from)),
    }
}
