//! `/sources`: all sources that a caller sees, how fresh they are, and how many answers rest on them.

use axum::extract::State;
use nexus_api::{ErrorEnvelope, Freshness, Page, SourceKind, SourceReport};
use nexus_domain::{KbId, SourceId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{Permit, Read};
use super::wire::sources as wire;
use crate::service::WantedSources;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Id of a knowledge base.
    knowledge_base_id: Option<Uuid>,
    #[param(inline)]
    kind: Option<SourceKind>,
    #[param(inline)]
    state: Option<Freshness>,
    /// Only those that are not fresh.
    #[serde(default)]
    stale: bool,
}

/// All sources, with what became of them
///
/// Of the knowledge bases that the caller sees, in the order of their making. Hits and refusals count the answers that are
/// kept.
#[utoipa::path(get, path = "/sources", tag = "documents", params(Filter, PageQuery),
    responses((status = 200, body = Page<SourceReport>), (status = 422, body = ErrorEnvelope)))]
async fn list(
    State(app): State<App>,
    permit: Permit<Read>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<SourceReport>>, ApiError> {
    let limit = query.limit()?;
    let wanted = WantedSources {
        kb: filter.knowledge_base_id.map(KbId::from_uuid),
        kind: filter.kind.map(wire::kind_from),
        freshness: filter.state.map(wire::freshness_from),
        stale_only: filter.stale,
    };
    let after: Option<SourceId> = query.after()?;
    let found = app
        .source_reports
        .list(&permit.access, wanted, after, limit + 1)
        .await?;
    Ok(Json(page(
        found,
        limit,
        |reported| reported.report.source.id,
        wire::report,
    )))
}
