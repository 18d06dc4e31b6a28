//! What a question asks for, in terms, and how much of it a text holds.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use nexus_text::Term;

use super::function_words::is_function_word;

/// A function word counts this much of a word that all candidates hold.
const FUNCTION_WORD_WEIGHT: f32 = 0.05;

/// The terms of a question and their weights.
#[derive(Debug)]
pub(crate) struct QuestionTerms {
    weights: HashMap<u32, f32>,
    total: f32,
}

/// A place in a text where a term of the question stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Match {
    pub(crate) term: u32,
    pub(crate) weight: f32,
    pub(crate) span: Range<usize>,
}

impl QuestionTerms {
    /// Weighs the terms of `question` by how rare they are among the candidates (BM25's inverse document frequency),
    /// each of which is given as the terms that it holds. A question of function words alone means what it says.
    pub(crate) fn new(question: &str, candidates: &[HashSet<u32>]) -> Self {
        let ids: HashSet<u32> = nexus_text::terms(question)
            .into_iter()
            .map(|term| term.id)
            .collect();
        let all_function = ids.iter().all(|id| is_function_word(*id));
        let count = candidates.len() as f32;
        let weights: HashMap<u32, f32> = ids
            .into_iter()
            .map(|id| {
                let holding = candidates.iter().filter(|terms| terms.contains(&id)).count() as f32;
                let idf = (1.0 + (count - holding + 0.5) / (holding + 0.5)).ln();
                let means_something = all_function || !is_function_word(id);
                (
                    id,
                    if means_something {
                        idf
                    } else {
                        idf.min(1.0) * FUNCTION_WORD_WEIGHT
                    },
                )
            })
            .collect();
        let total = weights.values().sum();
        Self { weights, total }
    }

    /// Where `terms` of a text are the question's.
    pub(crate) fn matches(&self, terms: &[Term<'_>]) -> Vec<Match> {
        let found = terms.iter().filter_map(|term| {
            let weight = *self.weights.get(&term.id)?;
            Some(Match {
                term: term.id,
                weight,
                span: term.span.clone(),
            })
        });
        found.collect()
    }

    /// Share of the question's weight that a set of terms holds, 0 to 1.
    pub(crate) fn coverage(&self, held: &HashSet<u32>) -> f32 {
        let sum: f32 = self
            .weights
            .iter()
            .filter(|(id, _)| held.contains(*id))
            .map(|(_, weight)| *weight)
            .sum();
        if self.total > 0.0 { sum / self.total } else { 0.0 }
    }

    /// Whether a set of terms holds any that means something.
    pub(crate) fn shares_meaning(&self, held: &HashSet<u32>) -> bool {
        let all_function = self.weights.keys().all(|id| is_function_word(*id));
        self.weights
            .keys()
            .any(|id| held.contains(id) && (all_function || !is_function_word(*id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(text: &str) -> HashSet<u32> {
        nexus_text::terms(text).into_iter().map(|term| term.id).collect()
    }

    #[test]
    fn a_rare_word_weighs_more_than_a_common_one() {
        let pool = ["reset the gateway", "the gateway lamp", "gateway power"].map(held);
        let terms = QuestionTerms::new("reset gateway", &pool);
        assert!(terms.coverage(&held("reset")) > 2.0 * terms.coverage(&held("gateway")));
        assert!((terms.coverage(&held("a gateway to reset")) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn texts_that_share_only_function_words_share_no_meaning() {
        let pool = [held("How is the weather in the north?")];
        let terms = QuestionTerms::new("How is the firmware updated?", &pool);
        assert!(!terms.shares_meaning(&pool[0]));
        assert!(terms.coverage(&pool[0]) < 0.1);
        let russian = QuestionTerms::new("Как обновить прошивку?", &pool);
        assert!(!russian.shares_meaning(&held("Как это было")));
        assert!(russian.shares_meaning(&held("обновление прошивки")));
    }

    #[test]
    fn a_question_of_function_words_means_what_it_says() {
        let terms = QuestionTerms::new("who is who", &[]);
        assert!(terms.shares_meaning(&held("Who is who in the team")));
    }
}
