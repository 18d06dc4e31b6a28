//! The outermost layer: every response that is not a success leaves in the error envelope, with the request's id, and a
//! failure of the server is logged here, once, with its causes.

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use nexus_api::{ErrorBody, ErrorCode, ErrorEnvelope};

use super::error::ApiError;
use super::request_id::RequestId;

/// Seconds after which a part that is away is worth another try.
const RETRY_UNAVAILABLE_SECONDS: u64 = 2;

pub async fn envelope(request: Request, next: Next) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or_default();
    let mut response = next.run(request).await;
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if needs_envelope(&response) => from_status(response.status()),
        None => return response,
    };
    log(&error, &id);
    write(error, &id, &response)
}

/// A failure of the server is logged, with its causes.
pub fn log(error: &ApiError, id: &RequestId) {
    if error.code.status() >= 500 {
        let cause = error.cause.as_deref().unwrap_or("unknown");
        tracing::error!(request_id = %id, code = error.code.as_str(), cause, "request failed");
    }
}

/// What the caller is told.
pub fn body(error: ApiError, id: &RequestId) -> ErrorEnvelope {
    ErrorEnvelope {
        error: ErrorBody {
            code: error.code,
            message: error.message,
            details: error.details.map(|details| *details),
            request_id: id.to_string(),
        },
    }
}

fn write(error: ApiError, id: &RequestId, inner: &Response) -> Response {
    let status = error.status();
    let away = error.code == ErrorCode::Unavailable;
    let retry_after = error.retry_after.or(away.then_some(RETRY_UNAVAILABLE_SECONDS));
    let mut response = (status, axum::Json(body(error, id))).into_response();
    for (name, value) in inner.headers() {
        if name != CONTENT_TYPE && name != axum::http::header::CONTENT_LENGTH {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Errors that axum and its layers make themselves carry no JSON. A probe's 503 with its report does.
fn needs_envelope(response: &Response) -> bool {
    let status = response.status();
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    (status.is_client_error() || status.is_server_error()) && !is_json
}

fn from_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::new(ErrorCode::NotFound, "there is nothing at this address"),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::new(
            ErrorCode::MethodNotAllowed,
            "this address does not take this method",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(ErrorCode::PayloadTooLarge, "the body is larger than allowed")
        }
        StatusCode::REQUEST_TIMEOUT => {
            ApiError::new(ErrorCode::RequestTimeout, "the request took longer than allowed")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "this content type is not taken here",
        ),
        StatusCode::TOO_MANY_REQUESTS => {
            ApiError::new(ErrorCode::TooManyRequests, "too many requests; see Retry-After")
        }
        status if status.is_client_error() => {
            ApiError::new(ErrorCode::InvalidRequest, "the request cannot be understood")
        }
        _ => ApiError::new(
            ErrorCode::Internal,
            "the server failed; the log knows this request id",
        ),
    }
}
