//! Writing systems, as far as retrieval has to tell them apart.

use serde::{Deserialize, Serialize};

/// The script that most letters of a text belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    Latin,
    Cyrillic,
    /// Any other writing system.
    Other,
    /// No letters at all: numbers, error codes, punctuation.
    None,
}
