//! Request ids: taken from `X-Request-Id` where a caller sends a sane one, else that of the trace in `traceparent`, else made
//! here; in every response, log line, trace and task row.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::metrics::known_method;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const PARENT: HeaderName = HeaderName::from_static("traceparent");
/// Longest id taken from a caller.
const MAX_CHARS: usize = 64;

#[derive(Clone, Debug)]
pub struct RequestId(Arc<str>);

impl Default for RequestId {
    fn default() -> Self {
        Self(uuid::Uuid::new_v4().simple().to_string().into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RequestId {
    fn of(request: &Request) -> Self {
        let sane = |text: &&str| {
            (1..=MAX_CHARS).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        request
            .headers()
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .filter(sane)
            .map(str::to_owned)
            .or_else(|| nexus_telemetry::trace_of_header(parent(request)?))
            .map_or_else(Self::default, |text| Self(text.into()))
    }
}

fn parent(request: &Request) -> Option<&str> {
    request.headers().get(PARENT)?.to_str().ok()
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Gives the request its id and logs what came of it.
pub async fn trace(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let method = known_method(request.method());
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        %method,
        path,
        route = tracing::field::Empty,
        status = tracing::field::Empty
    );
    nexus_telemetry::adopt(&span, &id.0, parent(&request));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = std::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
    span.in_scope(|| tracing::info!(status = response.status().as_u16(), milliseconds, "answered"));
    // After the line in the log, which tells them itself.
    span.record("status", response.status().as_u16());
    if let Some(route) = &route {
        span.record("route", route.as_str());
    }
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
