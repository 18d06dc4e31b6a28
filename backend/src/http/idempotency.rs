//! The `Idempotency-Key` header of creating requests.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use nexus_api::ErrorCode;
use nexus_api::limits::MAX_IDEMPOTENCY_KEY_CHARS;

use super::error::ApiError;

/// The key that the caller sent, if any.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        // A tab is text to `to_str`.
        match value.to_str() {
            Ok(key) if (1..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&key.len()) && !key.contains('\t') => {
                Ok(Self(Some(key.to_owned())))
            }
            _ => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                format!("Idempotency-Key takes 1 to {MAX_IDEMPOTENCY_KEY_CHARS} printable ASCII characters"),
            )),
        }
    }
}
