//! Fuses the lexical and the dense list of a question by score. Pure: knows hits and which of them belong together, not texts,
//! stores or models.
//!
//! The rule and its derivation: `docs/adr/0004-score-fusion.md`. In short: each list is normalised to 0..1 by itself,
//! so nothing depends on the scale of a model's cosines, and the weight of the lexical side is its contrast: the share
//! of its best score that the crowd of documents behind the first page lacks. Where a question's words single out a few
//! chunks, words decide; where many chunks match them equally well, vectors do. A dense list that shares no more with the
//! lexical one than chance would is not listened to: its model does not know what it is asked.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use nexus_domain::{ChunkId, Hit, VersionId};

/// A list is normalised between its first score and the one at this rank. What lies deeper counts as much as what is not
/// in the list: deeper lists change nothing above it.
pub const NORMALISED_DEPTH: usize = 100;

/// The ranks, from 1, whose mean lexical score the best one is compared with: just behind the page that people read, in a list
/// with as few chunks of one document as leave it so long.
pub const CROWD: RangeInclusive<usize> = 10..=20;

/// The share of the shorter list that chance puts into both, and the share from which the dense side is fully trusted.
/// Two lists of 100 out of 5,000 chunks share 2 by chance; those of a model that knows the language share 11 or more for 19
/// questions of 20.
pub const AGREEMENT: RangeInclusive<f32> = 0.02..=0.08;

/// What both sides found, each best first and without repetition.
#[derive(Clone, Copy, Debug)]
pub struct Lists<'a> {
    pub lexical: &'a [Hit],
    pub dense: &'a [Hit],
    /// Chunks of the lexical list that have no vector: it is yet to come, or the model does not know their script.
    pub unknown: &'a HashSet<ChunkId>,
    /// Which document the first [`NORMALISED_DEPTH`] lexical hits belong to, or the first ones that belong to as many documents as
    /// the [`CROWD`] is deep; a hit that is not told stands alone. Chunks know the version that they are a part of, and it
    /// stands for its document: until it is swept, an old one counts beside the new.
    pub versions: &'a HashMap<ChunkId, VersionId>,
}

impl Lists<'_> {
    /// How many chunks there are, at least.
    fn chunks(&self) -> usize {
        self.lexical.len().max(self.dense.len())
    }
}

/// A candidate with both raw scores at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedHit {
    pub id: ChunkId,
    /// 0 to 1.
    pub score: f32,
    /// BM25, where the lexical list holds it.
    pub lexical: Option<f32>,
    /// Cosine, where the dense list holds it.
    pub dense: Option<f32>,
}

/// Fuses with the weight that [`lexical_weight`] gives.
pub fn fuse(lists: Lists<'_>) -> Vec<FusedHit> {
    fuse_weighted(lists, lexical_weight(lists))
}

/// The lexical side's share, 0 to 1: how much of the best lexical score the [`CROWD`] lacks, and all of it where the sides
/// do not [agree](AGREEMENT). Which hits belong together may raise it and never lowers it.
///
/// BM25 has a natural zero (no word in common), so the ratio of two scores means something, and it does not change
/// when all scores are scaled. A side that found nothing has no say.
pub fn lexical_weight(lists: Lists<'_>) -> f32 {
    let Lists { lexical, dense, .. } = lists;
    let Some(best) = lexical.first() else { return 0.0 };
    if dense.is_empty() {
        return 1.0;
    }
    if best.score <= 0.0 {
        return 0.0;
    }
    let ranked = spread(lists);
    let crowd: f32 = CROWD.map(|rank| lexical_at(rank, &ranked, lists.chunks())).sum();
    let contrast = (1.0 - crowd / CROWD.count() as f32 / best.score).clamp(0.0, 1.0);
    1.0 - (1.0 - contrast) * trust(lexical, dense)
}

/// The lexical list with as few chunks of one document as leave it long enough for the [`CROWD`]: chunks of a document
/// that is about the matter are no crowd, and where there are few documents, their chunks are all there is.
fn spread(lists: Lists<'_>) -> Vec<Hit> {
    let hits = &lists.lexical[..lists.lexical.len().min(NORMALISED_DEPTH)];
    let mut listed: HashMap<VersionId, usize> = HashMap::new();
    let places: Vec<usize> = hits
        .iter()
        .map(|hit| match lists.versions.get(&hit.id) {
            Some(version) => {
                let place = listed.entry(*version).or_default();
                *place += 1;
                *place
            }
            None => 1,
        })
        .collect();
    let mut sorted = places.clone();
    sorted.sort_unstable();
    let allowed = sorted.get(CROWD.end() - 1).copied().unwrap_or(usize::MAX);
    let within = |(hit, place): (&Hit, usize)| (place <= allowed).then_some(*hit);
    hits.iter().zip(places).filter_map(within).collect()
}

