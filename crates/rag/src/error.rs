//! What can go wrong on the way to an answer.

use nexus_domain::{EmbedError, PassageError, VectorError};

/// Retrieval failed. What only degrades it (a dense side that is away, in hybrid mode) is no error: the report of the
/// retrieval tells of it.
#[derive(Debug, thiserror::Error)]
pub enum RagError {
    /// Vectors were asked for explicitly, and there is no embedding model.
    #[error("dense retrieval was asked for, and no embedding model is configured")]
    NoEmbedder,
    /// The model failed, and nothing else was asked for.
    #[error("the question could not be embedded")]
    Embed(#[from] EmbedError),
    /// An index failed that the question cannot do without.
    #[error("an index could not be searched")]
    Vectors(#[from] VectorError),
    /// The rows behind the hits could not be read.
    #[error(transparent)]
    Passages(#[from] PassageError),
}
