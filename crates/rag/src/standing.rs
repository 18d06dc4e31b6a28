//! Questions that were refused, looked at again when a knowledge base has changed: whether what has come holds an answer.
//!
//! Nobody waits for this answer, so it has to be right (`docs/adr/0020-standing-questions.md`). Four things have to come
//! together: a passage that is new, which alone can be the reason why the answer is known now; that holds what the question
//! names; support above what an answer takes, by a margin where no chat model judges; and more of it than anything had that was there before.

use std::collections::HashSet;
use std::time::Duration;

use nexus_domain::{ChunkId, ContentHash, Passage, Timestamp};
use nexus_text::TermKind;
use serde::{Deserialize, Serialize};

use crate::answer::function_words::is_function_word;
use crate::answer::{Answer, Answering};
use crate::error::RagError;
use crate::retrieve::Question;
use crate::support::{Basis, assess};

/// How far above the threshold support has to be where no chat model judges, too: this share of the way from there to 1. More
/// where words alone tell: they stand beside each other by chance more often than a meaning does.
const fn margin(basis: Basis) -> f32 {
    match basis {
        Basis::Lexical => 0.3,
        Basis::Hybrid => 0.15,
    }
}
/// How much more of the question a new passage has to hold than any that was there before.
const GAIN: f32 = 0.1;
/// Words with a meaning of their own that a question needs: one alone stands in any document.
const MIN_WORDS: usize = 2;
/// A passage is written before it is found: one that was made so long before the question may not have been there yet. One
/// that was is known by its text.
const SLACK: Duration = Duration::from_secs(600);
/// Texts that are remembered.
const MAX_SEEN: usize = 64;

/// What was known when a question was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Support of the best passage.
    score: f32,
    basis: Basis,
    /// Fingerprints of the texts that were read then.
    seen: Vec<u64>,
    /// Of those that came since and were no answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<u64>,
}

impl Baseline {
    /// Of a refusal, and the passages that were read for it.
    pub fn of(refusal: &Answer, read: &[Passage]) -> Self {
        Self {
            score: refusal.support.score,
            basis: refusal.support.basis,
            seen: read.iter().take(MAX_SEEN).map(fingerprint).collect(),
            rejected: Vec::new(),
        }
    }

    /// The same, and these passages were no answer either.
    #[must_use]
    pub fn without(mut self, evidence: &Evidence) -> Self {
        for text in &evidence.texts {
            if !self.rejected.contains(text) {
                self.rejected.push(*text);
            }
        }
        let surplus = self.rejected.len().saturating_sub(MAX_SEEN);
        self.rejected.drain(..surplus);
        self
    }
}

/// New passages that hold enough of a question to answer it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub chunks: HashSet<ChunkId>,
    /// Fingerprints of their texts.
    texts: Vec<u64>,
}

impl Evidence {
    /// Whether an answer rests on it.
    pub fn carries(&self, answer: &Answer) -> bool {
        let mut cited = answer.citations.iter().map(|citation| citation.passage.chunk.id);
        answer.found && cited.any(|chunk| self.chunks.contains(&chunk))
    }
}

impl Answering {
    /// What has come since `asked_at` that answers the question, which stands alone. Asks no chat model.
    pub async fn evidence(
        &self,
        question: &Question,
        asked_at: Timestamp,
        before: &Baseline,
    ) -> Result<Option<Evidence>, RagError> {
        let text = question.searched();
        let found = self.retriever.retrieve_as(question, text).await?;
        let mut assessment = assess(&self.retriever, text, &question.filter, &found).await;
        let supports = assessment.supports(&found.hits, &*self.calibrations).await;
        let seen: HashSet<u64> = before.seen.iter().copied().collect();
        let since = asked_at.minus(SLACK);
        let is_new =
            |passage: &Passage| passage.chunk.id.made_at() > since && !seen.contains(&fingerprint(passage));
        // Scores of one basis say nothing of those of the other; what was there before is judged now in any case.
        let mut known = if before.basis == assessment.basis {
            before.score
        } else {
            0.0
        };
        let mut new = Vec::new();
        for (place, (hit, support)) in found.hits.iter().zip(supports).enumerate() {
            if before.rejected.contains(&fingerprint(&hit.passage)) {
                continue;
            }
            if !is_new(&hit.passage) {
                known = known.max(support.score);
            } else if assessment.is_of_what_is_named(place) {
                new.push((&hit.passage, support));
            }
        }
        let margin = match self.writing {
            Some(_) => 0.0,
            None => margin(assessment.basis),
        };
        new.retain(|(_, support)| {
            let enough = support.threshold + margin * (1.0 - support.threshold);
            support.score >= enough && support.score >= known + GAIN
        });
        if new.is_empty() {
            return Ok(None);
        }
        Ok(Some(Evidence {
            chunks: new.iter().map(|(passage, _)| passage.chunk.id).collect(),
            texts: new.iter().map(|(passage, _)| fingerprint(passage)).collect(),
        }))
    }
}

/// Whether a question says enough to be known again when its answer comes.
pub fn can_stand(question: &str) -> bool {
    let terms = nexus_text::terms(question);
    let meant = terms.iter().filter(|term| {
        !is_function_word(term.id) && (term.kind == TermKind::Word || term.text.chars().nth(1).is_some())
    });
    meant.map(|term| term.id).collect::<HashSet<_>>().len() >= MIN_WORDS
}

/// The same for questions of the same words, however they are written.
pub fn digest(question: &str) -> ContentHash {
    let mut bytes = Vec::new();
    for term in nexus_text::terms(question) {
        bytes.extend(term.id.to_le_bytes());
    }
    ContentHash::of(&bytes)
}

/// By what a text is known again.
fn fingerprint(passage: &Passage) -> u64 {
    let hash = passage.chunk.content_hash;
    let (first, _) = hash.as_bytes().split_at(8);
    first
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_stands_if_it_means_something() {
        for question in [
            "How is the gateway reset?",
            "Как сбросить шлюз?",
            "error E1042 lamp",
        ] {
            assert!(can_stand(question), "{question}");
        }
        for question in ["", "?", "How are you?", "hello", "Как это было?", "the gateway"] {
            assert!(!can_stand(question), "{question}");
        }
    }

    #[test]
    fn the_same_words_are_the_same_question_and_others_are_not() {
        let question = digest("How is the Gateway reset?");
        assert_eq!(question, digest("how is the gateway  reset"));
        assert_ne!(question, digest("How is the gateway not reset?"));
        assert_ne!(digest("pump 4711"), digest("pump 4712"));
    }

    #[test]
    fn what_was_rejected_is_remembered_up_to_a_bound() {
        let mut baseline = Baseline {
            score: 0.2,
            basis: Basis::Lexical,
            seen: vec![1, 2],
            rejected: Vec::new(),
        };
        for n in 0..200 {
            baseline = baseline.without(&Evidence {
                chunks: HashSet::new(),
                texts: vec![n, n],
            });
        }
        assert_eq!(baseline.rejected.len(), MAX_SEEN);
        assert_eq!(baseline.rejected.last(), Some(&199));
        assert_eq!(baseline.seen, [1, 2]);
        let json = serde_json::to_string(&baseline).unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&json).unwrap(), baseline);
    }
}