/// How far the dense side is listened to, 0 to 1, by how much of the shorter list both hold.
fn trust(lexical: &[Hit], dense: &[Hit]) -> f32 {
    let [lexical, dense] = [lexical, dense].map(|hits| &hits[..hits.len().min(NORMALISED_DEPTH)]);
    let listed: HashSet<ChunkId> = dense.iter().map(|hit| hit.id).collect();
    let shared = lexical.iter().filter(|hit| listed.contains(&hit.id)).count();
    let share = shared as f32 / lexical.len().min(dense.len()).max(1) as f32;
    ((share - AGREEMENT.start()) / (AGREEMENT.end() - AGREEMENT.start())).clamp(0.0, 1.0)
}

/// Fuses with a weight of the caller's. Best first; equal scores are ordered by their raw scores, words first, then by id.
///
/// At a given weight, raising one raw score of a chunk never lowers its rank.
pub fn fuse_weighted(lists: Lists<'_>, lexical_weight: f32) -> Vec<FusedHit> {
    let weight = f64::from(lexical_weight);
    let lexical = Scale::of(
        lists.lexical,
        lexical_at(NORMALISED_DEPTH, lists.lexical, lists.chunks()),
    );
    let floor = lists
        .dense
        .get(NORMALISED_DEPTH - 1)
        .or(lists.dense.last())
        .map_or(0.0, |hit| hit.score);
    let dense = Scale::of(lists.dense, floor);
    let mut scored: Vec<(f64, FusedHit)> = merge(lists)
        .map(|hit| {
            let words = hit.lexical.map_or(0.0, |score| lexical.normalised(score));
            let meaning = match hit.dense {
                Some(score) => dense.normalised(score),
                // Of a chunk whose vector is unknown the words alone decide, neither for nor against it.
                None if lists.unknown.contains(&hit.id) => words,
                None => 0.0,
            };
            let score = weight * words + (1.0 - weight) * meaning;
            let fused = FusedHit {
                score: score.clamp(0.0, 1.0) as f32,
                ..hit
            };
            (score, fused)
        })
        .collect();
    scored.sort_by(|(a, x), (b, y)| {
        b.total_cmp(a)
            .then_with(|| descending(x.lexical, y.lexical))
            .then_with(|| descending(x.dense, y.dense))
            .then_with(|| x.id.cmp(&y.id))
    });
    scored.into_iter().map(|(_, hit)| hit).collect()
}

/// The lexical score at `rank` (from 1), 0 where the list ends before it although there are more chunks, and the last
/// one where there are none.
fn lexical_at(rank: usize, lexical: &[Hit], chunks: usize) -> f32 {
    let rank = rank.min(chunks).max(1);
    lexical.get(rank - 1).map_or(0.0, |hit| hit.score)
}

/// A score before none, a higher one before a lower one.
fn descending(a: Option<f32>, b: Option<f32>) -> Ordering {
    let order = |score: Option<f32>| score.unwrap_or(f32::NEG_INFINITY);
    order(b).total_cmp(&order(a))
}

/// Maps a list's best score to 1, and its floor and what lies below it to 0.
#[derive(Clone, Copy, Debug)]
struct Scale {
    floor: f64,
    range: f64,
}

impl Scale {
    fn of(hits: &[Hit], floor: f32) -> Self {
        let best = hits.first().map_or(floor, |hit| hit.score);
        Self {
            floor: f64::from(floor),
            range: f64::from(best) - f64::from(floor),
        }
    }

    fn normalised(self, score: f32) -> f64 {
        let above = f64::from(score) - self.floor;
        if self.range > 0.0 {
            (above / self.range).max(0.0)
        } else if above < 0.0 {
            0.0
        } else {
            // All scores are equal: each is the best.
            1.0
        }
    }
}

fn merge(lists: Lists<'_>) -> impl Iterator<Item = FusedHit> {
    let mut merged: HashMap<ChunkId, FusedHit> =
        HashMap::with_capacity(lists.lexical.len() + lists.dense.len());
    let empty = |id| FusedHit {
        id,
        score: 0.0,
        lexical: None,
        dense: None,
    };
    for hit in lists.lexical {
        merged.entry(hit.id).or_insert_with(|| empty(hit.id)).lexical = Some(hit.score);
    }
    for hit in lists.dense {
        merged.entry(hit.id).or_insert_with(|| empty(hit.id)).dense = Some(hit.score);
    }
    merged.into_values()
}
