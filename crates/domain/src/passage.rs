//! Passages: chunks as retrieval hands them out, with what a citation needs to know about their document.

use std::collections::HashMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::access::KbFilter;
use crate::document::{Chunk, Format};
use crate::id::{ChunkId, VersionId};

/// A current chunk and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    pub chunk: Chunk,
    pub kb_name: String,
    pub source_name: String,
    pub document_path: String,
    pub document_title: String,
    pub format: Format,
    /// Where people find the document outside of Nexus.
    pub document_link: Option<String>,
}

impl Passage {
    /// Where people find exactly this place.
    pub fn link(&self) -> Option<String> {
        let link = self.document_link.as_deref()?;
        Some(match &self.chunk.anchor {
            Some(anchor) => format!("{link}#{anchor}"),
            None => link.to_owned(),
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("passages could not be read")]
pub struct PassageError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The port that turns hits into passages. Rows are the truth: an id without a current row, or outside of the filter,
/// is left out, so no index can bring back a deleted text.
#[async_trait]
pub trait Passages: Send + Sync {
    /// The current passages among `ids`, in no particular order.
    async fn current(&self, ids: &[ChunkId], filter: &KbFilter) -> Result<Vec<Passage>, PassageError>;

    /// The version of a document that each of `ids` is a part of, current or not; an id without a row is left out.
    async fn versions_of(&self, ids: &[ChunkId]) -> Result<HashMap<ChunkId, VersionId>, PassageError>;
}
