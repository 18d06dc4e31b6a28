//! Keyset pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A page of a list. `next_cursor` is opaque; it is absent on the last page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
