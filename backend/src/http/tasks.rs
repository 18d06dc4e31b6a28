//! `/ingestion/tasks`: what runs, how far it is, what could not be read; and stopping it.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, StreamExt as _};
use nexus_api::{ErrorEnvelope, Page, Problem, Task};
use nexus_domain::{KbId, TaskId};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{Ingest, Permit, Read, TaskPermit};
use super::request_id::RequestId;
use super::wire;
use crate::state::App;

/// A comment is sent this often so that proxies keep a quiet stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(problems))
        .routes(routes!(cancel))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(retry))
}

/// Routes whose answers stream, and so take no time-out.
pub fn streaming_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only tasks of this knowledge base (its id).
    knowledge_base: Option<Uuid>,
}

/// Tasks, newest first
#[utoipa::path(get, path = "/ingestion/tasks", tag = "tasks", params(Filter, PageQuery),
    responses((status = 200, body = Page<Task>)))]
async fn list(
    State(app): State<App>,
    permit: Permit<Read>,
    Query(filter): Query<Filter>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Task>>, ApiError> {
    let limit = query.limit()?;
    let kb = filter.knowledge_base.map(KbId::from_uuid);
    let after: Option<TaskId> = query.after()?;
    let found = app.tasks.list(&permit.access, kb, after, limit + 1).await?;
    let found = app.tasks.views(found).await?;
    Ok(Json(page(found, limit, |seen| seen.task.id, wire::task)))
}

/// One task
#[utoipa::path(get, path = "/ingestion/tasks/{id}", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, permit: TaskPermit<Read>) -> Result<Json<Task>, ApiError> {
    Ok(Json(wire::task(app.tasks.view(permit.task).await?)))
}

/// Files that a task could not read, and why
#[utoipa::path(get, path = "/ingestion/tasks/{id}/problems", tag = "tasks",
    params(("id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, body = Page<Problem>), (status = 404, body = ErrorEnvelope)))]
async fn problems(
    State(app): State<App>,
    permit: TaskPermit<Read>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Problem>>, ApiError> {
    let limit = query.limit()?;
    let found = app
        .tasks
        .problems(permit.task.id, query.after()?, limit + 1)
        .await?;
    Ok(Json(page(
        found,
        limit,
        |row| row.seq,
        |row| wire::problem(row.problem),
    )))
}

/// A task as it goes
///
/// Server-sent events named `task`, one whenever the task changes; the stream ends with the settled state.
#[utoipa::path(get, path = "/ingestion/tasks/{id}/events", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Task, content_type = "text/event-stream"),
        (status = 404, body = ErrorEnvelope)))]
async fn events(
    State(app): State<App>,
    permit: TaskPermit<Read>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let states = app
        .tasks
        .watch(app.door.clone(), permit.access, permit.task)
        .map(|seen| {
            let event = Event::default().event("task").json_data(wire::task(seen));
            Ok(event.unwrap_or_else(|_| Event::default().comment("a state could not be written")))
        });
    Sse::new(states).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// Cancel a task
///
/// A running task stops within seconds; every document stays either old or new.
#[utoipa::path(post, path = "/ingestion/tasks/{id}/cancel", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn cancel(State(app): State<App>, permit: TaskPermit<Ingest>) -> Result<Json<Task>, ApiError> {
    let task = app.tasks.cancel(&permit.access, &permit.task).await?;
    Ok(Json(wire::task(app.tasks.view(task).await?)))
}

/// Pause a task
#[utoipa::path(post, path = "/ingestion/tasks/{id}/pause", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn pause(State(app): State<App>, permit: TaskPermit<Ingest>) -> Result<Json<Task>, ApiError> {
    let task = app.tasks.pause(&permit.access, &permit.task).await?;
    Ok(Json(wire::task(app.tasks.view(task).await?)))
}

/// Resume a paused, cancelled or failed task
///
/// What is done already is not done again.
#[utoipa::path(post, path = "/ingestion/tasks/{id}/resume", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Task), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn resume(State(app): State<App>, permit: TaskPermit<Ingest>) -> Result<Json<Task>, ApiError> {
    let task = app.tasks.resume(&permit.access, &permit.task).await?;
    Ok(Json(wire::task(app.tasks.view(task).await?)))
}

/// Read again what a task could not read
///
/// A new task that looks at the files with problems alone, and removes nothing. An upload is kept for that where a file may be
/// readable the next time (`timed_out`, `reader_crashed`, `memory_limit`).
#[utoipa::path(post, path = "/ingestion/tasks/{id}/retry", tag = "tasks", params(("id" = uuid::Uuid, Path)),
    responses((status = 202, body = Task), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn retry(
    State(app): State<App>,
    permit: TaskPermit<Ingest>,
    id: RequestId,
) -> Result<(StatusCode, Json<Task>), ApiError> {
    let task = app
        .tasks
        .retry(&permit.access, &permit.task, &id.to_string())
        .await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(wire::task(app.tasks.view(task).await?)),
    ))
}
