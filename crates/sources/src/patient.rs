//! Requests with manners: in turn, without haste, and again when a site asks for time or breaks down for a moment.

use std::cell::Cell;
use std::io::Read as _;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use url::{Origin, Url};

use crate::http::{HttpError, Request, Response};
use crate::pace::Lateness;
use crate::retry_after::retry_after;
use crate::{Context, Credential, SourceError};

/// How often a request is sent before it counts as failed.
const TRIES: u32 = 4;
/// The first pause of the back-off, in times the politeness: one second by default. Each pause after it is twice as long.
const FIRST_PAUSE: u32 = 4;
/// How long one body may take in all.
const MOST_TIME: Duration = Duration::from_secs(600);
/// How much is read of an answer that is no success: it may say why.
const ERROR_BYTES: u64 = 64 << 10;
/// The longest sleep between two looks at the watch.
const NAP: Duration = Duration::from_millis(50);

/// An answer whose body has been read as far as its bound.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty where the body was not wanted.
    pub(crate) bytes: Vec<u8>,
    /// Whether the body is larger than what was asked for.
    pub(crate) has_more: bool,
    /// Where it leads, if it is a redirect.
    pub(crate) redirect: Option<Url>,
}

impl Answer {
    pub(crate) fn header(&self, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What is asked for besides the request itself.
pub(crate) struct Terms<'t> {
    /// Most bytes of the body.
    pub(crate) most: u64,
    /// Whether a success with these headers is read at all.
    pub(crate) wants: &'t dyn Fn(&HeaderMap) -> bool,
    /// Which redirects are followed.
    pub(crate) follows: &'t dyn Fn(&Url) -> bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The sync ends: stopped, or the site asks for more time than there is patience.
    Ends(SourceError),
    /// It broke down each time. `is_silent`: it was not even reached.
    Unreachable { reason: String, is_silent: bool },
    /// Asking again changes nothing.
    Refused(HttpError),
}

impl Failure {
    /// For requests that the sync cannot go on without.
    pub(crate) fn into_source_error(self) -> SourceError {
        match self {
            Self::Ends(error) => error,
            Self::Unreachable { reason, .. } => SourceError::Away {
                reason,
                retry_after: None,
            },
            Self::Refused(HttpError::Refused(refused)) => {
                SourceError::refused("address_refused", refused.to_string())
            }
            Self::Refused(error) => SourceError::refused("invalid_source", error.to_string()),
        }
    }
}

/// One try.
enum Try {
    Answered(Box<Answer>),
    /// Worth another try, after the time that the site asks for.
    Later {
        reason: String,
        asks_for: Option<Duration>,
        is_silent: bool,
        /// 429: the site is well and wants less of us.
        is_rate: bool,
    },
}

/// Sends the requests of one sync.
pub(crate) struct Patient<'a> {
    context: &'a Context<'a>,
    /// The origin that the credential was given for.
    home: Origin,
    /// Least time between the starts of two requests.
    pub(crate) pause: Duration,
    /// Whether the credential goes with each request to `home` as its authorisation.
    authorises: Cell<bool>,
    /// Whether it does so once the site asks for it.
    answers_challenges: bool,
    late: Lateness,
}

impl<'a> Patient<'a> {
    pub(crate) fn new(context: &'a Context<'a>, home: &Url) -> Self {
        Self {
            context,
            home: home.origin(),
            pause: context.settings.politeness,
            authorises: Cell::new(true),
            answers_challenges: false,
            late: Lateness::default(),
        }
    }

    /// Keeps the credential back unless the site itself asks for a user and a password (RFC 7617), as a server does that
    /// stands before the site proper.
    pub(crate) fn authorises_when_asked(&mut self) {
        self.authorises.set(false);
        self.answers_challenges = true;
    }

    /// Whether requests carry the credential now.
    pub(crate) fn authorises(&self) -> bool {
        self.authorises.get()
    }

    /// Sends a request until it is answered. Any status is an answer but 408, 429 and what stands for a broken server.
    pub(crate) fn ask(&self, request: &Request, terms: &Terms<'_>) -> Result<Answer, Failure> {
        let mut attempt = 1;
        loop {
            let (reason, asks_for, is_silent, is_rate) = match self.attempt(request, terms)? {
                Try::Answered(answer) if self.is_challenged_by(&answer) => {
                    self.authorises.set(true);
                    continue;
                }
                Try::Answered(answer) => return Ok(*answer),
                Try::Later {
                    reason,
                    asks_for,
                    is_silent,
                    is_rate,
                } => (reason, asks_for, is_silent, is_rate),
            };
            let is_last = attempt >= TRIES;
            let host = request.url.host_str().unwrap_or_default();
            if is_last && !is_rate && asks_for.is_none() {
                return Err(Failure::Unreachable { reason, is_silent });
            }
            let pause = self.pause_after(attempt, asks_for);
            if is_last {
                return Err(Failure::Ends(SourceError::Away {
                    reason,
                    retry_after: Some(pause),
                }));
            }
            let what = match asks_for {
                Some(_) => format!("{host} asks to wait {} s", seconds(pause)),
                None => format!("{reason}; it is asked again in {} s", seconds(pause)),
            };
            self.wait(pause, &what).map_err(Failure::Ends)?;
            attempt += 1;
        }
    }

