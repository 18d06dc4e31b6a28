//! The two searches of a question, side by side.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use nexus_domain::{
    CallLog, ChunkId, Collection, Embedder, Hit, KbFilter, PassageError, Passages, Script, Vector,
    VectorError, VectorQuery, VectorStore, VersionId,
};
use tracing::Instrument as _;

use super::Retriever;
use super::question::Mode;
use super::report::{SideReport, SideStatus, micros_since};
use crate::error::RagError;
use crate::fusion::{CROWD, NORMALISED_DEPTH};

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
    pub(crate) known: Known,
}

/// What is known of the lexical hits, where both sides were asked.
#[derive(Debug)]
pub(crate) struct Known {
    /// Those that have a vector.
    pub(crate) with_vector: Result<Vec<ChunkId>, VectorError>,
    /// The versions that the first ones are a part of.
    pub(crate) versions: HashMap<ChunkId, VersionId>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            with_vector: Ok(Vec::new()),
            versions: HashMap::new(),
        }
    }
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
pub(crate) async fn ask_both(retriever: &Retriever, ask: Ask<'_>) -> Result<Found, RagError> {
    let Retriever { dense, passages, .. } = retriever;
    let vectors = &*retriever.vectors;
    let (lexical, dense, known) = match ask.mode {
        Mode::Lexical => {
            let found = lexical(vectors, ask).await?;
            (found, Side::idle(SideStatus::NotAsked), Known::default())
        }
        Mode::Dense => {
            let side = dense.side().await?.ok_or(RagError::NoEmbedder)?;
            let found = self::dense(vectors, &side, ask).await?;
            (Side::idle(SideStatus::NotAsked), found.of(side), Known::default())
        }
        Mode::Hybrid => match dense.side().await? {
            None => {
                let found = lexical(vectors, ask).await?;
                (found, Side::idle(SideStatus::NotConfigured), Known::default())
            }
            Some(side) if !side.embedder.info().knows(ask.script) => {
                let found = lexical(vectors, ask).await?;
                (
                    found,
                    Side::idle(SideStatus::ScriptUnknown).of(side),
                    Known::default(),
                )
            }
            Some(side) => {
                let (found, dense) = tokio::join!(
                    lexical_beside(vectors, &**passages, side.collection, ask),
                    dense_unless_it_fails(vectors, &side, ask)
                );
                let (lexical, known) = found?;
                (lexical, dense?.of(side), known)
            }
        },
    };
    Ok(Found {
        lexical,
        dense,
        known,
    })
}

/// The lexical side, and what is known of its hits: asked while the question's vector is computed, which takes longer.
async fn lexical_beside(
    vectors: &dyn VectorStore,
    passages: &dyn Passages,
    dense: Collection,
    ask: Ask<'_>,
) -> Result<(Side, Known), RagError> {
    let found = lexical(vectors, ask).await?;
    if found.hits.is_empty() {
        return Ok((found, Known::default()));
    }
    let ids: Vec<_> = found.hits.iter().map(|hit| hit.id).collect();
    let (with_vector, versions) =
        tokio::join!(vectors.contained(dense, ids.clone()), documents(passages, &ids));
    let known = Known {
        with_vector,
        // Where rows cannot be read, the passages could not be read either.
        versions: versions?,
    };
    Ok((found, known))
}

/// What the first hits are a part of. Twice as many hits as the crowd is deep belong to enough documents, unless those are long
/// and about the matter; only then are the others looked up.
async fn documents(
    passages: &dyn Passages,
    ids: &[ChunkId],
) -> Result<HashMap<ChunkId, VersionId>, PassageError> {
    let first = &ids[..ids.len().min(NORMALISED_DEPTH)];
    let (now, later) = first.split_at(first.len().min(2 * CROWD.end()));
    let mut versions = passages.versions_of(now).await?;
    let told: HashSet<_> = versions.values().collect();
    if told.len() < *CROWD.end() && !later.is_empty() {
        versions.extend(passages.versions_of(later).await?);
    }
    Ok(versions)
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
