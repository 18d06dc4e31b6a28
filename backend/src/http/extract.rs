//! axum's extractors with the contract's errors.

use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

/// A JSON body, in or out.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub struct Json<T>(pub T);

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A JSON merge patch (RFC 7396); `application/json` is taken for it too.
#[derive(Debug)]
pub struct MergePatch(pub serde_json::Value);

impl<S: Send + Sync> axum::extract::FromRequest<S> for MergePatch {
    type Rejection = ApiError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, ApiError> {
        // axum takes every `application/…+json`.
        let Json(patch) = Json::from_request(request, state).await?;
        Ok(Self(patch))
    }
}

#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct Query<T>(pub T);
