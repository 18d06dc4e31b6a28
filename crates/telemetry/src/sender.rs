//! How spans reach the collector: by the HTTP client that the rest uses, on the runtime that it needs, within a bound of time.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// Time for one batch.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// Called from a thread of the exporter's own.
pub(crate) struct Sender {
    http: reqwest::Client,
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
    pub(crate) fn new(is_plain: bool) -> Result<Self, reqwest::Error> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("nexus/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT);
        let builder = match is_plain {
            // No TLS will be spoken: do not demand that this machine has certificate authorities.
            true => builder.tls_certs_only([]),
            false => builder.https_only(true),
        };
        Ok(Self {
            http: builder.build()?,
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

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let sending = self
            .http
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .body(body)
            .send();
        let sent = self.runtime.spawn(async move {
            let response = sending.await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
        });
        let sent = match sent.await {
            Ok(sent) => sent.map_err(HttpError::from),
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
