//! A passage as the verifier reads it.

use std::collections::HashSet;

use super::numbers::{Number, numbers};
use super::polarity::{Polarity, polarity};
use super::quotes;
use super::tokens::{cyrillic_share, tokens};
use crate::answer::units::{Kind, units};

/// Shares of Cyrillic letters: of a passage that speaks Russian at least, of one that speaks English at most.
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
    /// Text and place in lower case, for addresses.
    pub(super) lower: String,
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
        if self.own.is_empty() {
            0.0
        } else {
            shared as f32 / self.own.len() as f32
        }
    }
}

impl Evidence {
    /// Whether its words are of the language of a Russian statement, or of another one. A passage of code and its explanation
    /// may be most of it Latin, and still be Russian.
    pub(super) fn speaks(&self, is_russian: bool) -> bool {
        if is_russian {
            self.cyrillic >= RUSSIAN_PASSAGE
        } else {
            self.cyrillic < ENGLISH_PASSAGE
        }
    }

    /// `place`: document and headings, which a reader of the passage sees, too.
    pub fn new(text: &str, place: &str) -> Self {
        let mut terms: HashSet<u32> = HashSet::new();
        let mut words = HashSet::new();
        let mut initials = String::new();
        for term in nexus_text::terms(text)
            .into_iter()
            .chain(nexus_text::terms(place))
        {
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
            lower: format!("{text}\n{place}").to_lowercase(),
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
        let name = at
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .filter(|name| {
                let is_capital =
                    name.means() && name.raw.starts_with(char::is_uppercase) && name.raw.chars().count() > 1;
                is_capital && text.get(name.span.end..token.span.start) == Some(" ")
            });
        // A capital that begins a sentence shows no name.
        let begins = name.is_some_and(|name| {
            let before = text
                .get(..name.span.start)
                .unwrap_or_default()
                .trim_end_matches([' ', '*', '_']);
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
            && cut
                .get(at + 1)
                .is_some_and(|next| text[next.span.clone()].starts_with("|-"));
        if unit.kind == Kind::Heading {
            headings.clear();
        }
        if unit.kind == Kind::Heading || is_head {
            headings.extend(found.iter().map(|token| token.id));
            common.extend(numbers(own_text));
        }
        let own: HashSet<u32> = found
            .iter()
            .filter(|token| token.means())
            .map(|token| token.id)
            .collect();
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
