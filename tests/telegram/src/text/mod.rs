//! Texts of messages: what is read from a call, and what Telegram marks in what people write.

mod body;
mod marks;

use serde::Serialize;

pub(crate) use body::Body;
pub(crate) use marks::marks;

/// A format or a mark of a stretch of text; offset and length are UTF-16 code units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// As in the Bot API: `bold`, `text_link`, `bot_command`, …
    #[serde(rename = "type")]
    pub kind: String,
    pub offset: usize,
    pub length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Entity {
    fn new(kind: &str, offset: usize, length: usize) -> Self {
        Self {
            kind: kind.to_owned(),
            offset,
            length,
            url: None,
            language: None,
        }
    }
}
