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
    /// The token has expired.
    TokenExpired = "token_expired", 401;
    /// The token was revoked.
    TokenRevoked = "token_revoked", 401;
    /// The bot signs its requests, and this one carries no signature.
    SignatureRequired = "signature_required", 401;
    /// The request's signature does not fit the request; `details.reason` says more.
    SignatureInvalid = "signature_invalid", 401;
    /// A signed request or a sign-in that was seen before.
    Replayed = "replayed", 401;
    /// The Mini App's data is not what Telegram has signed; `details.reason` says more.
    InitDataInvalid = "init_data_invalid", 401;
    /// The Mini App's data does not carry Telegram's own signature; `details.reason` says more.
    InitDataSignatureInvalid = "init_data_signature_invalid", 401;
    /// The login widget's fields are not what Telegram has signed; `details.reason` says more.
    LoginWidgetInvalid = "login_widget_invalid", 401;
    /// The OpenID Connect token is not valid here; `details.reason` says more.
    IdTokenInvalid = "id_token_invalid", 401;
    /// The person is blocked.
    UserBlocked = "user_blocked", 403;
    /// The bot is turned off.
    BotDisabled = "bot_disabled", 403;
    /// The caller's address is not one that the bot or key may call from.
    AddressNotAllowed = "address_not_allowed", 403;
    /// A change with a session cookie lacks the header `X-CSRF-Token`, or carries a wrong one.
    CsrfFailed = "csrf_failed", 403;
    /// The caller is known and lacks the right.
    Forbidden = "forbidden", 403;
    /// A person can be named by a bot alone, and only by one: credentials and `X-Telegram-User-Id` contradict each other.
    ConflictingIdentity = "conflicting_identity", 400;
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
    /// An answer of a chat model was asked for and none is set up.
    NoChatModel = "no_chat_model", 409;
    /// One admin who is not blocked must remain.
    LastAdmin = "last_admin", 409;
    /// The thing has changed since the version that `If-Match` names.
    PreconditionFailed = "precondition_failed", 412;
    /// Another process serves the bot; its lease must end first.
    BotLeaseHeld = "bot_lease_held", 409;
    /// The lease has ended, or the delivery was given to somebody else.
    LeaseLost = "lease_lost", 409;
    /// The state of the delivery does not allow this.
    DeliveryState = "delivery_state", 409;
    /// The body is larger than allowed.
    PayloadTooLarge = "payload_too_large", 413;
    /// The body's content type is not what the route takes.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// The request is well-formed and a value in it cannot be used; `details` names the field.
    ValidationFailed = "validation_failed", 422;
    /// The `Idempotency-Key` was used before with a different request.
    IdempotencyMismatch = "idempotency_mismatch", 422;
    /// The change needs `If-Match` with the version that it is made to.
    PreconditionRequired = "precondition_required", 428;
    /// A daily limit is reached; `details` names it, `Retry-After` says when the day ends.
    QuotaExceeded = "quota_exceeded", 429;
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
