//! Keyset pages: the cursor is the key of the last item, in base64url so that nobody builds one by hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_api::limits::{DEFAULT_PAGE, MAX_PAGE};
use nexus_api::{ErrorCode, Page};
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::error::ApiError;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items of the page, 1 to 200.
    #[param(default = 50, minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    pub fn limit(&self) -> Result<usize, ApiError> {
        match self.limit.unwrap_or(DEFAULT_PAGE) {
            limit @ 1..=MAX_PAGE => Ok(limit as usize),
            _ => Err(ApiError::invalid("limit", format!("limit takes 1 to {MAX_PAGE}"))),
        }
    }

    /// The key after which the page starts.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, ApiError> {
        let Some(cursor) = self.cursor.as_deref().filter(|cursor| !cursor.is_empty()) else {
            return Ok(None);
        };
        let key = URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            // No key of ours holds a NUL, which no database takes.
            .filter(|bytes| !bytes.windows(6).any(|escape| escape == br"\u0000"))
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        key.map(Some)
            .ok_or_else(|| ApiError::new(ErrorCode::InvalidRequest, "this cursor is not one of ours"))
    }
}

/// A page of `items`, which were asked for with one more than `limit` to see whether there is a next one.
pub fn page<T, U, K: Serialize>(
    mut items: Vec<T>,
    limit: usize,
    key: impl Fn(&T) -> K,
    to_wire: impl Fn(T) -> U,
) -> Page<U> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items
        .last()
        .filter(|_| more)
        .and_then(|last| serde_json::to_vec(&key(last)).ok())
        .map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    Page {
        items: items.into_iter().map(to_wire).collect(),
        next_cursor,
    }
}
