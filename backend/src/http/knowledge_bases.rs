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
use super::permit::{Admin, KbPermit, Permit, Reader};
use super::wire;
use crate::app::App;

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
    permit: Permit<Reader>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<KnowledgeBase>>, ApiError> {
    if let Some(name) = &filter.name {
        let found = app.knowledge_bases.find(&permit.access, name).await?;
        let items = found.into_iter().map(wire::knowledge_base).collect();
        return Ok(Json(Page {
            items,
            next_cursor: None,
        }));
    }
    let limit = query.limit()?;
    let found = app
        .knowledge_bases
        .list(&permit.access, query.after()?, limit + 1)
        .await?;
    Ok(Json(page(
        found,
        limit,
        |item| item.kb.name.clone(),
        wire::knowledge_base,
    )))
}

/// Create a knowledge base
#[utoipa::path(post, path = "/knowledge-bases", tag = "knowledge bases", request_body = CreateKnowledgeBase,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat give the first result")),
    responses((status = 201, body = KnowledgeBase), (status = 409, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn create(
    State(app): State<App>,
    permit: Permit<Admin>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateKnowledgeBase>,
) -> Result<(StatusCode, Json<KnowledgeBase>), ApiError> {
    let made = app
        .knowledge_bases
        .create(&permit.access, &body.name, &body.description, key)
        .await?;
    Ok((StatusCode::CREATED, Json(wire::knowledge_base(made))))
}

/// One knowledge base
#[utoipa::path(get, path = "/knowledge-bases/{id}", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = KnowledgeBase), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, permit: KbPermit<Reader>) -> Result<Json<KnowledgeBase>, ApiError> {
    Ok(Json(wire::knowledge_base(
        app.knowledge_bases.overview(permit.kb).await?,
    )))
}

/// Rename or describe a knowledge base
#[utoipa::path(patch, path = "/knowledge-bases/{id}", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateKnowledgeBase,
    responses((status = 200, body = KnowledgeBase), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: KbPermit<Admin>,
    Json(body): Json<UpdateKnowledgeBase>,
) -> Result<Json<KnowledgeBase>, ApiError> {
    let changed = app
        .knowledge_bases
        .update(permit.kb, body.name, body.description)
        .await?;
    Ok(Json(wire::knowledge_base(changed)))
}

/// Delete a knowledge base
///
/// It is gone for every reader at once; its rows and points are swept in the background.
#[utoipa::path(delete, path = "/knowledge-bases/{id}", tag = "knowledge bases", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(State(app): State<App>, permit: KbPermit<Admin>) -> Result<StatusCode, ApiError> {
    app.knowledge_bases.delete(&permit.kb).await?;
    Ok(StatusCode::NO_CONTENT)
}
