//! `/knowledge-bases/{id}/quality`.

use axum::extract::State;
use nexus_api::{ErrorEnvelope, KbQuality};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::extract::Json;
use super::permit::{KbPermit, Read};
use super::wire;
use crate::state::App;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// From where on a knowledge base answers
///
/// Measured in the background on questions made of its own text, with their document counted and with it left out, and again
/// when it has changed much. It holds figures only, so whoever reads the knowledge base reads them.
#[utoipa::path(get, path = "/knowledge-bases/{id}/quality", tag = "knowledge bases",
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = KbQuality), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, permit: KbPermit<Read>) -> Result<Json<KbQuality>, ApiError> {
    let modes = app.quality.of(&permit.kb).await?;
    Ok(Json(wire::quality::kb_quality(
        &permit.kb,
        app.quality.target,
        modes,
    )))
}
