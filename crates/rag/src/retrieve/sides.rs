//! The two searches of a question, side by side.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use nexus_domain::{
    CallLog, ChunkId, Collection, Embedder, Hit, KbFilter, PassageError, Script, Vector, VectorError,
    VectorQuery, VectorStore,
};
use tracing::Instrument as _;

use super::question::Mode;
use super::report::{SideReport, SideStatus, micros_since};
use crate::error::RagError;

/// An embedding model and the index that was built with it.
#[derive(Clone, Debug)]
pub struct DenseSide {
    pub embedder: Arc<dyn Embedder>,
    /// Must be [`Collection::Dense`] of the same model.
    pub collection: Collection,
}

/// Says which dense index a question is put to. It is asked once per question, so that the model of the question and
/// the index always belong together, also while another generation is switched on.
#[async_trait]
pub trait DenseSource: Send + Sync + Debug {
    /// `None`: retrieval is lexical only.
    async fn side(&self) -> Result<Option<DenseSide>, PassageError>;
}

/// The same one for every question.
#[async_trait]
impl DenseSource for Option<DenseSide> {
    async fn side(&self) -> Result<Option<DenseSide>, PassageError> {
        Ok(self.clone())
    }
}

/// What one side found, best first.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) hits: Vec<Hit>,
    pub(crate) report: SideReport,
    pub(crate) embed_micros: u64,
    /// The dense side that the question was put to.
    pub(crate) asked: Option<DenseSide>,
}

impl Side {
    fn idle(status: SideStatus) -> Self {
        Self {
            hits: Vec::new(),
            report: SideReport::idle(status),
            embed_micros: 0,
            asked: None,
        }
    }

    fn of(mut self, side: DenseSide) -> Self {
        self.asked = Some(side);
        self
    }

    pub(crate) fn ran(&self) -> bool {
        self.report.status == SideStatus::Ran
    }
}

/// What both sides found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) lexical: Side,
    pub(crate) dense: Side,
    /// Those of the lexical hits that have a vector, if it was asked.
    pub(crate) with_vector: Option<Result<Vec<ChunkId>, VectorError>>,
}

/// One question to both sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) text: &'a str,
    pub(crate) script: Script,
    pub(crate) filter: &'a KbFilter,
    pub(crate) mode: Mode,
    /// Hits per side.
    pub(crate) depth: usize,
    pub(crate) calls: &'a CallLog,
}

/// Asks the sides that the mode wants. A dense side that fails is an error only where nothing else was asked for.
pub(crate) async fn ask_both(
    vectors: &dyn VectorStore,
    dense: &dyn DenseSource,
    ask: Ask<'_>,
) -> Result<Found, RagError> {
    let (lexical, dense, with_vector) = match ask.mode {
        Mode::Lexical => {
            let found = lexical(vectors, ask).await?;
            (found, Side::idle(SideStatus::NotAsked), None)
        }
        Mode::Dense => {
            let side = dense.side().await?.ok_or(RagError::NoEmbedder)?;
            let found = self::dense(vectors, &side, ask).await?;
            (Side::idle(SideStatus::NotAsked), found.of(side), None)
        }
        Mode::Hybrid => match dense.side().await? {
            None => {
                let found = lexical(vectors, ask).await?;
                (found, Side::idle(SideStatus::NotConfigured), None)
            }
            Some(side) if !side.embedder.info().knows(ask.script) => {
                let found = lexical(vectors, ask).await?;
                (found, Side::idle(SideStatus::ScriptUnknown).of(side), None)
            }
            Some(side) => {
                let (found, dense) = tokio::join!(
                    lexical_beside(vectors, side.collection, ask),
                    dense_unless_it_fails(vectors, &side, ask)
                );
                let (lexical, with_vector) = found?;
                (lexical, dense?.of(side), with_vector)
            }
        },
    };
    Ok(Found {
        lexical,
        dense,
        with_vector,
    })
}

