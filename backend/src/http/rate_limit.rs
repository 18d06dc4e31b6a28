//! One bucket of requests per address, told in the headers that draft-ietf-httpapi-ratelimit-headers names.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, Response};
use axum::response::IntoResponse as _;
use governor::middleware::StateInformationMiddleware;
use nexus_api::ErrorCode;
use tower_governor::GovernorError;
use tower_governor::governor::{GovernorConfig, GovernorConfigBuilder};
use tower_governor::key_extractor::PeerIpKeyExtractor;

use super::error::ApiError;
use crate::config::HttpConfig;

pub type Limiter = GovernorConfig<PeerIpKeyExtractor, StateInformationMiddleware>;

/// How often addresses that have been quiet are forgotten.
pub const FORGET_EVERY: Duration = Duration::from_secs(60);

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// `None` only for a quota of zero, which the settings refuse.
pub fn limiter(config: &HttpConfig) -> Option<Arc<Limiter>> {
    let period = Duration::from_secs(1) / config.requests_per_second;
    GovernorConfigBuilder::default()
        .period(period)
        .burst_size(config.burst)
        .use_headers()
        .finish()
        .map(Arc::new)
}

/// The governor's refusal as an error of the contract.
pub fn refused(error: GovernorError) -> Response<Body> {
    match error {
        GovernorError::TooManyRequests { wait_time, .. } => {
            let mut response =
                ApiError::new(ErrorCode::TooManyRequests, "too many requests; see Retry-After")
                    .into_response();
            // Whole seconds, and never "at once".
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(wait_time.max(1)));
            response
        }
        GovernorError::UnableToExtractKey => {
            ApiError::new(ErrorCode::Internal, "the caller's address is not known").into_response()
        }
        GovernorError::Other { .. } => {
            ApiError::new(ErrorCode::Internal, "the rate limit failed").into_response()
        }
    }
}

/// Says the bucket's state in standard headers instead of the governor's own.
pub fn standard_headers(config: &HttpConfig) -> impl Fn(Response<Body>) -> Response<Body> + Clone + use<> {
    let window = config.burst.div_ceil(config.requests_per_second);
    let policy = HeaderValue::from_str(&format!("\"address\";q={};w={window}", config.burst)).ok();
    move |mut response| {
        let headers = response.headers_mut();
        let remaining = headers.remove("x-ratelimit-remaining");
        for name in [
            "x-ratelimit-limit",
            "x-ratelimit-after",
            "x-ratelimit-whitelisted",
        ] {
            headers.remove(name);
        }
        let remaining = remaining.as_ref().and_then(|value| value.to_str().ok());
        let state = remaining.and_then(|n| HeaderValue::from_str(&format!("\"address\";r={n}")).ok());
        if let (Some(policy), Some(state)) = (policy.clone(), state) {
            headers.insert(POLICY, policy);
            headers.insert(LIMIT, state);
        }
        response
    }
}
