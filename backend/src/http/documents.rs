//! `/knowledge-bases/{id}/documents`, `/knowledge-bases/{id}/sources` and `/documents`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use nexus_api::{Document, ErrorEnvelope, Page, Source};
use nexus_domain::{DocumentId, LineRange};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::pages::{PageQuery, page};
use super::permit::{DocumentPermit, Ingest, KbPermit, Read};
use super::wire;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(sources))
        .routes(routes!(get, delete))
        .routes(routes!(text))
}

/// Documents of a knowledge base, by path
#[utoipa::path(get, path = "/knowledge-bases/{id}/documents", tag = "documents",
    params(("id" = uuid::Uuid, Path), PageQuery),
    responses((status = 200, body = Page<Document>), (status = 404, body = ErrorEnvelope)))]
async fn list(
    State(app): State<App>,
    permit: KbPermit<Read>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Document>>, ApiError> {
    let limit = query.limit()?;
    let after: Option<(String, DocumentId)> = query.after()?;
    let found = app.documents.list(&permit.kb, after, limit + 1).await?;
    Ok(Json(page(
        found,
        limit,
        |document| (document.path.clone(), document.id),
        wire::document,
    )))
}

/// Where the documents of a knowledge base come from
#[utoipa::path(get, path = "/knowledge-bases/{id}/sources", tag = "documents", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Page<Source>), (status = 404, body = ErrorEnvelope)))]
async fn sources(State(app): State<App>, permit: KbPermit<Read>) -> Result<Json<Page<Source>>, ApiError> {
    let found = app.documents.sources(&permit.kb).await?;
    Ok(Json(Page {
        items: found.into_iter().map(wire::sources::source).collect(),
        next_cursor: None,
    }))
}

/// One document
#[utoipa::path(get, path = "/documents/{id}", tag = "documents", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Document), (status = 404, body = ErrorEnvelope)))]
async fn get(permit: DocumentPermit<Read>) -> Json<Document> {
    Json(wire::document(permit.document))
}

/// Delete a document
///
/// It is not found any more when this returns; a later upload that holds it brings it back.
#[utoipa::path(delete, path = "/documents/{id}", tag = "documents", params(("id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 404, body = ErrorEnvelope)))]
async fn delete(State(app): State<App>, permit: DocumentPermit<Ingest>) -> Result<StatusCode, ApiError> {
    app.documents.delete(&permit.access, &permit.document).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Lines {
    /// First line wanted, from 1.
    first_line: Option<u32>,
    /// Last line wanted, included.
    last_line: Option<u32>,
}

/// Text of a document
///
/// The text as it was indexed, line by line; what citations link to.
#[utoipa::path(get, path = "/documents/{id}/text", tag = "documents", params(("id" = uuid::Uuid, Path), Lines),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404, body = ErrorEnvelope),
        (status = 422, body = ErrorEnvelope)))]
async fn text(
    State(app): State<App>,
    permit: DocumentPermit<Read>,
    Query(lines): Query<Lines>,
) -> Result<impl IntoResponse, ApiError> {
    let range = LineRange {
        first: lines.first_line.unwrap_or(1),
        last: lines.last_line.unwrap_or(u32::MAX),
    };
    if range.first == 0 || range.first > range.last {
        return Err(ApiError::invalid(
            "first_line",
            "first_line counts from 1 and is not beyond last_line",
        ));
    }
    let text = app.documents.text(&permit.document, range).await?;
    Ok((
        [
            (CONTENT_TYPE, "text/plain; charset=utf-8"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    ))
}