    /// Waits with an eye on the watch, unless it is asked for more than there is patience.
    pub(crate) fn wait(&self, time: Duration, what: &str) -> Result<(), SourceError> {
        if time > self.context.settings.patience {
            return Err(SourceError::Away {
                reason: what.to_owned(),
                retry_after: Some(time),
            });
        }
        self.context.watch.waits_for(Some(what));
        let slept = self.sleep(time);
        self.context.watch.waits_for(None);
        slept
    }

    /// How long to pause after a try: as the site asks, else longer each time.
    pub(crate) fn pause_after(&self, attempt: u32, asks_for: Option<Duration>) -> Duration {
        let first = self.context.settings.politeness.saturating_mul(FIRST_PAUSE);
        let own = first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        match asks_for {
            Some(asks_for) => asks_for.max(self.context.settings.politeness),
            None => own.min(self.context.settings.patience),
        }
    }

    pub(crate) fn is_stopped(&self) -> Result<(), SourceError> {
        if self.context.watch.is_stopped() {
            return Err(SourceError::Stopped);
        }
        Ok(())
    }

    fn sleep(&self, time: Duration) -> Result<(), SourceError> {
        let until = Instant::now() + time;
        loop {
            self.is_stopped()?;
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            thread::sleep(rest.min(NAP));
        }
    }

    fn attempt(&self, request: &Request, terms: &Terms<'_>) -> Result<Try, Failure> {
        let mut request = request.clone();
        let is_home = request.url.origin() == self.home;
        request.credential = self
            .context
            .credential
            .filter(|_| is_home && self.authorises())
            .cloned();
        let site = request.url.origin().ascii_serialization();
        let turn = loop {
            self.is_stopped().map_err(Failure::Ends)?;
            match self.context.http.turns().take(&site, self.pause) {
                Ok(turn) => break turn,
                Err(wait) => self.sleep(wait).map_err(Failure::Ends)?,
            }
        };
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let begun = Instant::now();
        let tried = match self.context.http.send_while(request, terms.follows) {
            Ok(response) => self.read(response, terms, &host),
            Err(HttpError::Unreachable { host, reason }) => {
                Ok(failed(format!("{host} did not answer: {reason}"), true))
            }
            Err(error) => Err(Failure::Refused(error)),
        };
        drop(turn);
        let bytes = match &tried {
            Ok(Try::Answered(answer)) => answer.bytes.len() as u64,
            _ => 0,
        };
        let pace = self.context.settings.pace;
        if self.late.note(pace, begun.elapsed(), bytes) && tried.is_ok() {
            return Err(Failure::Ends(SourceError::Away {
                reason: format!(
                    "{host} is too slow: its answers are {} s late together",
                    pace.late.as_secs_f32()
                ),
                retry_after: Some(pace.late),
            }));
        }
        tried
    }

    /// Whether the site asks for the credential that was kept back.
    fn is_challenged_by(&self, answer: &Answer) -> bool {
        let mut challenges = answer.headers.get_all(WWW_AUTHENTICATE).iter();
        self.answers_challenges
            && !self.authorises()
            && answer.status == StatusCode::UNAUTHORIZED
            && answer.url.origin() == self.home
            && matches!(self.context.credential, Some(Credential::Basic { .. }))
            && challenges.any(|challenge| {
                let scheme = challenge.as_bytes().get(..5).unwrap_or_default();
                scheme.eq_ignore_ascii_case(b"basic")
            })
    }

    fn read(&self, response: Response, terms: &Terms<'_>, host: &str) -> Result<Try, Failure> {
        let status = response.status;
        if status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            )
        {
            return Ok(Try::Later {
                reason: format!("{host} answered {}", status.as_u16()),
                asks_for: retry_after(&response.headers),
                is_silent: false,
                is_rate: status == StatusCode::TOO_MANY_REQUESTS,
            });
        }
        let redirect = response.redirect();
        let most = match status.is_success() {
            true if (terms.wants)(&response.headers) => terms.most,
            true => 0,
            false => terms.most.min(ERROR_BYTES),
        };
        let mut answer = Answer {
            url: response.url.clone(),
            status,
            headers: response.headers.clone(),
            bytes: Vec::new(),
            has_more: false,
            redirect,
        };
        if most == 0 || answer.redirect.is_some() {
            return Ok(Try::Answered(Box::new(answer)));
        }
        match self.body(response, most)? {
            Ok((bytes, has_more)) => {
                answer.bytes = bytes;
                answer.has_more = has_more;
                Ok(Try::Answered(Box::new(answer)))
            }
            Err(reason) => Ok(failed(format!("{host} broke off its answer: {reason}"), false)),
        }
    }

    /// The body as far as `most` bytes, and whether there is more; or how it broke off.
    fn body(&self, response: Response, most: u64) -> Result<Result<(Vec<u8>, bool), String>, Failure> {
        let until = Instant::now() + MOST_TIME;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut reader = response.into_reader();
        let mut bytes = Vec::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            self.is_stopped().map_err(Failure::Ends)?;
            if Instant::now() > until {
                let reason = format!("it took longer than {} s", MOST_TIME.as_secs());
                return Ok(Err(reason));
            }
            let read = match reader.read(&mut piece) {
                Ok(0) => return Ok(Ok((bytes, false))),
                Ok(read) => read,
                Err(error) => return Ok(Err(error.to_string())),
            };
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
            if bytes.len() > most {
                bytes.truncate(most);
                return Ok(Ok((bytes, true)));
            }
        }
    }
}

fn failed(reason: String, is_silent: bool) -> Try {
    Try::Later {
        reason,
        asks_for: None,
        is_silent,
        is_rate: false,
    }
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
