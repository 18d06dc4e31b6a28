//! From a question to ranked passages: both indexes side by side, fused by score, read from rows.

mod hydrate;
mod question;
mod report;
mod sides;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use nexus_domain::{Collection, Hit, KbFilter, Passages, VectorStore};

pub use hydrate::RankedPassage;
pub use question::{MAX_QUESTION_CHARS, Mode, Question};
pub use report::{RetrievalReport, SideReport, SideStatus};
pub use sides::DenseSide;

use crate::error::RagError;
use crate::fusion::{self, FusedHit, Lists};
pub(crate) use report::micros_since;
use sides::{Ask, Side};

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
    /// `None`: retrieval is lexical only.
    pub embedder: Option<DenseSide>,
    pub passages: Arc<dyn Passages>,
    pub settings: RetrievalSettings,
}

impl fmt::Debug for Retriever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retriever")
            .field("vectors", &self.vectors)
            .field("embedder", &self.embedder)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Retriever {
    /// The best current passages for a question. A question without text, or without a knowledge base to look in,
    /// finds nothing.
    pub async fn retrieve(&self, question: &Question) -> Result<Retrieval, RagError> {
        let started = Instant::now();
        let text = question.searched();
        let script = nexus_text::script_of(text);
        let mut report = RetrievalReport::new(question.mode, script);
        report.model = self
            .embedder
            .as_ref()
            .map(|side| side.embedder.info().model.clone());
        if text.is_empty() || question.filter.is_empty() || question.limit == 0 {
            report.total_micros = micros_since(started);
            return Ok(Retrieval {
                hits: Vec::new(),
                report,
            });
        }
        let depth = question
            .limit
            .saturating_mul(self.settings.depth_factor)
            .max(self.settings.min_depth);
        let ask = Ask {
            text,
            script,
            filter: &question.filter,
            mode: question.mode,
            depth,
        };
        let (lexical, dense) = sides::ask_both(&*self.vectors, self.embedder.as_ref(), ask).await?;

        let dense_trails = self.dense_trails(&lexical, &dense, &question.filter, depth).await;
        let fusing = Instant::now();
        let lists = Lists {
            lexical: &lexical.hits,
            dense: &dense.hits,
            depth,
            dense_trails,
        };
        let ranked = match question.mode {
            Mode::Lexical => raw(&lexical.hits, |hit| (Some(hit.score), None)),
            Mode::Dense => raw(&dense.hits, |hit| (None, Some(hit.score))),
            Mode::Hybrid => {
                let weight = fusion::lexical_weight(lists.lexical, lists.dense);
                report.lexical_weight = (lexical.ran() && dense.ran()).then_some(weight);
                fusion::fuse_weighted(lists, weight)
            }
        };
        report.fuse_micros = micros_since(fusing);

        let hydrating = Instant::now();
        let hits = hydrate::hydrate(
            &*self.passages,
            &question.filter,
            &ranked,
            question.limit,
            question.distinct_documents,
        )
        .await?;
        report.hydrate_micros = micros_since(hydrating);
        report.embed_micros = dense.embed_micros;
        report.lexical = lexical.report;
        report.dense = dense.report;
        report.total_micros = micros_since(started);
        Ok(Retrieval { hits, report })
    }

    /// Whether a chunk that a full dense list lacks may merely have no vector yet.
    ///
    /// Asked only where it matters: a list that is not full holds every vector there is. A store that cannot count is
    /// taken as complete; the next question asks again.
    async fn dense_trails(&self, lexical: &Side, dense: &Side, filter: &KbFilter, depth: usize) -> bool {
        let Some(side) = &self.embedder else { return false };
        if lexical.hits.is_empty() || dense.hits.len() < depth {
            return false;
        }
        for kb in filter.kbs() {
            let (chunks, vectors) = tokio::join!(
                self.vectors.count(Collection::Lexical, Some(kb)),
                self.vectors.count(side.collection, Some(kb))
            );
            if let (Ok(chunks), Ok(vectors)) = (chunks, vectors)
                && vectors < chunks
            {
                return true;
            }
        }
        false
    }
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
