//! One request: address, key, signature, retries, and reading the answer or the error envelope.

use std::time::Duration;

use nexus_api::ErrorEnvelope;
use reqwest::{Method, Request, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::signing::BodyHash;

/// Time for a JSON request and its answer. Uploads and event streams have none.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// Waits between attempts where the server names none.
const BACKOFF: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_millis(3_000),
];
/// Longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// How much of an unexpected answer an error shows, in characters.
const SHOWN_CHARS: usize = 200;

/// A client of one backend. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    config: ClientConfig,
}

/// What a failed attempt leaves: the error and the wait that the server asked for.
struct Attempt {
    error: ClientError,
    retry_after: Option<Duration>,
}

impl Client {
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        Ok(Self {
            http: config.build()?,
            config,
        })
    }

    /// The same client with other credentials.
    #[must_use]
    pub fn with_api_key(mut self, api_key: secrecy::SecretString) -> Self {
        self.config.api_key = api_key;
        self
    }

    /// Whether requests are signed.
    pub(crate) const fn signs(&self) -> bool {
        self.config.signing.is_some()
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn base(&self) -> &str {
        self.config.base.as_str().trim_end_matches('/')
    }

    /// A request to `/api/v1{path}` with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.base()))
            .bearer_auth(self.config.api_key.expose_secret());
        match self.config.traceparent.and_then(|traceparent| traceparent()) {
            Some(traceparent) => request.header("traceparent", traceparent),
            None => request,
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &(impl Serialize + ?Sized),
    ) -> Result<T, ClientError> {
        self.retried(|| self.request(Method::GET, path).query(query).timeout(TIMEOUT))
            .await
    }

    /// A POST that only reads, such as a search.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, ClientError> {
        self.retried(|| self.request(Method::POST, path).json(body).timeout(timeout))
            .await
    }

    /// A POST that creates something: its key makes a second attempt find the first one's result.
    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let key = uuid::Uuid::new_v4().to_string();
        self.retried(|| {
            self.request(Method::POST, path)
                .header("idempotency-key", &key)
                .json(body)
                .timeout(TIMEOUT)
        })
        .await
    }

    /// A request whose success has no body that matters.
    pub(crate) async fn send_empty(&self, method: Method, path: &str) -> Result<(), ClientError> {
        let request = self.request(method, path).timeout(TIMEOUT);
        self.send_once(request).await.map(drop)
    }

    async fn retried<T: DeserializeOwned>(
        &self,
        build: impl Fn() -> RequestBuilder,
    ) -> Result<T, ClientError> {
        let mut waits = BACKOFF.iter();
        loop {
            let attempt = match self.attempt(build(), None).await {
                Ok(response) => return self.read(response).await,
                Err(attempt) => attempt,
            };
            let Some(wait) = waits.next().filter(|_| attempt.error.is_transient()) else {
                return Err(attempt.error);
            };
            tokio::time::sleep(attempt.retry_after.unwrap_or(*wait).min(MAX_RETRY_AFTER)).await;
        }
    }

    pub(crate) async fn send_once(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let sent = self.attempt(request, None).await;
        sent.map_err(|attempt| attempt.error)
    }

    /// Sends a request whose body is a stream, of this hash where it was read before.
    pub(crate) async fn send_streamed(
        &self,
        request: RequestBuilder,
        hash: Option<&BodyHash>,
    ) -> Result<Response, ClientError> {
        let sent = self.attempt(request, hash).await;
        sent.map_err(|attempt| attempt.error)
    }

    /// Every request goes out here, signed anew where requests are signed: a second attempt is another request.
    async fn attempt(&self, request: RequestBuilder, hash: Option<&BodyHash>) -> Result<Response, Attempt> {
        let failed = |error| Attempt {
            error,
            retry_after: None,
        };
        let unreachable = |source| failed(self.unreachable(source));
        let mut request = request.build().map_err(unreachable)?;
        if let Some(signing) = &self.config.signing {
            let hash = hash.cloned().or_else(|| hash_of(&request));
            let hash = hash.ok_or_else(|| failed(ClientError::Unread))?;
            signing.sign(&mut request, &hash);
        }
        let response = self.http.execute(request).await.map_err(unreachable)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        Err(Attempt {
            error: self.read_error(response).await,
            retry_after,
        })
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClientError> {
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .map_err(|source| self.unreachable(source))?;
        serde_json::from_slice(&bytes).map_err(|_| unexpected(status, &bytes))
    }

    async fn read_error(&self, response: Response) -> ClientError {
        let status = response.status();
        match response.bytes().await {
            Ok(bytes) => match serde_json::from_slice::<ErrorEnvelope>(&bytes) {
                Ok(envelope) => ClientError::Api(Box::new(envelope.error)),
                Err(_) => unexpected(status, &bytes),
            },
            Err(source) => self.unreachable(source),
        }
    }

    pub(crate) fn unreachable(&self, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable {
            base: self.base().to_owned(),
            source,
        }
    }
}

/// `None` for a stream, which nobody has read yet.
fn hash_of(request: &Request) -> Option<BodyHash> {
    match request.body() {
        None => Some(BodyHash::of(&[])),
        Some(body) => body.as_bytes().map(BodyHash::of),
    }
}

fn unexpected(status: StatusCode, bytes: &[u8]) -> ClientError {
    let text = String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARS).collect();
    ClientError::Unexpected {
        status: status.as_u16(),
        text,
    }
}
