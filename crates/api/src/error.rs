//! The error envelope and its closed set of codes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:tt, $status:literal;)+) => {
        /// What went wrong. Codes are added, never renamed; programs act on them and not on messages.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $variant,)+
        }

        impl ErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The HTTP status that always goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }
        }
    };
}

error_codes! {
    /// The request cannot be understood: malformed JSON, multipart, header or parameter.
    InvalidRequest = "invalid_request", 400;
    /// No credentials, or credentials that are not (or no longer) valid.
    Unauthorized = "unauthorized", 401;
    /// The caller is known and lacks the right.
    Forbidden = "forbidden", 403;
    /// No such route, or no such thing that the caller may see.
    NotFound = "not_found", 404;
    /// The route exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", 408;
    /// The name is taken.
    AlreadyExists = "already_exists", 409;
    /// The task's state does not allow this.
    TaskState = "task_state", 409;
    /// The generation's state does not allow this.
    GenerationState = "generation_state", 409;
    /// A request with this `Idempotency-Key` is still being worked on.
    IdempotencyInProgress = "idempotency_in_progress", 409;
    /// Dense search was asked for and no embedding model is loaded.
    NoEmbedder = "no_embedder", 409;
    /// The body is larger than allowed.
    PayloadTooLarge = "payload_too_large", 413;
    /// The body's content type is not what the route takes.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// The request is well-formed and a value in it cannot be used; `details` names the field.
    ValidationFailed = "validation_failed", 422;
    /// The `Idempotency-Key` was used before with a different request.
    IdempotencyMismatch = "idempotency_mismatch", 422;
    /// Too many requests; `Retry-After` says when to come back.
    TooManyRequests = "too_many_requests", 429;
    /// A defect of the server. The log holds the cause under the request id.
    Internal = "internal", 500;
    /// A part of the server is away; trying again later may help.
    Unavailable = "unavailable", 503;
    /// No room is left for uploads.
    InsufficientStorage = "insufficient_storage", 507;
}

/// Every response that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorEnvelope {
    pub error: ErrorBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    pub code: ErrorCode,
    /// One sentence for people.
    pub message: String,
    /// More for programs, such as `{"field": "name"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// The request's `X-Request-Id`; the server's log knows it.
    pub request_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_its_text_and_every_status_is_an_error() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!((400..600).contains(&code.status()));
        }
    }

    #[test]
    fn the_schema_lists_the_codes_as_they_are_written() {
        let schema = serde_json::to_value(<ErrorCode as utoipa::PartialSchema>::schema()).unwrap();
        let written: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(schema["enum"], serde_json::json!(written));
    }
}
