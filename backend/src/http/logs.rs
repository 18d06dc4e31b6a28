//! `/logs`: the audit log.

use axum::extract::State;
use chrono::{DateTime, Datelike as _, Utc};
use nexus_api::{AuditEntry, Page};
use nexus_domain::{Action, AuditId, KbId, Timestamp};
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
use crate::app::App;
use crate::service::AuditFilter;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
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

/// An instant that every database can tell from others.
fn instant(field: &str, at: Option<DateTime<Utc>>) -> Result<Option<Timestamp>, ApiError> {
    match at {
        Some(at) if !(1..=9_999).contains(&at.year()) => Err(ApiError::invalid(
            field,
            format!("{field} takes the years 1 to 9999"),
        )),
        at => Ok(at.map(Timestamp::from)),
    }
}
