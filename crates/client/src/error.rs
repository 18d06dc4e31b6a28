//! What can go wrong between a client and the backend.

use nexus_api::{ErrorBody, ErrorCode};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "{base} is plain http to another machine; use https, or allow it explicitly if the network between is trusted"
    )]
    PlainHttp { base: String },
    #[error("{base} is not an http or https address")]
    Address { base: String },
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    #[error("the file {path} cannot be read")]
    File { path: String, source: std::io::Error },
    /// A signature covers the whole body, so the body has to be known when it begins.
    #[error("a streamed body was not read before it was signed")]
    Unread,
    /// The backend did not answer, or the connection broke.
    #[error("the backend at {base} cannot be reached")]
    Unreachable { base: String, source: reqwest::Error },
    /// The backend answered with an error.
    #[error("{} ({}, request {})", .0.message, .0.code.as_str(), .0.request_id)]
    Api(Box<ErrorBody>),
    /// The answer is not what the contract says: another version, or something else listens there.
    #[error("unexpected answer (status {status}): {text}")]
    Unexpected { status: u16, text: String },
}

impl ClientError {
    /// The backend's code, where the backend spoke.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api(body) => Some(body.code),
            _ => None,
        }
    }

    /// What the backend tells programs beside its code, such as why a signature is not good.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Api(body) => body.details.as_ref()?.get("reason")?.as_str(),
            _ => None,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Api(body) => matches!(
                body.code,
                ErrorCode::TooManyRequests | ErrorCode::Unavailable | ErrorCode::IdempotencyInProgress
            ),
            _ => false,
        }
    }
}
