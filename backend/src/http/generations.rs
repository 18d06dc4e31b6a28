//! `/generations`: dense indexes, one per embedding model.

use axum::extract::{Path, State};
use nexus_api::{ErrorEnvelope, IndexGeneration, IndexGenerationState, IndexGenerations};
use nexus_domain::{Action, GenerationId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::permit::{Operate, Permit};
use crate::service::{GenerationOverview, ServiceError};
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(activate))
        .routes(routes!(empty))
}

/// Dense indexes and the models that fill them
#[utoipa::path(get, path = "/generations", tag = "generations", responses((status = 200, body = IndexGenerations)))]
async fn list(State(app): State<App>, _: Permit<Operate>) -> Result<Json<IndexGenerations>, ApiError> {
    let items = app.generations.list().await?;
    let items = items.into_iter().map(wire).collect();
    Ok(Json(IndexGenerations { items }))
}

/// Put questions to this generation from now on
///
/// At once, whatever it holds; what it lacks is embedded in the background. Its model must be loaded.
#[utoipa::path(post, path = "/generations/{id}/activate", tag = "generations", params(("id" = i64, Path)),
    responses((status = 200, body = IndexGeneration), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn activate(
    State(app): State<App>,
    permit: Permit<Operate>,
    Path(id): Path<String>,
) -> Result<Json<IndexGeneration>, ApiError> {
    let id = parsed(&id)?;
    let active = app.generations.activate(id).await?;
    app.audit
        .generation(&permit.access, Action::GenerationActivate, id)
        .await?;
    Ok(Json(wire(active)))
}

/// Drop the vectors of a generation on standby
///
/// From the index and from the cache. If its model is configured again, they are computed anew.
#[utoipa::path(delete, path = "/generations/{id}/vectors", tag = "generations", params(("id" = i64, Path)),
    responses((status = 200, body = IndexGeneration), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn empty(
    State(app): State<App>,
    permit: Permit<Operate>,
    Path(id): Path<String>,
) -> Result<Json<IndexGeneration>, ApiError> {
    let id = parsed(&id)?;
    let emptied = app.generations.empty(id).await?;
    app.audit
        .generation(&permit.access, Action::GenerationEmpty, id)
        .await?;
    Ok(Json(wire(emptied)))
}

/// What is no number names nothing.
fn parsed(id: &str) -> Result<GenerationId, ServiceError> {
    let id = id.parse().map_err(|_| ServiceError::NotFound("generation"))?;
    Ok(GenerationId(id))
}

fn wire(overview: GenerationOverview) -> IndexGeneration {
    let GenerationOverview {
        generation,
        loaded,
        coverage,
    } = overview;
    let state = match (generation.active, generation.pending) {
        (true, _) => IndexGenerationState::Active,
        (false, true) => IndexGenerationState::Building,
        (false, false) => IndexGenerationState::Standby,
    };
    IndexGeneration {
        id: generation.id.0,
        model: generation.model,
        dimension: u32::try_from(generation.dimension).unwrap_or(u32::MAX),
        state,
        loaded,
        chunks: coverage.chunks,
        embedded_chunks: coverage.embedded,
    }
}
