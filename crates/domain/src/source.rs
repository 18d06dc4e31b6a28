//! Where documents come from. A sync of a source touches only the documents that came from it.

use serde::{Deserialize, Serialize};

use crate::id::{KbId, SourceId};
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// An archive that is uploaded as a whole: what a later upload of it no longer holds is removed.
    Archive,
    /// Single files, uploaded one by one: each replaces the file of its name and removes nothing else.
    Files,
}

impl SourceKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Files => "files",
        }
    }

    /// Whether documents that a sync did not meet are removed at its end.
    pub const fn removes_missing(self) -> bool {
        matches!(self, Self::Archive)
    }
}

impl std::str::FromStr for SourceKind {
    type Err = UnknownSourceKind;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "archive" => Ok(Self::Archive),
            "files" => Ok(Self::Files),
            _ => Err(UnknownSourceKind(text.to_owned())),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown source kind {0:?}")]
pub struct UnknownSourceKind(pub String);

/// Longest name of a source or of an uploaded file, in characters.
pub const MAX_NAME_CHARS: usize = 255;

/// One source of one knowledge base, unique by kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub id: SourceId,
    pub kb_id: KbId,
    pub kind: SourceKind,
    pub name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
