//! How often one caller may ask. Each kind of route has buckets of its own: one per person, whichever bot or session they
//! come by; one per program; one per address of those who have proven nothing. Told in the headers that
//! draft-ietf-httpapi-ratelimit-headers names. Buckets live in the process.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::middleware::StateInformationMiddleware;
use nexus_api::ErrorCode;
use nexus_domain::{Access, Caller, Role};
use tower::{Layer as _, Service as _};
use tower_governor::governor::{GovernorConfig, GovernorConfigBuilder};
use tower_governor::key_extractor::KeyExtractor;
use tower_governor::{GovernorError, GovernorLayer};
use uuid::Uuid;

use super::auth;
use super::error::ApiError;
use crate::config::{Config, PerMinute};

const MINUTE: Duration = Duration::from_secs(60);
/// How often callers that have been quiet are forgotten.
const FORGET_EVERY: Duration = MINUTE;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What the governor itself tells.
const REMAINING: &str = "x-ratelimit-remaining";
const NOT_STANDARD: [&str; 3] = [
    "x-ratelimit-limit",
    "x-ratelimit-after",
    "x-ratelimit-whitelisted",
];

/// What a route takes; each kind has buckets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Questions,
    Uploads,
    Rest,
}

impl Asked {
    const fn name(self) -> &'static str {
        match self {
            Self::Questions => "questions",
            Self::Uploads => "uploads",
            Self::Rest => "requests",
        }
    }

    const fn of(self, limits: PerMinute) -> u32 {
        match self {
            Self::Questions => limits.questions,
            Self::Uploads => limits.uploads,
            Self::Rest => limits.requests,
        }
    }
}

/// Whose bucket it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// By their id at Telegram.
    Person(i64),
    /// An API key, or a bot for itself.
    Program(Uuid),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByCaller;

impl KeyExtractor for ByCaller {
    type Key = Key;

    fn name(&self) -> &'static str {
        "caller"
    }

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<Key, GovernorError> {
        let extensions = request.extensions();
        Ok(match auth::access_of(extensions).map(Access::caller) {
            Some(Caller::Person(person)) => Key::Person(person.telegram_id.get()),
            Some(Caller::Bot(caller)) => Key::Program(caller.bot.as_uuid()),
            Some(Caller::ApiKey(id)) => Key::Program(id.as_uuid()),
            Some(Caller::Public) | None => {
                let address = auth::address_of(extensions);
                Key::Address(network(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
            }
        })
    }
}

/// What one subscriber is given: an address of IPv4, a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// The buckets of one kind of route. `None` where there is no limit.
#[derive(Clone, Debug)]
pub struct Limits {
    reader: Option<Buckets>,
    editor: Option<Buckets>,
    admin: Option<Buckets>,
    program: Option<Buckets>,
    address: Option<Buckets>,
}

/// Buckets of one size, and how they are told of.
#[derive(Clone, Debug)]
struct Buckets {
    governor: Arc<GovernorConfig<ByCaller, StateInformationMiddleware>>,
    name: &'static str,
    policy: String,
}

impl Limits {
    pub fn new(config: &Config, asked: Asked) -> Self {
        let per_minute = |limits| {
            let most = asked.of(limits);
            (most > 0).then(|| Buckets::new(asked.name(), MINUTE / most, most))?
        };
        let limits = config.limits;
        let period = Duration::from_secs(1) / config.http.requests_per_second;
        Self {
            reader: per_minute(limits.reader),
            editor: per_minute(limits.editor),
            admin: per_minute(limits.admin),
            program: per_minute(limits.program),
            address: Buckets::new("address", period, config.http.burst),
        }
    }

    /// Keeps the tables from growing for ever; ends when the router is gone.
    pub fn forget_quiet_callers(&self) {
        let all = [
            &self.reader,
            &self.editor,
            &self.admin,
            &self.program,
            &self.address,
        ];
        for buckets in all.into_iter().flatten() {
            let governor = Arc::downgrade(&buckets.governor);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(FORGET_EVERY).await;
                    let Some(governor) = governor.upgrade() else {
                        return;
                    };
                    governor.limiter().retain_recent();
                }
            });
        }
    }

    fn of(&self, request: &Request) -> Option<&Buckets> {
        let access = auth::access_of(request.extensions());
        let buckets = match access.map(|access| (access.caller(), access.role())) {
            Some((Caller::Person(_), Role::Reader)) => &self.reader,
            Some((Caller::Person(_), Role::Editor)) => &self.editor,
            Some((Caller::Person(_), Role::Admin)) => &self.admin,
            Some((Caller::Bot(_) | Caller::ApiKey(_), _)) => &self.program,
            Some((Caller::Public, _)) | None => &self.address,
        };
        buckets.as_ref()
    }
}

impl Buckets {
    /// `None` only for a limit of zero.
    fn new(name: &'static str, period: Duration, burst: u32) -> Option<Self> {
        let governor = GovernorConfigBuilder::default()
            .period(period)
            .burst_size(burst)
            .key_extractor(ByCaller)
            .use_headers()
            .finish()?;
        let window = (period * burst).as_secs().max(1);
        Some(Self {
            governor: Arc::new(governor),
            name,
            policy: format!("\"{name}\";q={burst};w={window}"),
        })
    }

    /// Says the bucket's state in standard headers instead of the governor's own.
    fn tell(&self, response: &mut Response) {
        let headers = response.headers_mut();
        for name in NOT_STANDARD {
            headers.remove(name);
        }
        let remaining = headers.remove(REMAINING);
        let remaining = remaining.as_ref().and_then(|value| value.to_str().ok());
        let state = format!("\"{}\";r={}", self.name, remaining.unwrap_or("0"));
        for (name, text) in [(POLICY, &self.policy), (LIMIT, &state)] {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
    }
}

/// The layer: takes from the caller's bucket, or refuses. It stands behind [`auth::admit`], which says who calls.
pub async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let Some(buckets) = limits.of(&request) else {
        return next.run(request).await;
    };
    let layer = GovernorLayer::<_, _, Body>::new(Arc::clone(&buckets.governor)).error_handler(refused);
    let answered: Result<Response, Infallible> = layer.layer(next).call(request).await;
    let Ok(mut response) = answered;
    buckets.tell(&mut response);
    response
}

/// The governor's refusal as an error of the contract.
fn refused(error: GovernorError) -> Response {
    let error = match error {
        GovernorError::TooManyRequests { wait_time, .. } => {
            let message = "too many requests; see Retry-After";
            // It counts whole seconds only.
            ApiError::new(ErrorCode::TooManyRequests, message).retry_after(wait_time + 1)
        }
        GovernorError::UnableToExtractKey | GovernorError::Other { .. } => {
            ApiError::new(ErrorCode::Internal, "the rate limit failed")
        }
    };
    error.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_with_many_addresses_has_one_bucket() {
        let of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
    }
}
