//! axum's extractors with the contract's errors.

use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use nexus_api::ErrorCode;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use super::error::ApiError;

/// A JSON object as a body, in or out.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        object(&json(request, state).await?).map(Self)
    }
}

/// Reads a JSON object whose bytes were looked at before.
pub fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // serde would take the fields of a struct out of an array, too.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(ApiError::invalid("body", "the body is a JSON object"));
    }
    match axum::Json::from_bytes(body) {
        Ok(axum::Json(value)) => Ok(value),
        Err(error) => whole_numbers(body).ok_or_else(|| error.into()),
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The bytes of a body that says that it is JSON.
async fn json<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    if !is_json(request.headers()) {
        let message = "send JSON, with the header `Content-Type: application/json`";
        return Err(ApiError::new(ErrorCode::UnsupportedMediaType, message));
    }
    let body = Bytes::from_request(request, state).await;
    body.map_err(|error| JsonRejection::from(error).into())
}

/// `application/json`, and every `application/…+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let Some(kind) = essence
        .trim()
        .to_ascii_lowercase()
        .strip_prefix("application/")
        .map(str::to_owned)
    else {
        return false;
    };
    kind == "json" || kind.ends_with("+json")
}

/// The value where only numbers like `1.0` stood in the way: to JSON Schema that is an integer.
fn whole_numbers<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    let changed = make_whole(&mut value);
    if changed {
        serde_json::from_value(value).ok()
    } else {
        None
    }
}

fn make_whole(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // Beyond 2^53 a float is no exact integer.
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
            Some(float) if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 => {
                *number = Number::from(float as i64);
                true
            }
            _ => false,
        },
        Value::Array(items) => items.iter_mut().fold(false, |any, item| make_whole(item) | any),
        Value::Object(fields) => fields
            .values_mut()
            .fold(false, |any, item| make_whole(item) | any),
        _ => false,
    }
}

/// A JSON merge patch (RFC 7396), of any shape; `application/json` is taken for it too.
#[derive(Debug)]
pub struct MergePatch(pub Value);

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let axum::Json(patch) = axum::Json::from_bytes(&json(request, state).await?)?;
        Ok(Self(patch))
    }
}

#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct Query<T>(pub T);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Option<u32> {
        #[derive(serde::Deserialize)]
        struct Body {
            limit: u32,
        }
        whole_numbers::<Body>(body.as_bytes()).map(|body| body.limit)
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_float() {
        assert_eq!(read(r#"{"limit": 3.0}"#), Some(3));
        assert_eq!(read(r#"{"limit": 3e2}"#), Some(300));
        assert_eq!(read(r#"{"limit": 3.5}"#), None);
        assert_eq!(read(r#"{"limit": -3.0}"#), None);
        assert_eq!(read(r#"{"limit": 1e300}"#), None);
    }

    #[test]
    fn json_is_told_by_its_content_type() {
        let is = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            is_json(&headers)
        };
        assert!(is("application/json") && is("Application/JSON; charset=utf-8"));
        assert!(is("application/merge-patch+json"));
        assert!(!is("text/json") && !is("application/jsonx") && !is(""));
    }
}
