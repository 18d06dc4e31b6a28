//! Measures of a ranking against judgements, by the definitions of trec_eval. Pure: where rankings come from is the
//! caller's matter.

mod trec;

use std::collections::HashMap;

pub use trec::{RunError, write_run};

/// What judges said about one query: document id → grade. A grade of 0, or no entry, is "not relevant".
pub type Judgements = HashMap<String, u32>;

/// Normalised discounted cumulative gain of the first `k`: gain = grade, discount = log2(rank + 1), divided by the
/// gain of the best possible ranking (`ndcg_cut` of trec_eval; Järvelin & Kekäläinen, 2002).
///
/// `None` if nothing is relevant, as it is not defined then. A document that is repeated counts once.
pub fn ndcg_at<S: AsRef<str>>(k: usize, ranking: &[S], judgements: &Judgements) -> Option<f64> {
    let mut ideal: Vec<u32> = judgements.values().copied().filter(|grade| *grade > 0).collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = gain(ideal.into_iter().take(k));
    (best > 0.0).then(|| gain(grades(k, ranking, judgements)) / best)
}

/// Share of the relevant documents that stand among the first `k`. `None` if nothing is relevant.
pub fn recall_at<S: AsRef<str>>(k: usize, ranking: &[S], judgements: &Judgements) -> Option<f64> {
    let relevant = judgements.values().filter(|grade| **grade > 0).count();
    let found = grades(k, ranking, judgements).filter(|grade| *grade > 0).count();
    (relevant > 0).then(|| found as f64 / relevant as f64)
}

/// One divided by the rank of the first relevant document among the first `k`, 0 if there is none; averaged over
/// queries this is MRR@k. `None` if nothing is relevant.
pub fn reciprocal_rank_at<S: AsRef<str>>(k: usize, ranking: &[S], judgements: &Judgements) -> Option<f64> {
    let relevant = judgements.values().any(|grade| *grade > 0);
    let first = grades(k, ranking, judgements).position(|grade| grade > 0);
    relevant.then(|| first.map_or(0.0, |place| 1.0 / (place + 1) as f64))
}

/// The arithmetic mean of what is defined; `None` if nothing is.
pub fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values
        .into_iter()
        .flatten()
        .fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The grades of the first `k` documents; a repeated one has none.
fn grades<S: AsRef<str>>(k: usize, ranking: &[S], judgements: &Judgements) -> impl Iterator<Item = u32> {
    let mut seen = std::collections::HashSet::new();
    ranking.iter().take(k).map(move |id| {
        let id = id.as_ref();
        if seen.insert(id) {
            judgements.get(id).copied().unwrap_or(0)
        } else {
            0
        }
    })
}

fn gain(grades: impl Iterator<Item = u32>) -> f64 {
    grades
        .enumerate()
        .map(|(place, grade)| f64::from(grade) / ((place + 2) as f64).log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(grades: &[(&str, u32)]) -> Judgements {
        grades
            .iter()
            .map(|(id, grade)| ((*id).to_owned(), *grade))
            .collect()
    }

    fn close(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() < 1e-9)
    }

    #[test]
    fn ndcg_by_hand() {
        // Ranking b, x, a with grades a = 3, b = 2, c = 1:
        //   DCG  = 2/log2(2) + 0/log2(3) + 3/log2(4)             = 2 + 1.5           = 3.5
        //   IDCG = 3/log2(2) + 2/log2(3) + 1/log2(4) = 3 + 1.2618595071429148 + 0.5 = 4.7618595071429148
        let grades = judged(&[("a", 3), ("b", 2), ("c", 1), ("x", 0)]);
        assert!(close(
            ndcg_at(10, &["b", "x", "a"], &grades),
            3.5 / 4.761_859_507_142_915
        ));
        // Cut at 2: DCG = 2; IDCG = 4.2618595071429148.
        assert!(close(
            ndcg_at(2, &["b", "x", "a"], &grades),
            2.0 / 4.261_859_507_142_915
        ));
        assert!(close(ndcg_at(10, &["a", "b", "c"], &grades), 1.0));
        assert!(close(ndcg_at::<&str>(10, &[], &grades), 0.0));
    }

    #[test]
    fn recall_and_reciprocal_rank_by_hand() {
        let grades = judged(&[("a", 1), ("b", 1), ("c", 2), ("d", 1), ("x", 0)]);
        let ranking = ["x", "y", "c", "a", "z"];
        assert!(close(recall_at(3, &ranking, &grades), 0.25));
        assert!(close(recall_at(100, &ranking, &grades), 0.5));
        assert!(close(reciprocal_rank_at(10, &ranking, &grades), 1.0 / 3.0));
        assert!(close(reciprocal_rank_at(2, &ranking, &grades), 0.0));
    }

    #[test]
    fn a_query_without_relevant_documents_is_left_out_of_the_mean() {
        let nothing = judged(&[("x", 0)]);
        assert_eq!(ndcg_at(10, &["x"], &nothing), None);
        assert_eq!(recall_at(10, &["x"], &nothing), None);
        assert_eq!(reciprocal_rank_at(10, &["x"], &nothing), None);
        assert!(close(mean([Some(1.0), None, Some(0.5)]), 0.75));
        assert_eq!(mean([None]), None);
    }

    #[test]
    fn a_repeated_document_counts_once() {
        let grades = judged(&[("a", 1), ("b", 1)]);
        assert!(close(recall_at(10, &["a", "a", "a"], &grades), 0.5));
        assert!(ndcg_at(10, &["a", "a"], &grades).is_some_and(|ndcg| ndcg < 1.0));
    }
}
