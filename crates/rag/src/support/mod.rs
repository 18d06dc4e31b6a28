//! How well what was found holds what was asked, 0 to 1, and from where on that is an answer.
//!
//! Two features and no fitted weights (`docs/adr/0018-refusals-are-calibrated.md`): the share of the question's meaning
//! that a passage holds in its words, as a whole and within one sentence of it, and the cosine of the two, where the dense
//! index was asked. The threshold is the knowledge base's own ([`calibrate`]), or a fixed one until it has been measured.
//! Knows passages and ports, not how answers are written.

mod asked;
mod calibrate;
mod curve;
mod limits;
mod pseudo;
mod rarity;
mod score;

use std::collections::HashSet;

use nexus_domain::{ChunkId, KbFilter, VectorError};
use serde::{Deserialize, Serialize};

use crate::retrieve::{RankedPassage, Retrieval, Retriever, SideStatus};
pub(crate) use asked::Asked;
pub use calibrate::{Calibration, MIN_QUESTIONS, Measured, QUESTIONS, calibrate};
pub use curve::{CurvePoint, RiskCurve};
pub use limits::{Basis, Calibrations, FixedLimits, Limits};
pub use pseudo::{Chance, Sampled};
use score::{Nearness, support_of};

/// Passages at these ranks are looked at: what stands below is no page that people read.
const ASSESSED: usize = 10;

/// What was found, judged by how well it holds the question.
#[derive(Debug)]
pub(crate) struct Assessment {
    pub(crate) asked: Asked,
    pub(crate) basis: Basis,
    /// Something that weighs could not be read.
    pub(crate) hitch: bool,
    /// Of the first hits, in their order.
    nearness: Vec<Nearness>,
}

/// Whether the best passages hold an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Support {
    /// Of the passage that stands best against the limits of its knowledge base, 0 to 1.
    pub score: f32,
    /// What an answer takes.
    pub threshold: f32,
    /// Whether the threshold was measured on the knowledge base.
    pub calibrated: bool,
    /// What was measured with: thresholds of one are none of the other.
    pub basis: Basis,
    /// From here on a model is asked, who judges for itself.
    pub worth_asking: f32,
}

impl Support {
    pub(crate) const NONE: Self = Self {
        score: 0.0,
        threshold: 1.0,
        calibrated: false,
        basis: Basis::Lexical,
        worth_asking: 1.0,
    };

    /// Whether passages alone are an answer.
    pub fn is_enough(&self) -> bool {
        self.score >= self.threshold
    }

    /// Whether a model is asked at all.
    pub(crate) fn is_worth_asking(&self) -> bool {
        self.score >= self.worth_asking.min(self.threshold)
    }
}

/// Reads the best passages beside the question. What the index cannot say (how rare words are, which vectors are to come)
/// is left out of account.
pub(crate) async fn assess(
    retriever: &Retriever,
    text: &str,
    filter: &KbFilter,
    found: &Retrieval,
) -> Assessment {
    let words = Asked::words(text);
    let mut hitch = false;
    let rarity = match rarity::of(&*retriever.vectors, filter, &words).await {
        Ok(rarity) => rarity,
        Err(error) => {
            tracing::warn!(%error, "how rare the words of a question are is not known");
            hitch = true;
            vec![1.0; words.len()]
        }
    };
    let asked = Asked::weighed(text, words, &rarity);
    let basis = match found.report.dense.status {
        SideStatus::Ran if found.report.dense.candidates > 0 => Basis::Hybrid,
        _ => Basis::Lexical,
    };
    let mut assessment = judged(retriever, asked, basis, found).await;
    assessment.hitch |= hitch;
    assessment
}

/// Holds the best passages against what is asked.
async fn judged(retriever: &Retriever, asked: Asked, basis: Basis, found: &Retrieval) -> Assessment {
    let hits = &found.hits[..found.hits.len().min(ASSESSED)];
    let mut hitch = false;
    let without = match basis {
        Basis::Lexical => HashSet::new(),
        Basis::Hybrid => without_vector(retriever, hits).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "which passages have a vector is not known");
            hitch = true;
            HashSet::new()
        }),
    };
    let farthest = found.report.dense.last_score;
    let nearness = hits.iter().map(|hit| {
        let id = hit.passage.chunk.id;
        let cosine = match basis {
            Basis::Lexical => None,
            // What is not listed is no nearer than the last one that is, unless its vector is to come.
            Basis::Hybrid => hit.dense.or(farthest.filter(|_| !without.contains(&id))),
        };
        support_of(&asked, &hit.passage, cosine)
    });
    let nearness = nearness.collect();
    Assessment {
        asked,
        basis,
        hitch,
        nearness,
    }
}

async fn without_vector(
    retriever: &Retriever,
    hits: &[RankedPassage],
) -> Result<HashSet<ChunkId>, VectorError> {
    let unlisted = hits.iter().filter(|hit| hit.dense.is_none());
    let mut missing: HashSet<ChunkId> = unlisted.map(|hit| hit.passage.chunk.id).collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    let side = retriever.dense.side().await;
    let side = side.map_err(|error| VectorError::Unavailable(error.to_string()))?;
    let Some(side) = side else {
        return Ok(missing);
    };
    let asked = missing.iter().copied().collect();
    for id in retriever.vectors.contained(side.collection, asked).await? {
        missing.remove(&id);
    }
    Ok(missing)
}

impl Assessment {
    /// The score of the best passage.
    fn best(&self, floor: f32) -> f32 {
        self.nearness
            .iter()
            .map(|near| near.score(floor))
            .fold(0.0, f32::max)
    }

    /// Each passage against the limits of the knowledge base that it is of; of several, the one that stands best. So a
    /// knowledge base keeps its own threshold, whatever is asked beside it.
    pub(crate) async fn support(&mut self, hits: &[RankedPassage], limits: &dyn Calibrations) -> Support {
        let margin = |support: &Support| support.score - support.threshold;
        let supports = self.supports(hits, limits).await;
        let best = supports.into_iter().reduce(|best, support| {
            if margin(&support) > margin(&best) {
                support
            } else {
                best
            }
        });
        best.unwrap_or(Support::NONE)
    }

    /// Whether the passage at this place is about what the question names.
    pub(crate) fn is_of_what_is_named(&self, place: usize) -> bool {
        self.nearness
            .get(place)
            .is_some_and(Nearness::is_of_what_is_named)
    }

    /// What [`Self::support`] takes the best of: each of the first passages by itself, in their order.
    pub(crate) async fn supports(
        &mut self,
        hits: &[RankedPassage],
        limits: &dyn Calibrations,
    ) -> Vec<Support> {
        let mut known: Vec<(nexus_domain::KbId, Option<Limits>)> = Vec::new();
        let mut supports = Vec::with_capacity(self.nearness.len());
        for (hit, near) in hits.iter().zip(&self.nearness) {
            let kb = hit.passage.chunk.kb_id;
            let own = match known.iter().find(|(of, _)| *of == kb) {
                Some((_, own)) => *own,
                None => {
                    let own = limits.limits(kb, self.basis).await.unwrap_or_else(|error| {
                        tracing::warn!(%error, "what a knowledge base was measured to be cannot be read");
                        self.hitch = true;
                        None
                    });
                    known.push((kb, own));
                    own
                }
            };
            let used = own.unwrap_or_else(|| Limits::fixed(self.basis));
            supports.push(Support {
                score: near.score(used.floor),
                threshold: used.threshold,
                calibrated: own.is_some(),
                basis: self.basis,
                worth_asking: used.worth_asking,
            });
        }
        supports
    }
}
