//! Fields of a change that may be absent (stays as it is), `null` (removed) or a value.

use serde::{Deserialize, Deserializer};

/// `Some(None)` for `null`, `Some(Some(value))` for a value; with `#[serde(default)]`, `None` where absent.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
