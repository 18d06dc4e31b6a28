//! A passage as the verifier reads it, and a statement beside the passages that it cites.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use nexus_domain::Script;
use nexus_text::{TermKind, script_of};

use super::numbers::{Number, numbers};
use super::polarity::{Polarity, polarity};
use super::quotes;
use super::tokens::{Token, folded, tokens};
use crate::answer::units::{Kind, units};

/// A sentence of a passage counts as what a statement was made of if it holds this share of what the best one holds of it.
const RELATED: f32 = 0.45;
/// A longer sentence is cut: it is data.
const MAX_UNIT_CHARS: usize = 2_000;

/// A passage, prepared once for all statements that cite it.
#[derive(Debug)]
pub struct Evidence {
    pub(super) script: Script,
    /// For quotes.
    pub(super) folded: String,
    /// Stems and identifiers, of the text and of its place.
    pub(super) terms: HashSet<u32>,
    /// Words in lower case, for names.
    pub(super) words: HashSet<String>,
    /// First letters of neighbouring words, for acronyms.
    pub(super) initials: String,
    /// Numbers that hold for all sentences: of the place, of headings and heads of tables.
    pub(super) common: Vec<Number>,
    pub(super) units: Vec<Sentence>,
}

/// A sentence, a list item or a row of a passage.
#[derive(Debug)]
pub(super) struct Sentence {
    /// Stems, with those of the headings above it.
    pub(super) terms: HashSet<u32>,
    /// Stems of its own words that mean something.
    pub(super) own: HashSet<u32>,
    pub(super) numbers: Vec<Number>,
    pub(super) polarity: Polarity,
}

impl Evidence {
    /// `place`: document and headings, which a reader of the passage sees, too.
    pub fn new(text: &str, place: &str) -> Self {
        let mut terms: HashSet<u32> = HashSet::new();
        let mut words = HashSet::new();
        let mut initials = String::new();
        for term in nexus_text::terms(text).into_iter().chain(nexus_text::terms(place)) {
            terms.insert(term.id);
        }
        for token in tokens(text).into_iter().chain(tokens(place)) {
            initials.extend(token.raw.chars().next().into_iter().flat_map(char::to_lowercase));
            words.insert(token.folded());
        }
        let mut common = numbers(place);
        let units = sentences(text, place, &mut common);
        Self {
            script: script_of(text),
            folded: quotes::folded(text).0,
            terms,
            words,
            initials,
            common,
            units,
        }
    }
}

fn sentences(text: &str, place: &str, common: &mut Vec<Number>) -> Vec<Sentence> {
    let cut = units(text, MAX_UNIT_CHARS);
    let context: HashSet<u32> = tokens(place).iter().map(|token| token.id).collect();
    let mut headings: HashSet<u32> = HashSet::new();
    let mut sentences: Vec<Sentence> = Vec::with_capacity(cut.len());
    for (at, unit) in cut.iter().enumerate() {
        let own_text = &text[unit.span.clone()];
        let found = tokens(own_text);
        let is_head = unit.kind == Kind::Row
            && cut.get(at + 1).is_some_and(|next| text[next.span.clone()].starts_with("|-"));
        if unit.kind == Kind::Heading {
            headings.clear();
        }
        if unit.kind == Kind::Heading || is_head {
            headings.extend(found.iter().map(|token| token.id));
            common.extend(numbers(own_text));
        }
        let own: HashSet<u32> = found.iter().filter(|token| token.means()).map(|token| token.id).collect();
        let mut terms: HashSet<u32> = found.iter().map(|token| token.id).collect();
        terms.extend(&headings);
        terms.extend(&context);
        sentences.push(Sentence {
            terms,
            own,
            numbers: numbers(own_text),
            polarity: polarity(own_text, &found),
        });
    }
    sentences
}

/// A statement beside its passages.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token<'a>>,
    /// What stands in quotation marks and was looked at already.
    pub(super) quotes: &'a [Range<usize>],
    pub(super) cited: &'a [&'a Evidence],
    /// The sentences that the statement was made of, as far as words tell.
    pub(super) related: Vec<&'a Sentence>,
    /// Those, and their neighbours.
    pub(super) near: Vec<&'a Sentence>,
    weights: HashMap<u32, f32>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(text: &'a str, quotes: &'a [Range<usize>], cited: &'a [&'a Evidence]) -> Self {
        let tokens = tokens(text);
        let weights = weights(&tokens, cited);
        let scores: Vec<Vec<f32>> = cited
            .iter()
            .map(|evidence| evidence.units.iter().map(|unit| score(&weights, &unit.terms)).collect())
            .collect();
        let best = scores.iter().flatten().copied().fold(0.0, f32::max);
        let (mut related, mut near) = (Vec::new(), Vec::new());
        for (evidence, scores) in cited.iter().zip(&scores) {
            let is_related = |at: usize| scores.get(at).is_some_and(|score| *score >= best * RELATED);
            for (at, unit) in evidence.units.iter().enumerate() {
                if is_related(at) {
                    related.push(unit);
                }
                if is_related(at) || is_related(at + 1) || at > 0 && is_related(at - 1) {
                    near.push(unit);
                }
            }
        }
        Self {
            text,
            tokens,
            quotes,
            cited,
            related,
            near,
            weights,
        }
    }

    /// Whether a place stands in quotation marks that were looked at.
    pub(super) fn is_quoted(&self, span: &Range<usize>) -> bool {
        self.quotes.iter().any(|quote| quote.start <= span.start && span.end <= quote.end)
    }

    /// Different words that mean something.
    pub(super) fn words(&self) -> usize {
        self.weights.len()
    }

    /// What share of the statement's weight its passages hold, 0 to 1.
    pub(super) fn share(&self) -> f32 {
        let total: f32 = self.weights.values().sum();
        let held = self.weights.iter().filter(|(id, _)| self.cited.iter().any(|evidence| evidence.terms.contains(id)));
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
    weights.iter().filter(|(id, _)| terms.contains(id)).map(|(_, weight)| *weight).sum()
}
