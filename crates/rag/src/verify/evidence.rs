//! A passage as the verifier reads it, and a statement beside the passages that it cites.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use nexus_text::TermKind;

use super::numbers::{Number, numbers};
use super::polarity::{Polarity, polarity};
use super::quotes;
use super::tokens::{Token, cyrillic_share, folded, tokens};
use crate::answer::units::{Kind, units};

/// A sentence of a passage counts as what a statement was made of if it holds this share of what the best one holds of it.
const RELATED: f32 = 0.45;
/// And so does one of whose own words the statement holds this share: it is retold with others.
pub(super) const RETOLD: f32 = 0.6;
/// One that holds nearly as much as the best is as likely to be meant.
const LIKELY: f32 = 0.97;
/// Shares of Cyrillic letters: of a Russian statement at least, of a passage that speaks Russian at least, of one that speaks
/// English at most.
const RUSSIAN_STATEMENT: f32 = 0.2;
const RUSSIAN_PASSAGE: f32 = 0.1;
const ENGLISH_PASSAGE: f32 = 0.3;
/// A longer sentence is cut: it is data.
const MAX_UNIT_CHARS: usize = 2_000;

/// A passage, prepared once for all statements that cite it.
#[derive(Debug)]
pub struct Evidence {
    /// Share of Cyrillic letters.
    cyrillic: f32,
    /// For quotes.
    pub(super) folded: String,
    /// Stems and identifiers, of the text and of its place.
    pub(super) terms: HashSet<u32>,
    /// Words in lower case, for names.
    pub(super) words: HashSet<String>,
    /// Words that stand behind names, and nowhere else.
    pub(super) after_names: HashSet<u32>,
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

impl Sentence {
    /// What share of its own words is among these, 0 to 1.
    pub(super) fn share_in(&self, ids: &HashSet<u32>) -> f32 {
        let shared = self.own.iter().filter(|id| ids.contains(id)).count();
        if self.own.is_empty() { 0.0 } else { shared as f32 / self.own.len() as f32 }
    }
}

impl Evidence {
    /// Whether its words are of the language of a Russian statement, or of another one. A passage of code and its explanation
    /// may be most of it Latin, and still be Russian.
    fn speaks(&self, is_russian: bool) -> bool {
        if is_russian { self.cyrillic >= RUSSIAN_PASSAGE } else { self.cyrillic < ENGLISH_PASSAGE }
    }

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
            cyrillic: cyrillic_share(text),
            folded: quotes::folded(text).0,
            terms,
            words,
            after_names: after_names(text),
            initials,
            common,
            units,
        }
    }
}

/// Stems of the words of a text that stand behind a name whenever they occur: the `dashboards` of `Harbor dashboards`.
fn after_names(text: &str) -> HashSet<u32> {
    let tokens = tokens(text);
    let (mut behind, mut elsewhere) = (HashSet::new(), HashSet::new());
    for (at, token) in tokens.iter().enumerate() {
        let name = at.checked_sub(1).and_then(|before| tokens.get(before)).filter(|name| {
            let is_capital = name.means() && name.raw.starts_with(char::is_uppercase) && name.raw.chars().count() > 1;
            is_capital && text.get(name.span.end..token.span.start) == Some(" ")
        });
        // A capital that begins a sentence shows no name.
        let begins = name.is_some_and(|name| {
            let before = text.get(..name.span.start).unwrap_or_default().trim_end_matches([' ', '*', '_']);
            before.is_empty() || before.ends_with(['.', '!', '?', ':', ';', '|', '\n', '-', '—'])
        });
        if name.is_some() && !begins {
            behind.insert(token.id);
        } else {
            elsewhere.insert(token.id);
        }
    }
    behind.retain(|id| !elsewhere.contains(id));
    behind
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
            .map(|evidence| evidence.units.iter().map(|unit| score(&weights, &unit.terms)).collect())
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
        self.quotes.iter().any(|quote| quote.start <= span.start && span.end <= quote.end)
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
