//! From a question to ranked passages: both indexes side by side, fused by score, read from rows, and put into a
//! reranker's order where there is one.

mod hydrate;
mod question;
mod report;
mod rerank;
mod sides;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use nexus_domain::{CallLog, ChunkId, Hit, Passages, VectorStore};
use tracing::Instrument as _;

pub use hydrate::RankedPassage;
pub use question::{MAX_QUESTION_CHARS, Mode, Question};
pub use report::{RerankReport, RerankStatus, RetrievalReport, SideReport, SideStatus};
pub use rerank::Reranking;
pub use sides::{DenseSide, DenseSource};

use crate::error::RagError;
use crate::fusion::{self, FusedHit, Lists};
use hydrate::Hydrated;
pub(crate) use report::micros_since;
use sides::{Ask, Found, Side};

/// Where hits without a row leave a page unfilled, and there is more, the sides are asked so many times deeper, down to
/// [`DEEPEST`].
const DEEPER: usize = 4;
const DEEPEST: usize = 2_000;

/// How deep the sides are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrievalSettings {
    /// Hits per side, at least.
    pub min_depth: usize,
    /// Hits per side for each passage that is wanted.
    pub depth_factor: usize,
}

impl Default for RetrievalSettings {
    fn default() -> Self {
        Self {
            min_depth: fusion::NORMALISED_DEPTH,
            depth_factor: 3,
        }
    }
}

/// What a question found, best first, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieval {
    pub hits: Vec<RankedPassage>,
    pub report: RetrievalReport,
}

/// Retrieves passages. Small and cheap to clone.
#[derive(Clone)]
pub struct Retriever {
    pub vectors: Arc<dyn VectorStore>,
    pub dense: Arc<dyn DenseSource>,
    pub passages: Arc<dyn Passages>,
    /// `None`: the fused order stands.
    pub reranking: Option<Reranking>,
    pub settings: RetrievalSettings,
    /// Where the calls of an embedding model at a provider are noted.
    pub calls: CallLog,
}

