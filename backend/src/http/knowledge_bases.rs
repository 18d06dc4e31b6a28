//! `/knowledge-bases`.

use axum::extract::State;
use axum::http::StatusCode;
use nexus_api::{CreateKnowledgeBase, ErrorEnvelope, KnowledgeBase, Page, UpdateKnowledgeBase};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::idempotency::IdempotencyKey;
use super::pages::{PageQuery, page};
use super::permit::{Create, KbPermit, Own, Permit, Read};
use super::wire;
use super::wire::access::{quotas_from, visibility_from};
use crate::service::KbUpdate;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only the knowledge base of this name.
    name: Option<String>,
}

/// Knowledge bases by name
#[utoipa::path(get, path = "/knowledge-bases", tag = "knowledge bases", params(Filter, PageQuery),
    responses((status = 200, body = Page<KnowledgeBase>)))]
async fn list(
    State(app): State<App>,
    permit: Permit<Read>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<KnowledgeBase>>, ApiError> {
    let limit = query.limit()?;
    if let Some(name) = &filter.name {
        let found = app.knowledge_bases.find(&permit.access, name).await?;
        let items = found
            .into_iter()
            .map(|kb| wire::knowledge_base(kb, &permit.access))
            .collect();
        return Ok(Json(Page {
            items,
            next_cursor: None,
        }));
    }
    let found = app
        .knowledge_bases
        .list(&permit.access, query.after()?, limit + 1)
        .await?;
    Ok(Json(page(
        found,
        limit,
        |item| item.kb.name.clone(),
        |item| wire::knowledge_base(item, &permit.access),
    )))
}

/// Create a knowledge base
#[utoipa::path(post, path = "/knowledge-bases", tag = "knowledge bases", request_body = CreateKnowledgeBase,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 201, body = KnowledgeBase), (status = 409, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    permit: Permit<Create>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateKnowledgeBase>,
) -> Result<(StatusCode, Json<KnowledgeBase>), ApiError> {
    let made = app
        .knowledge_bases
        .create(
            &permit.access,
            &body.name,
            &body.description,
            visibility_from(body.visibility),
            key,
        )
        .await?;
    // Whoever made it owns it, as far as the way they came allows; the rights of this request were read before.
    let access = app.door.again(&permit.access).await?;
    Ok((StatusCode::CREATED, Json(wire::knowledge_base(made, &access))))
}

/// One knowledge base
#[utoipa::path(get, path = "/knowledge-bases/{id}", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = KnowledgeBase), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, permit: KbPermit<Read>) -> Result<Json<KnowledgeBase>, ApiError> {
    let overview = app.knowledge_bases.overview(permit.kb).await?;
    Ok(Json(wire::knowledge_base(overview, &permit.access)))
}

/// Rename or describe a knowledge base
#[utoipa::path(patch, path = "/knowledge-bases/{id}", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateKnowledgeBase,
    responses((status = 200, body = KnowledgeBase), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: KbPermit<Own>,
    Json(body): Json<UpdateKnowledgeBase>,
) -> Result<Json<KnowledgeBase>, ApiError> {
    let change = KbUpdate {
        name: body.name,
        description: body.description,
        visibility: body.visibility.map(visibility_from),
        quotas: body.quotas.map(quotas_from),
    };
    let changed = app
        .knowledge_bases
        .update(&permit.access, permit.kb, change)
        .await?;
    Ok(Json(wire::knowledge_base(changed, &permit.access)))
}

/// Delete a knowledge base
///
/// It is gone for every reader at once; its rows and points are swept in the background.
#[utoipa::path(delete, path = "/knowledge-bases/{id}", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(State(app): State<App>, permit: KbPermit<Own>) -> Result<StatusCode, ApiError> {
    app.knowledge_bases.delete(&permit.access, &permit.kb).await?;
    Ok(StatusCode::NO_CONTENT)
}
