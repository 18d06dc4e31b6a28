//! BM25: the store's half of it is the inverse document frequency.

use std::collections::BTreeSet;

use nexus_domain::{ChunkId, KbId, Point, Vector};

use super::fixture::{Fixture, find, ids, kb, put, query, ready, sparse, words};

/// Numbers that look random and are the same everywhere.
fn noise(seed: u32) -> impl FnMut(u32) -> u32 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    }
}

/// The score by the book: Σ query weight · document weight · ln(1 + (N − n + ½) / (n + ½)), where N counts the points
/// of the knowledge bases asked and n those of them that hold the term.
fn expected(points: &[Point], kbs: &[KbId], asked: &[(u32, f32)]) -> Vec<(ChunkId, f64)> {
    let weight = |point: &Point, term: u32| match &point.vector {
        Vector::Sparse(sparse) => sparse
            .ids
            .binary_search(&term)
            .ok()
            .map(|at| f64::from(sparse.values[at])),
        Vector::Dense(_) => None,
    };
    let within: Vec<_> = points.iter().filter(|point| kbs.contains(&point.kb_id)).collect();
    let total = within.len() as f64;
    let mut scores: Vec<(ChunkId, f64)> = within.iter().map(|point| (point.id, 0.0)).collect();
    for &(term, asked) in asked {
        let holding = within
            .iter()
            .filter(|point| weight(point, term).is_some())
            .count() as f64;
        let idf = (1.0 + (total - holding + 0.5) / (holding + 0.5)).ln();
        for (point, score) in within.iter().zip(&mut scores) {
            score.1 += weight(point, term).unwrap_or(0.0) * f64::from(asked) * idf;
        }
    }
    scores.retain(|score| score.1 > 0.0);
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores
}

/// 300 points in three knowledge bases, queries over one, two and all of them: ranks and scores are the book's.
pub async fn scores_are_those_of_bm25(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kbs = [kb(), kb(), kb()];
    let mut next = noise(7);
    let points: Vec<Point> = (0..300)
        .map(|n| {
            let terms: BTreeSet<u32> = (0..12).map(|_| next(20) * next(20)).collect();
            let weights: Vec<_> = terms
                .into_iter()
                .map(|term| (term, 0.5 + next(1_000) as f32 / 700.0))
                .collect();
            Point {
                vector: sparse(&weights),
                ..words(kbs[n % 7 % 3], &[])
            }
        })
        .collect();
    put(&store, &points).await;
    for (asked_kbs, asked) in [
        (&kbs[..1], &[(4, 1.0), (36, 1.0), (90, 2.0)][..]),
        (&kbs[1..], &[(0, 1.0), (7, 1.0)]),
        (&kbs[..], &[(12, 1.0), (100, 1.0), (210, 1.0), (4_000, 1.0)]),
    ] {
        let expected = expected(&points, asked_kbs, asked);
        let hits = find(&store, query(sparse(asked), asked_kbs.iter().copied(), 1_000)).await;
        assert_eq!(hits.len(), expected.len());
        for (hit, (_, score)) in hits.iter().zip(&expected) {
            assert!(
                (f64::from(hit.score) - score).abs() < 1e-4 * score.max(1.0),
                "{hit:?} instead of {score}"
            );
        }
        let score_of = |id: ChunkId| {
            expected
                .iter()
                .find(|(other, _)| *other == id)
                .map(|(_, score)| *score)
        };
        for pair in hits.windows(2) {
            let (first, second) = (score_of(pair[0].id), score_of(pair[1].id));
            assert!(
                first
                    .zip(second)
                    .is_some_and(|(first, second)| first > second - 1e-4),
                "{pair:?}"
            );
        }
    }
}

/// What is rare in one knowledge base may be common in the next, and neither hears of the other's statistics.
pub async fn rarity_is_counted_within_the_knowledge_bases_asked(fixture: &impl Fixture) {
    const TOPIC: u32 = 10;
    const OTHER: u32 = 20;
    let store = ready(fixture).await;
    let (a, b) = (kb(), kb());
    let (rare_in_a, common_in_a) = (words(a, &[TOPIC]), words(a, &[OTHER]));
    put(&store, &[rare_in_a.clone(), common_in_a.clone()]).await;
    put(&store, &(0..20).map(|_| words(a, &[OTHER])).collect::<Vec<_>>()).await;
    put(&store, &(0..200).map(|_| words(b, &[TOPIC])).collect::<Vec<_>>()).await;
    let asked = sparse(&[(TOPIC, 1.0), (OTHER, 1.0)]);
    let hits = find(&store, query(asked.clone(), [a], 3)).await;
    assert_eq!(
        hits[0].id, rare_in_a.id,
        "in its own knowledge base the topic is rare"
    );
    let hits = find(&store, query(asked, [a, b], 300)).await;
    let rank = |id| ids(&hits).iter().position(|hit| *hit == id);
    assert!(
        rank(common_in_a.id) < rank(rare_in_a.id),
        "together, the topic is what all are about"
    );
}

/// A query may weigh its terms.
pub async fn a_repeated_query_term_counts_twice(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let (left, right) = (words(kb, &[1]), words(kb, &[2]));
    put(&store, &[left.clone(), right.clone()]).await;
    let hits = find(&store, query(sparse(&[(1, 1.0), (2, 2.0)]), [kb], 2)).await;
    assert_eq!(ids(&hits), [right.id, left.id]);
    assert!((hits[0].score - 2.0 * hits[1].score).abs() < 1e-5);
}
