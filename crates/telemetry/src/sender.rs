//! How spans reach the collector: by the HTTP client that the rest uses, on the runtime that it needs, within a bound of time.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::settings::Export;

/// Time for one batch.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Called from a thread of the exporter's own.
pub(crate) struct Sender {
    http: reqwest::Client,
    headers: HeaderMap,
    runtime: Handle,
    is_away: AtomicBool,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// Within a runtime, which sends.
    pub(crate) fn new(export: &Export) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("nexus/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT);
        let builder = match export.traces.scheme() == "http" {
            // No TLS will be spoken: do not demand that this machine has certificate authorities.
            true => builder.tls_certs_only([]),
            false => builder.https_only(true),
        };
        Ok(Self {
            http: builder.build()?,
            headers: export.headers.clone(),
            runtime: Handle::current(),
            is_away: AtomicBool::new(false),
        })
    }

    /// Says once that spans are lost, and once that they are not any more.
    fn note(&self, failed: bool) {
        if self.is_away.swap(failed, Ordering::Relaxed) == failed {
            return;
        }
        if failed {
            tracing::warn!("the collector of traces does not take them; those of this time are lost");
        } else {
            tracing::info!("the collector of traces takes them again");
        }
    }
}

/// Ours, and what says how the body is written. The exporter adds those of `OTEL_EXPORTER_OTLP_HEADERS` by itself, wherever it
/// sends to: they may be another collector's.
fn sent_headers(ours: &HeaderMap, of_exporter: &HeaderMap) -> HeaderMap {
    let mut headers = ours.clone();
    for name in [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT] {
        if let Some(value) = of_exporter.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    headers
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self
            .http
            .request(parts.method, parts.uri.to_string())
            .headers(sent_headers(&self.headers, &parts.headers))
            .body(body);
        let sent = self.runtime.spawn(async move {
            // Within the runtime from its first step: the timer of the request needs one.
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
        });
        let sent = match sent.await {
            // The address may hold a key in its query.
            Ok(sent) => sent.map_err(|error| HttpError::from(error.without_url())),
            Err(error) => Err(error.into()),
        };
        self.note(!matches!(&sent, Ok((status, ..)) if status.is_success()));
        let (status, headers, body) = sent?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn only_our_own_headers_are_told_to_the_collector() {
        let ours = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("ours"))]);
        let of_exporter = HeaderMap::from_iter([
            (AUTHORIZATION, HeaderValue::from_static("of another collector")),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
            (
                http::header::COOKIE,
                HeaderValue::from_static("of another collector"),
            ),
        ]);
        let sent = sent_headers(&ours, &of_exporter);
        assert_eq!((sent.len(), &sent[AUTHORIZATION]), (2, &ours[AUTHORIZATION]));
        assert_eq!(sent[CONTENT_TYPE], "application/x-protobuf");
    }
}
