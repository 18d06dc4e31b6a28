//! Turns ranked ids into passages. Rows are the truth: an id without a current row is a ghost and drops out, and as
//! many more are read as it takes to fill the page.

use std::collections::{HashMap, HashSet};

use nexus_domain::{KbFilter, Passage, Passages};
use serde::{Deserialize, Serialize};

use crate::error::RagError;
use crate::fusion::FusedHit;

/// Read beyond the limit at once: a ghost or two then cost no second read.
const SLACK: usize = 2;

/// A passage and what it was ranked by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedPassage {
    pub passage: Passage,
    /// Hybrid: the fused score, 0 to 1. Lexical or dense alone: the raw score.
    pub score: f32,
    /// BM25, where the lexical index proposed it.
    pub lexical: Option<f32>,
    /// Cosine, where the dense index proposed it.
    pub dense: Option<f32>,
    /// The reranker's score, where it put the passage into its place.
    pub rerank: Option<f32>,
}

/// What was read for a ranking.
pub(crate) struct Hydrated {
    pub(crate) hits: Vec<RankedPassage>,
    /// Hits without a current row.
    pub(crate) ghosts: usize,
}

/// The first `limit` of `ranked` that have a current row, in order; at most one per document if `distinct`.
pub(crate) async fn hydrate(
    passages: &dyn Passages,
    filter: &KbFilter,
    ranked: &[FusedHit],
    limit: usize,
    distinct: bool,
) -> Result<Hydrated, RagError> {
    let mut ghosts = 0;
    let mut kept = Vec::with_capacity(limit.min(ranked.len()));
    let mut documents = HashSet::new();
    let mut rest = ranked;
    let mut batch = if distinct { limit.saturating_mul(2) } else { limit }.saturating_add(SLACK);
    while kept.len() < limit && !rest.is_empty() {
        let (now, later) = rest.split_at(batch.min(rest.len()));
        rest = later;
        batch = batch.saturating_mul(2);
        let ids: Vec<_> = now.iter().map(|hit| hit.id).collect();
        let mut current: HashMap<_, _> = passages
            .current(&ids, filter)
            .await?
            .into_iter()
            .map(|passage| (passage.chunk.id, passage))
            .collect();
        for hit in now {
            let Some(passage) = current.remove(&hit.id) else {
                ghosts += 1;
                continue;
            };
            if kept.len() < limit && (!distinct || documents.insert(passage.chunk.document_id)) {
                let FusedHit {
                    score,
                    lexical,
                    dense,
                    ..
                } = *hit;
                kept.push(RankedPassage {
                    passage,
                    score,
                    lexical,
                    dense,
                    rerank: None,
                });
            }
        }
    }
    Ok(Hydrated { hits: kept, ghosts })
}
