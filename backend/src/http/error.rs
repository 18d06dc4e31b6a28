//! From what went wrong to a code of the contract. The envelope itself is written by [`super::envelope`], which knows
//! the request's id.

use axum::extract::multipart::{MultipartError, MultipartRejection};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nexus_api::ErrorCode;

use super::signed_body::is_mismatch;
use crate::error_chain::chain;
use crate::service::{Exceeded, Refusal, ServiceError};

/// When to come back where all places are taken.
const BUSY_SECONDS: u64 = 30;

/// What a handler fails with.
#[derive(Clone, Debug)]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: String,
    pub details: Option<Box<serde_json::Value>>,
    /// Seconds after which it is worth another try.
    pub retry_after: Option<u64>,
    /// The chain of causes, for the log; never sent.
    pub cause: Option<String>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            retry_after: None,
            cause: None,
        }
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A value of the request that cannot be used.
    pub fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::new(ErrorCode::ValidationFailed, reason).with_details(serde_json::json!({ "field": field }))
    }

    fn with_details(mut self, details: serde_json::Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    fn caused(code: ErrorCode, message: &str, cause: &dyn std::error::Error) -> Self {
        Self {
            cause: Some(chain(cause)),
            ..Self::new(code, message)
        }
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match error {
            ServiceError::NotFound(_) => Self::new(ErrorCode::NotFound, message),
            ServiceError::AlreadyExists { .. } => Self::new(ErrorCode::AlreadyExists, message),
            ServiceError::Denied(_) => Self::new(ErrorCode::Forbidden, message),
            ServiceError::Refused(refusal) => refusal.into(),
            ServiceError::LastAdmin => Self::new(ErrorCode::LastAdmin, message),
            ServiceError::PreconditionFailed => Self::new(ErrorCode::PreconditionFailed, message),
            ServiceError::Invalid { field, .. } => Self::invalid(field, message),
            ServiceError::TaskState(_) => Self::new(ErrorCode::TaskState, message),
            ServiceError::GenerationState(_) => Self::new(ErrorCode::GenerationState, message),
            ServiceError::BotLeaseHeld => Self::new(ErrorCode::BotLeaseHeld, message),
            ServiceError::LeaseLost => Self::new(ErrorCode::LeaseLost, message),
            ServiceError::DeliveryState(_) => Self::new(ErrorCode::DeliveryState, message),
            ServiceError::IdempotencyMismatch => Self::new(ErrorCode::IdempotencyMismatch, message),
            ServiceError::IdempotencyInProgress => Self::new(ErrorCode::IdempotencyInProgress, message),
            ServiceError::NoEmbedder => Self::new(ErrorCode::NoEmbedder, message),
            ServiceError::NoChatModel => Self::new(ErrorCode::NoChatModel, message),
            ServiceError::TooLarge { .. } => Self::new(ErrorCode::PayloadTooLarge, message),
            ServiceError::Interrupted(_) => Self::new(ErrorCode::InvalidRequest, message),
            ServiceError::QuotaExceeded(exceeded) => Self::new(ErrorCode::QuotaExceeded, message)
                .with_details(quota_details(&exceeded))
                .retry_after(exceeded.retry_after_seconds),
            ServiceError::Busy(_) => Self::new(ErrorCode::TooManyRequests, message).retry_after(BUSY_SECONDS),
            ServiceError::NoSpace => Self::new(ErrorCode::InsufficientStorage, message),
            ServiceError::Unavailable(_) => Self::caused(
                ErrorCode::Unavailable,
                "a part of the server is away; try again later",
                &error,
            ),
            ServiceError::Internal(_) => Self::caused(
                ErrorCode::Internal,
                "the server failed; the log knows this request id",
                &error,
            ),
        }
    }
}

/// Whose limit of what was reached, and when it is one again.
fn quota_details(exceeded: &Exceeded) -> serde_json::Value {
    let mut details = serde_json::json!({
        "subject": exceeded.subject.kind(),
        "id": exceeded.subject.id(),
        "measure": exceeded.measure.as_str(),
        "limit": exceeded.limit,
        "resets_at": exceeded.resets_at.to_datetime(),
    });
    if let Some(currency) = exceeded.currency {
        details["currency"] = currency.as_str().into();
    }
    details
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Unauthorized => ErrorCode::Unauthorized,
            Refusal::Expired => ErrorCode::TokenExpired,
            Refusal::Revoked => ErrorCode::TokenRevoked,
            Refusal::SignatureRequired => ErrorCode::SignatureRequired,
            Refusal::Signature(_) | Refusal::Body => ErrorCode::SignatureInvalid,
            Refusal::Replayed => ErrorCode::Replayed,
            Refusal::UserBlocked => ErrorCode::UserBlocked,
            Refusal::BotDisabled => ErrorCode::BotDisabled,
            Refusal::AddressNotAllowed => ErrorCode::AddressNotAllowed,
            Refusal::Csrf => ErrorCode::CsrfFailed,
            Refusal::ConflictingIdentity => ErrorCode::ConflictingIdentity,
            Refusal::InitData(_) => ErrorCode::InitDataInvalid,
            Refusal::InitDataSignature(_) => ErrorCode::InitDataSignatureInvalid,
            Refusal::LoginWidget(_) => ErrorCode::LoginWidgetInvalid,
            Refusal::IdToken(_) => ErrorCode::IdTokenInvalid,
        };
        let mut error = Self::new(code, refusal.to_string());
        error.details = refusal
            .reason()
            .map(|reason| Box::new(serde_json::json!({ "reason": reason })));
        error
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        if is_mismatch(&rejection) {
            return Refusal::Body.into();
        }
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => ErrorCode::ValidationFailed,
            _ => ErrorCode::InvalidRequest,
        };
        let text = rejection.body_text();
        // What is a type to us is nothing to the caller.
        let text = text.strip_prefix("Failed to deserialize the JSON body into the target type: ");
        Self::new(code, text.map_or_else(|| rejection.body_text(), str::to_owned))
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(ErrorCode::InvalidRequest, rejection.body_text())
    }
}

impl From<MultipartRejection> for ApiError {
    fn from(_: MultipartRejection) -> Self {
        Self::new(
            ErrorCode::UnsupportedMediaType,
            "an upload is sent as multipart/form-data with a boundary",
        )
    }
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        if is_mismatch(&error) {
            return Refusal::Body.into();
        }
        let code = match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
            _ => ErrorCode::InvalidRequest,
        };
        Self::new(code, error.body_text())
    }
}
