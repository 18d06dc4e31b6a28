//! The reranker's part: it puts the best fused passages into its own order, within its time. Whatever keeps it from that
//! leaves the fused order as it is, and the report says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::document::embedding_text;
use nexus_domain::{RerankError, Reranker, Script};

use super::hydrate::RankedPassage;
use super::question::Mode;
use super::report::{RerankReport, RerankStatus, micros_since};

/// Characters of a passage that the reranker is given, title and headings included: more than a window of 512 tokens
/// holds, and a bound for what one question can cause.
const MAX_PASSAGE_CHARS: usize = 4_000;

/// A reranker and how much it may do for one question.
#[derive(Clone, Debug)]
pub struct Reranking {
    pub reranker: Arc<dyn Reranker>,
    /// The best fused passages that are scored; what stands below keeps its place behind them.
    pub candidates: usize,
    pub budget: Duration,
}

/// The reranker, or why it has no say: its order is that of the fused list, and one index alone was asked for itself.
pub(crate) fn wanted(
    reranking: Option<&Reranking>,
    mode: Mode,
    script: Script,
) -> Result<&Reranking, RerankStatus> {
    let reranking = reranking.ok_or(RerankStatus::NotConfigured)?;
    match mode {
        Mode::Lexical | Mode::Dense => Err(RerankStatus::NotAsked),
        Mode::Hybrid if !reranking.reranker.info().knows(script) => Err(RerankStatus::ScriptUnknown),
        Mode::Hybrid => Ok(reranking),
    }
}

impl Reranking {
    /// Puts the first of these hits into the reranker's order; equal scores keep their fused order.
    pub(crate) async fn apply(&self, question: &str, hits: &mut [RankedPassage]) -> RerankReport {
        let started = Instant::now();
        let count = hits.len().min(self.candidates);
        if count < 2 {
            return RerankReport::idle(RerankStatus::NotAsked);
        }
        let passages: Vec<String> = hits[..count].iter().map(scored_text).collect();
        let scoring = self.reranker.rerank(question.to_owned(), passages);
        let status = match tokio::time::timeout(self.budget, scoring).await {
            Err(_) => RerankStatus::TimedOut,
            Ok(scores) => match scores.and_then(|scores| checked(scores, count)) {
                Ok(scores) => {
                    reorder(&mut hits[..count], &scores);
                    RerankStatus::Ran
                }
                Err(error) => RerankStatus::Failed(error.to_string()),
            },
        };
        if status != RerankStatus::Ran {
            tracing::warn!(?status, "the reranker had no say; the fused order stands");
        }
        RerankReport {
            status,
            candidates: count,
            micros: micros_since(started),
        }
    }
}

/// What an embedder is given, too: a passage says more under its title and headings.
fn scored_text(hit: &RankedPassage) -> String {
    let chunk = &hit.passage.chunk;
    let mut text = embedding_text(&hit.passage.document_title, &chunk.heading_path, &chunk.text);
    if let Some((end, _)) = text.char_indices().nth(MAX_PASSAGE_CHARS) {
        text.truncate(end);
    }
    text
}

/// The port promises one number per passage; an order made from anything else would be none.
fn checked(scores: Vec<f32>, count: usize) -> Result<Vec<f32>, RerankError> {
    if scores.len() != count {
        let reason = format!("{} scores came back for {count} passages", scores.len());
        return Err(RerankError::Failed(reason));
    }
    if scores.iter().any(|score| !score.is_finite()) {
        return Err(RerankError::Failed("a score is no number".to_owned()));
    }
    Ok(scores)
}

fn reorder(hits: &mut [RankedPassage], scores: &[f32]) {
    for (hit, score) in hits.iter_mut().zip(scores) {
        hit.rerank = Some(*score);
    }
    hits.sort_by(|a, b| {
        let [a, b] = [a, b].map(|hit| hit.rerank.unwrap_or(f32::NEG_INFINITY));
        b.total_cmp(&a)
    });
}
