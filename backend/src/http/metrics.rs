//! `/metrics`, at an address of its own: counts are for whoever watches the installation, not for callers of the API. And the
//! layer that times requests.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::metrics::{Metrics, Waiting};
use crate::state::App;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is answered at `NEXUS_METRICS_LISTEN`.
pub fn router(app: App) -> axum::Router {
    axum::Router::new()
        .route("/metrics", get(metrics))
        .with_state(app)
}

async fn metrics(State(app): State<App>) -> Response {
    let (tasks, status) = tokio::join!(app.health.queue(), app.health.vectors());
    let waiting = Waiting {
        tasks: tasks.ok(),
        points: status.ok().map(|status| status.collections),
    };
    match app.metrics.text(waiting) {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A method as counts and traces name it: a caller may send any word for one.
pub(super) fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let known = KNOWN.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("other")
}

/// Times a request by its route. What has none is one kind, whatever was asked for.
pub async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let started = std::time::Instant::now();
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    metrics.request(method, route, response.status().as_u16(), started.elapsed());
    response
}