impl fmt::Debug for Retriever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retriever")
            .field("vectors", &self.vectors)
            .field("dense", &self.dense)
            .field("reranking", &self.reranking)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Retriever {
    /// The best current passages for a question. A question without text, or without a knowledge base to look in,
    /// finds nothing.
    pub async fn retrieve(&self, question: &Question) -> Result<Retrieval, RagError> {
        self.retrieve_as(question, question.searched()).await
    }

    /// The same, searching for these words instead of those that were asked.
    pub(crate) async fn retrieve_as(&self, question: &Question, text: &str) -> Result<Retrieval, RagError> {
        let started = Instant::now();
        let script = nexus_text::script_of(text);
        let mut report = RetrievalReport::new(question.mode, script);
        if text.is_empty() || question.filter.is_empty() || question.limit == 0 {
            report.total_micros = micros_since(started);
            return Ok(Retrieval {
                hits: Vec::new(),
                report,
            });
        }
        let reranking = rerank::wanted(self.reranking.as_ref(), question.mode, script);
        // As many as are scored, if that is more than are wanted.
        let limit = match &reranking {
            Ok(reranking) => question.limit.max(reranking.candidates),
            Err(_) => question.limit,
        };
        let mut ask = Ask {
            text,
            script,
            filter: &question.filter,
            mode: question.mode,
            depth: limit
                .saturating_mul(self.settings.depth_factor)
                .max(self.settings.min_depth),
            calls: &self.calls,
        };
        let (lexical, dense, mut hits) = loop {
            let (lexical, dense, page) = self.page(question, ask, limit, &mut report).await?;
            let more = [&lexical, &dense].iter().any(|side| side.hits.len() >= ask.depth);
            if page.hits.len() >= limit || page.ghosts == 0 || !more || ask.depth >= DEEPEST {
                break (lexical, dense, page.hits);
            }
            // While many documents are replaced, what they were before stands in the indexes and crowds out what they are.
            ask.depth = ask.depth.saturating_mul(DEEPER).min(DEEPEST);
        };
        report.model = dense.asked.map(|side| side.embedder.info().model.clone());
        report.rerank = match reranking {
            Ok(reranking) => {
                let span = tracing::info_span!(target: "nexus_trace", "rerank", candidates = hits.len());
                reranking.apply(text, &mut hits).instrument(span).await
            }
            Err(status) => RerankReport::idle(status),
        };
        hits.truncate(question.limit);
        report.embed_micros = dense.embed_micros;
        report.lexical = lexical.report;
        report.dense = dense.report;
        report.total_micros = micros_since(started);
        Ok(Retrieval { hits, report })
    }

    /// Asks the sides, puts what they found into one order, and reads the best `limit` of it.
    async fn page(
        &self,
        question: &Question,
        ask: Ask<'_>,
        limit: usize,
        report: &mut RetrievalReport,
    ) -> Result<(Side, Side, Hydrated), RagError> {
        let found = sides::ask_both(self, ask).await?;
        let unknown = without_vector(&found, ask.depth, &mut report.hitch);
        let Found {
            lexical,
            dense,
            known,
        } = found;
        let fusing = Instant::now();
        let lists = Lists {
            lexical: &lexical.hits,
            dense: &dense.hits,
            unknown: &unknown,
            versions: &known.versions,
        };
        let ranked = tracing::info_span!(target: "nexus_trace", "fuse").in_scope(|| match ask.mode {
            Mode::Lexical => raw(&lexical.hits, |hit| (Some(hit.score), None)),
            Mode::Dense => raw(&dense.hits, |hit| (None, Some(hit.score))),
            Mode::Hybrid => {
                let weight = fusion::lexical_weight(lists);
                report.lexical_weight = (lexical.ran() && dense.ran()).then_some(weight);
                fusion::fuse_weighted(lists, weight)
            }
        });
        report.fuse_micros = micros_since(fusing);
        let hydrating = Instant::now();
        let distinct = question.distinct_documents;
        let page = hydrate::hydrate(&*self.passages, ask.filter, &ranked, limit, distinct)
            .instrument(tracing::info_span!(target: "nexus_trace", "hydrate"))
            .await?;
        report.hydrate_micros = micros_since(hydrating);
        Ok((lexical, dense, page))
    }
}

/// The chunks of the lexical list that have no vector, of which the dense side can say nothing.
///
/// A dense list that is not full holds every vector there is. A store that cannot tell is taken as complete; the next
/// question asks again.
fn without_vector(found: &Found, depth: usize, hitch: &mut bool) -> HashSet<ChunkId> {
    let Found {
        lexical,
        dense,
        known,
    } = found;
    if dense.asked.is_none() {
        return HashSet::new();
    }
    let listed: HashSet<ChunkId> = dense.hits.iter().map(|hit| hit.id).collect();
    let missing = lexical.hits.iter().map(|hit| hit.id);
    let mut missing: HashSet<ChunkId> = missing.filter(|id| !listed.contains(id)).collect();
    if dense.hits.len() < depth || missing.is_empty() {
        return missing;
    }
    match &known.with_vector {
        Ok(with_vector) => with_vector.iter().for_each(|id| {
            missing.remove(id);
        }),
        Err(error) => {
            tracing::warn!(%error, "which chunks have a vector is not known");
            *hitch = true;
            missing.clear();
        }
    }
    missing
}

/// The list of one side alone, with its raw scores.
fn raw(hits: &[Hit], sides: impl Fn(&Hit) -> (Option<f32>, Option<f32>)) -> Vec<FusedHit> {
    hits.iter()
        .map(|hit| {
            let (lexical, dense) = sides(hit);
            FusedHit {
                id: hit.id,
                score: hit.score,
                lexical,
                dense,
            }
        })
        .collect()
}