/// The lexical side, and what the dense index holds of it: asked while the question's vector is computed, which takes longer.
async fn lexical_beside(
    vectors: &dyn VectorStore,
    dense: Collection,
    ask: Ask<'_>,
) -> Result<(Side, Option<Result<Vec<ChunkId>, VectorError>>), RagError> {
    let found = lexical(vectors, ask).await?;
    if found.hits.is_empty() {
        return Ok((found, None));
    }
    let ids = found.hits.iter().map(|hit| hit.id).collect();
    let with_vector = vectors.contained(dense, ids).await;
    Ok((found, Some(with_vector)))
}

async fn dense_unless_it_fails(
    vectors: &dyn VectorStore,
    side: &DenseSide,
    ask: Ask<'_>,
) -> Result<Side, RagError> {
    match dense(vectors, side, ask).await {
        Err(error) if degrades(&error) => {
            let reason = reason(&error);
            tracing::warn!(error = %reason, "the dense side failed; the answer is lexical only");
            Ok(Side::idle(SideStatus::Failed(reason)))
        }
        outcome => outcome,
    }
}

/// Defects (a vector that does not fit its collection) are not hidden behind a degraded answer.
fn degrades(error: &RagError) -> bool {
    match error {
        RagError::Embed(_) => true,
        RagError::Vectors(error) => matches!(error, VectorError::Unavailable(_) | VectorError::Failed(_)),
        RagError::NoEmbedder | RagError::Passages(_) => false,
    }
}

fn reason(error: &RagError) -> String {
    match error {
        RagError::Embed(error) => error.to_string(),
        RagError::Vectors(error) => error.to_string(),
        RagError::NoEmbedder | RagError::Passages(_) => error.to_string(),
    }
}

async fn lexical(vectors: &dyn VectorStore, ask: Ask<'_>) -> Result<Side, RagError> {
    let span = tracing::info_span!(target: "nexus_trace", "retrieve.lexical");
    lexical_hits(vectors, ask).instrument(span).await
}

async fn lexical_hits(vectors: &dyn VectorStore, ask: Ask<'_>) -> Result<Side, RagError> {
    let started = Instant::now();
    let vector = nexus_text::query_vector(&nexus_text::analyze(ask.text));
    let hits = if vector.is_empty() {
        Vec::new()
    } else {
        search(vectors, Collection::Lexical, Vector::Sparse(vector), ask).await?
    };
    Ok(Side {
        report: SideReport::ran(&hits, started),
        hits,
        embed_micros: 0,
        asked: None,
    })
}

async fn dense(vectors: &dyn VectorStore, side: &DenseSide, ask: Ask<'_>) -> Result<Side, RagError> {
    let span = tracing::info_span!(target: "nexus_trace", "retrieve.dense");
    dense_hits(vectors, side, ask).instrument(span).await
}

async fn dense_hits(vectors: &dyn VectorStore, side: &DenseSide, ask: Ask<'_>) -> Result<Side, RagError> {
    let started = Instant::now();
    let embedding = side.embedder.embed_query_noting(ask.text.to_owned(), ask.calls);
    let span = tracing::info_span!(target: "nexus_trace", "embed");
    let vector = embedding.instrument(span).await?;
    let embed_micros = micros_since(started);
    let hits = search(vectors, side.collection, Vector::Dense(vector), ask).await?;
    Ok(Side {
        report: SideReport::ran(&hits, started),
        hits,
        embed_micros,
        asked: None,
    })
}

async fn search(
    vectors: &dyn VectorStore,
    collection: Collection,
    vector: Vector,
    ask: Ask<'_>,
) -> Result<Vec<Hit>, RagError> {
    let query = VectorQuery {
        collection,
        vector,
        filter: ask.filter.clone(),
        limit: ask.depth,
    };
    let mut hits = vectors.search(query).await?;
    // A score that is no number cannot be compared; the port promises none, and nothing here relies on it.
    hits.retain(|hit| hit.score.is_finite());
    Ok(hits)
}
