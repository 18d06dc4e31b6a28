//! The only way out: a blocking HTTP client that looks at every address, follows redirects itself, and keeps a credential to
//! the origin that it was given for.

use std::error::Error as _;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::{Body, Client};
use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode, redirect};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::Credential;
use crate::guard::{AddressRefused, Guard, GuardedResolver};

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a server may say nothing.
const MOST_SILENCE: Duration = Duration::from_secs(30);
const MOST_REDIRECTS: usize = 10;
/// What sites are told about us.
const USER_AGENT: &str = concat!("NexusKnowledge/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    #[error("{0} redirects in a circle")]
    TooManyRedirects(String),
    #[error("{host} redirects to an address that is none")]
    BadRedirect { host: String },
    /// No answer: worth another try.
    #[error("{host} did not answer: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("the client for other sites could not be made")]
    Setup(#[source] reqwest::Error),
}

#[derive(Debug)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    /// Sent again after a redirect that keeps the method (307, 308).
    pub body: Option<Vec<u8>>,
    /// Sent to this origin only.
    pub credential: Option<Credential>,
}

impl Request {
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            credential: None,
        }
    }
}

/// An answer whose body has not been read.
#[derive(Debug)]
pub struct Response {
    /// Where the answer came from, after redirects.
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: reqwest::blocking::Response,
}

impl Response {
    /// The body as far as `most` bytes, and whether there is more.
    pub fn bytes(self, most: u64) -> std::io::Result<(Vec<u8>, bool)> {
        let mut bytes = Vec::new();
        let mut body = self.body.take(most.saturating_add(1));
        body.read_to_end(&mut bytes)?;
        let has_more = bytes.len() as u64 > most;
        bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok((bytes, has_more))
    }

    /// The body as it comes.
    pub fn into_reader(self) -> impl Read + Send + use<> {
        self.body
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    guard: Arc<Guard>,
}

impl Http {
    /// Needs a rustls provider to be installed, and must not be called on an async thread.
    pub fn new(guard: Guard) -> Result<Self, HttpError> {
        let guard = Arc::new(guard);
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(MOST_SILENCE)
            // A proxy would resolve names where the guard does not see it.
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver(Arc::clone(&guard))))
            .build()
            .map_err(HttpError::Setup)?;
        Ok(Self { client, guard })
    }

    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends a request and follows its redirects. Any status but a redirect is an answer.
    pub fn send(&self, request: Request) -> Result<Response, HttpError> {
        let Request {
            mut method,
            mut url,
            mut headers,
            mut body,
            credential,
        } = request;
        let first = url.origin();
        for _ in 0..=MOST_REDIRECTS {
            self.guard.check(&url)?;
            let mut sent = self
                .client
                .request(method.clone(), url.clone())
                .headers(headers.clone());
            if url.origin() == first {
                sent = match &credential {
                    Some(Credential::Basic { user, password }) => {
                        sent.basic_auth(user, Some(password.expose_secret()))
                    }
                    Some(Credential::Bearer(token)) => sent.bearer_auth(token.expose_secret()),
                    None => sent,
                };
            } else {
                headers.remove(AUTHORIZATION);
            }
            if let Some(body) = &body {
                sent = sent.body(Body::from(body.clone()));
            }
            let answer = sent.send().map_err(|error| failed(&url, &error))?;
            let status = answer.status();
            let target = status
                .is_redirection()
                .then(|| answer.headers().get(LOCATION))
                .flatten();
            let Some(target) = target else {
                return Ok(Response {
                    headers: answer.headers().clone(),
                    url,
                    status,
                    body: answer,
                });
            };
            let next = target.to_str().ok().and_then(|target| url.join(target).ok());
            let Some(next) = next else {
                let host = url.host_str().unwrap_or_default().to_owned();
                return Err(HttpError::BadRedirect { host });
            };
            if !matches!(
                status,
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            ) && method != Method::HEAD
            {
                method = Method::GET;
                body = None;
            }
            url = next;
        }
        Err(HttpError::TooManyRedirects(
            url.host_str().unwrap_or_default().to_owned(),
        ))
    }
}

/// Told without the address, which may hold more than a person should read.
fn failed(url: &Url, error: &reqwest::Error) -> HttpError {
    let mut reason = "the connection failed".to_owned();
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<AddressRefused>() {
            return HttpError::Refused(refused.clone());
        }
        reason = inner.to_string();
        cause = inner.source();
    }
    if error.is_timeout() {
        reason = format!("nothing came within {} s", MOST_SILENCE.as_secs());
    }
    HttpError::Unreachable {
        host: url.host_str().unwrap_or_default().to_owned(),
        reason,
    }
}
