//! A statement beside the passages that it cites.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use nexus_text::TermKind;

use super::evidence::{Evidence, Sentence};
use super::tokens::{Token, cyrillic_share, folded, tokens};

/// A sentence of a passage counts as what a statement was made of if it holds this share of what the best one holds of it.
const RELATED: f32 = 0.45;
/// And so does one of whose own words the statement holds this share: it is retold with others.
pub(super) const RETOLD: f32 = 0.6;
/// One that holds nearly as much as the best is as likely to be meant.
const LIKELY: f32 = 0.97;
/// Share of Cyrillic letters of a Russian statement, at least.
const RUSSIAN_STATEMENT: f32 = 0.2;

/// A statement beside its passages.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) text: &'a str,
    pub(super) is_russian: bool,
    pub(super) tokens: Vec<Token<'a>>,
    /// What stands in quotation marks and was looked at already.
    pub(super) quotes: &'a [Range<usize>],
    pub(super) cited: &'a [&'a Evidence],
    /// The sentences that the statement was made of, as far as words tell.
    pub(super) related: Vec<&'a Sentence>,
    /// Of these, the most likely.
    pub(super) best: Vec<&'a Sentence>,
    /// All of them, and their neighbours.
    pub(super) near: Vec<&'a Sentence>,
    weights: HashMap<u32, f32>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &'a str, quotes: &'a [Range<usize>], cited: &'a [&'a Evidence]) -> Self {
        let tokens = tokens(text);
        let weights = weights(&tokens, cited);
        let scores: Vec<Vec<f32>> = cited
            .iter()
            .map(|evidence| {
                evidence
                    .units
                    .iter()
                    .map(|unit| score(&weights, &unit.terms))
                    .collect()
            })
            .collect();
        let best = scores.iter().flatten().copied().fold(0.0, f32::max);
        let said: HashSet<u32> = weights.keys().copied().collect();
        let (mut related, mut near, mut likely) = (Vec::new(), Vec::new(), Vec::new());
        for (evidence, scores) in cited.iter().zip(&scores) {
            let is_related = |at: usize| {
                let Some((score, unit)) = scores.get(at).zip(evidence.units.get(at)) else {
                    return false;
                };
                *score >= best * RELATED || unit.share_in(&said) >= RETOLD
            };
            for (at, unit) in evidence.units.iter().enumerate() {
                if is_related(at) {
                    related.push(unit);
                }
                if scores.get(at).is_some_and(|score| *score >= best * LIKELY) {
                    likely.push(unit);
                }
                if is_related(at) || is_related(at + 1) || at > 0 && is_related(at - 1) {
                    near.push(unit);
                }
            }
        }
        Self {
            text,
            is_russian: cyrillic_share(text) >= RUSSIAN_STATEMENT,
            tokens,
            quotes,
            cited,
            related,
            best: likely,
            near,
            weights,
        }
    }

    /// Whether a place stands in quotation marks that were looked at.
    pub(super) fn is_quoted(&self, span: &Range<usize>) -> bool {
        self.quotes
            .iter()
            .any(|quote| quote.start <= span.start && span.end <= quote.end)
    }

    /// Whether all cited passages are of the statement's language: words of two languages say nothing about each other.
    pub(super) fn is_of_one_language(&self) -> bool {
        self.cited.iter().all(|evidence| evidence.speaks(self.is_russian))
    }

    /// Different words that mean something.
    pub(super) fn words(&self) -> usize {
        self.weights.len()
    }

    /// What share of the statement's weight its passages hold, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        let total: f32 = self.weights.values().sum();
        let held = self
            .weights
            .iter()
            .filter(|(id, _)| self.cited.iter().any(|evidence| evidence.terms.contains(id)));
        let held: f32 = held.map(|(_, weight)| *weight).sum();
        if total > 0.0 { held / total } else { 1.0 }
    }

    /// Whether some cited passage holds a word, stemmed.
    pub(super) fn holds(&self, id: u32) -> bool {
        self.cited.iter().any(|evidence| evidence.terms.contains(&id))
    }

    /// Whether some cited passage holds a word, as it is written but for case.
    pub(super) fn holds_word(&self, word: &str) -> bool {
        let word = folded(word);
        self.cited.iter().any(|evidence| evidence.words.contains(&word))
    }

    /// Whether every identifier of a text stands in a cited passage: whole names, and not their parts alone.
    pub(super) fn holds_terms(&self, text: &str) -> bool {
        let terms = nexus_text::terms(text);
        let widest = |kind: TermKind| terms.iter().filter(move |term| term.kind == kind);
        let mut compounds = widest(TermKind::Compound).peekable();
        if compounds.peek().is_some() {
            let last = compounds.last();
            return last.is_some_and(|term| self.holds(term.id));
        }
        widest(TermKind::Word).all(|term| self.holds(term.id))
    }
}

/// The statement's words that mean something, by how rare they are among the sentences.
fn weights(tokens: &[Token<'_>], cited: &[&Evidence]) -> HashMap<u32, f32> {
    let units: Vec<&Sentence> = cited.iter().flat_map(|evidence| &evidence.units).collect();
    let count = units.len() as f32;
    let means = tokens.iter().filter(|token| token.means());
    means
        .map(|token| {
            let holding = units.iter().filter(|unit| unit.terms.contains(&token.id)).count() as f32;
            (token.id, (1.0 + (count + 1.0) / (holding + 0.5)).ln())
        })
        .collect()
}

fn score(weights: &HashMap<u32, f32>, terms: &HashSet<u32>) -> f32 {
    weights
        .iter()
        .filter(|(id, _)| terms.contains(id))
        .map(|(_, weight)| *weight)
        .sum()
}
