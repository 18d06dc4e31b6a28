//! The only way out: a blocking HTTP client that looks at every address, follows redirects itself, and keeps a credential to
//! the origin that it was given for.

use std::error::Error as _;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::{Body, Client};
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode, redirect};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::Credential;
use crate::guard::{AddressRefused, Guard, GuardedResolver};
use crate::turns::Turns;

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

#[derive(Clone, Debug)]
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
    fn of(url: Url, body: reqwest::blocking::Response) -> Self {
        Self {
            url,
            status: body.status(),
            headers: body.headers().clone(),
            body,
        }
    }

    /// Where this answer leads, if it is a redirect that was not followed.
    pub fn redirect(&self) -> Option<Url> {
        self.url.join(&target_of(self.status, &self.headers)?).ok()
    }

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
    turns: Arc<Turns>,
    most_silence: Duration,
}

impl Http {
    /// Needs a rustls provider to be installed, and must not be called on an async thread.
    pub fn new(guard: Guard) -> Result<Self, HttpError> {
        Self::within(guard, MOST_SILENCE)
    }

    /// The same for servers that may not say nothing for so long.
    pub fn within(guard: Guard, most_silence: Duration) -> Result<Self, HttpError> {
        let guard = Arc::new(guard);
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN.min(most_silence))
            .timeout(most_silence)
            // A proxy would resolve names where the guard does not see it.
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver(Arc::clone(&guard))))
            .build()
            .map_err(HttpError::Setup)?;
        Ok(Self {
            client,
            guard,
            turns: Arc::default(),
            most_silence,
        })
    }

    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Sends a request and follows its redirects. Any status but a redirect is an answer.
    pub fn send(&self, request: Request) -> Result<Response, HttpError> {
        self.send_while(request, &|_| true)
    }

    /// Sends a request and follows its redirects as long as `follows` takes their targets; the first one that it does not
    /// take is the answer.
    pub fn send_while(
        &self,
        request: Request,
        follows: &dyn Fn(&Url) -> bool,
    ) -> Result<Response, HttpError> {
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
            let is_first = url.origin() == first;
            if !is_first {
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            let mut sent = self
                .client
                .request(method.clone(), url.clone())
                .headers(headers.clone());
            if is_first {
                sent = match &credential {
                    Some(Credential::Basic { user, password }) => {
                        sent.basic_auth(user, Some(password.expose_secret()))
                    }
                    Some(Credential::Bearer(token)) => sent.bearer_auth(token.expose_secret()),
                    None => sent,
                };
            }
            if let Some(body) = &body {
                sent = sent.body(Body::from(body.clone()));
            }
            let answer = sent.send().map_err(|error| self.failed(&url, &error))?;
            let status = answer.status();
            let Some(target) = target_of(status, answer.headers()) else {
                return Ok(Response::of(url, answer));
            };
            let Ok(next) = url.join(&target) else {
                let host = url.host_str().unwrap_or_default().to_owned();
                return Err(HttpError::BadRedirect { host });
            };
            if !follows(&next) {
                return Ok(Response::of(url, answer));
            }
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

    /// Told without the address, which may hold more than a person should read.
    fn failed(&self, url: &Url, error: &reqwest::Error) -> HttpError {
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
            reason = format!("nothing came within {} s", self.most_silence.as_secs());
        }
        HttpError::Unreachable {
            host: url.host_str().unwrap_or_default().to_owned(),
            reason,
        }
    }
}

/// The target of a redirect. A 304 and its like lead nowhere, whatever they say.
fn target_of(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let target = matches!(status.as_u16(), 301..=303 | 307 | 308)
        .then(|| headers.get(LOCATION))
        .flatten()?;
    // Many servers write letters here that the standard wants percent-encoded.
    Some(String::from_utf8_lossy(target.as_bytes()).into_owned())
}
