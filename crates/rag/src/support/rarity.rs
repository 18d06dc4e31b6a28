//! How rare words are in the knowledge bases asked, told by the lexical index itself: its inverse document frequency is
//! counted over them, so a search for a word alone tells how many passages hold it.

use futures::future::try_join_all;
use nexus_domain::{Collection, KbFilter, SparseVector, Vector, VectorError, VectorQuery, VectorStore};

use super::asked::Word;

/// Hits of a word that are counted; of a word with more of them, the best score tells the rest.
const COUNTED: usize = 100;
/// Passages of a language in general that are counted in with those of the knowledge base, none of which holds the word. In
/// a knowledge base of two short documents a word that one of them lacks is not rare: nobody knows.
const PRIOR: f32 = 100.0;
/// BM25's weight of a word in the passage that it fits best, for words that many passages hold: near `k1 + 1` = 2.2, which it
/// never reaches.
const BEST_WEIGHT: f32 = 1.8;

/// The rarity of each word, in their order, greater than 0.
pub(super) async fn of(
    vectors: &dyn VectorStore,
    filter: &KbFilter,
    words: &[Word],
) -> Result<Vec<f32>, VectorError> {
    let counts = try_join_all(
        filter
            .kbs()
            .map(|kb| vectors.count(Collection::Lexical, Some(kb))),
    )
    .await?;
    let passages = counts.iter().sum::<u64>() as f32;
    let holding = words
        .iter()
        .map(|word| holding(vectors, filter, word.id, passages));
    let holding = try_join_all(holding).await?;
    Ok(holding
        .into_iter()
        .map(|holding| rarity(holding, passages))
        .collect())
}

/// BM25's inverse document frequency, with the prior.
fn rarity(holding: f32, passages: f32) -> f32 {
    ((passages + PRIOR + 1.0) / (holding + 0.5))
        .ln()
        .max(f32::EPSILON)
}

/// How many passages hold a word.
async fn holding(
    vectors: &dyn VectorStore,
    filter: &KbFilter,
    id: u32,
    passages: f32,
) -> Result<f32, VectorError> {
    let query = VectorQuery {
        collection: Collection::Lexical,
        vector: Vector::Sparse(SparseVector {
            ids: vec![id],
            values: vec![1.0],
        }),
        filter: filter.clone(),
        limit: COUNTED,
    };
    let hits = vectors.search(query).await?;
    Ok(match hits.first() {
        Some(best) if hits.len() >= COUNTED => estimated(best.score, passages),
        _ => hits.len() as f32,
    })
}

/// From `score = weight · ln((passages + 1) / (holding + 0.5))`.
fn estimated(best: f32, passages: f32) -> f32 {
    let holding = (passages + 1.0) / (best / BEST_WEIGHT).exp() - 0.5;
    holding.clamp(COUNTED as f32, passages.max(COUNTED as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_two_documents_no_word_is_rare_and_in_many_some_are() {
        let small = rarity(0.0, 2.0) / rarity(1.0, 2.0);
        let large = rarity(1.0, 100_000.0) / rarity(50_000.0, 100_000.0);
        assert!(small < 1.4 && large > 10.0, "{small} {large}");
    }

    #[test]
    fn what_is_not_counted_is_read_off_the_score() {
        let idf = (10_001.0_f32 / 2_000.5).ln();
        assert!((estimated(idf * BEST_WEIGHT, 10_000.0) - 2_000.0).abs() < 5.0);
        assert!((estimated(0.0, 10_000.0) - 10_000.0).abs() < 2.0);
        assert!((estimated(100.0, 10_000.0) - 100.0).abs() < 1e-3);
    }
}
