//! One source: `/knowledge-bases/{id}/sources/{source_id}`.

use axum::extract::State;
use axum::http::StatusCode;
use nexus_api::{ErrorEnvelope, Source, StartSync, SyncAccepted, UpdateSource};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::permit::{Ingest, Read, SourcePermit};
use super::request_id::RequestId;
use super::wire;
use crate::service::{SourceChange, SyncOptions, SyncStarted};
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get, update, delete))
        .routes(routes!(sync))
}

/// The answer to whatever starts a sync.
pub(super) fn accepted(started: SyncStarted) -> (StatusCode, Json<SyncAccepted>) {
    let body = SyncAccepted {
        task_id: started.task_id.as_uuid(),
        knowledge_base_id: started.kb_id.as_uuid(),
        source_id: started.source_id.as_uuid(),
    };
    (StatusCode::ACCEPTED, Json(body))
}

/// One source
#[utoipa::path(get, path = "/knowledge-bases/{id}/sources/{source_id}", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)),
    responses((status = 200, body = Source), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, permit: SourcePermit<Read>) -> Result<Json<Source>, ApiError> {
    let overview = app.sources.overview(&permit.source).await?;
    Ok(Json(wire::sources::source(overview)))
}

/// Change a source's schedule or credential
///
/// Other settings are changed by the request that made the source, sent again.
#[utoipa::path(patch, path = "/knowledge-bases/{id}/sources/{source_id}", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)), request_body = UpdateSource,
    responses((status = 200, body = Source), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope), (status = 422, body = ErrorEnvelope)))]
async fn update(
    State(app): State<App>,
    permit: SourcePermit<Ingest>,
    Json(body): Json<UpdateSource>,
) -> Result<Json<Source>, ApiError> {
    let change = SourceChange {
        schedule: body.schedule.map(|given| given.map(wire::remotes::schedule)),
        credential: body.credential.map(|given| given.map(wire::remotes::credential)),
    };
    let changed = app.sources.update(&permit.access, &permit.source, change).await?;
    Ok(Json(wire::sources::source(changed)))
}

/// Delete a source with its documents
///
/// They are not found any more when this returns.
#[utoipa::path(delete, path = "/knowledge-bases/{id}/sources/{source_id}", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(State(app): State<App>, permit: SourcePermit<Ingest>) -> Result<StatusCode, ApiError> {
    app.sources.delete(&permit.access, &permit.source).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bring a source up to date
///
/// With `dry_run` nothing changes, and the task's `plan` says what would. A sync that waits already is not doubled. A site or
/// wiki that no longer shows most of its documents keeps them, which the problem `removals_held` says; `accept_removals`
/// removes them.
#[utoipa::path(post, path = "/knowledge-bases/{id}/sources/{source_id}/sync", tag = "documents",
    params(("id" = uuid::Uuid, Path), ("source_id" = uuid::Uuid, Path)), request_body = StartSync,
    responses((status = 202, body = SyncAccepted), (status = 404, body = ErrorEnvelope),
        (status = 409, body = ErrorEnvelope)))]
async fn sync(
    State(app): State<App>,
    permit: SourcePermit<Ingest>,
    id: RequestId,
    Json(body): Json<StartSync>,
) -> Result<(StatusCode, Json<SyncAccepted>), ApiError> {
    let options = SyncOptions {
        dry_run: body.dry_run,
        accept_removals: body.accept_removals,
    };
    let started = app
        .sources
        .sync(&permit.access, &permit.source, options, &id.to_string())
        .await?;
    Ok(accepted(started))
}
