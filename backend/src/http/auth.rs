//! Who calls. A handler that takes [`Authorised`], or a permit built on it, cannot be reached without credentials.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use nexus_api::ErrorCode;
use nexus_domain::Access;

use super::error::ApiError;
use crate::app::App;

/// A caller with valid credentials, and what it may see.
#[derive(Clone, Debug)]
pub struct Authorised(pub Access);

impl FromRequestParts<App> for Authorised {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let refused = || {
            ApiError::new(
                ErrorCode::Unauthorized,
                "send a valid API key in the header `Authorization: Bearer …`",
            )
        };
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(refused)?;
        let (scheme, key) = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        let caller = app
            .credentials
            .authenticate(key.trim())
            .await?
            .ok_or_else(refused)?;
        Ok(Self(Access::decide(caller)))
    }
}
