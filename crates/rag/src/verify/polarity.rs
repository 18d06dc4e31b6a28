//! Which words a sentence states and which it denies.
//!
//! A denial belongs to a word: the first one behind it that means something, or the last one before it where its clause ends. The
//! next ones up to the end of the clause may be meant as well, so they agree with both.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::lexicon::{denies, is_comparative, is_light, is_negative};
use super::tokens::{Token, id_of, is_cut};

/// Words behind the denied one that the denial may reach.
const REACH: usize = 3;
/// Words before a denial that it may belong to.
const LOOK_BACK: usize = 5;

/// How a word stands in a sentence.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    pub(super) stated: bool,
    pub(super) denied: bool,
}

/// Which words a sentence states and which it denies, by their stems.
#[derive(Debug, Default)]
pub(super) struct Polarity {
    pub(super) signs: HashMap<u32, Signs>,
    /// Denied outright, with the place of the denial.
    pub(super) heads: Vec<(u32, Range<usize>)>,
    /// Words in it that may mean a denial.
    pub(super) negative: HashSet<u32>,
    /// Of words that begin with a denial, what is denied: the `safe` of `unsafe`.
    pub(super) bases: HashSet<u32>,
}

pub(super) fn polarity(text: &str, tokens: &[Token<'_>]) -> Polarity {
    let mut polarity = Polarity::default();
    let mut denial: Option<Denial> = None;
    for (at, token) in tokens.iter().enumerate() {
        let folded = token.folded();
        let between = at
            .checked_sub(1)
            .and_then(|before| text.get(tokens[before].span.end..token.span.start));
        if between.is_some_and(is_cut) {
            let cut = denial.take();
            polarity.look_back(text, tokens, at, cut);
        }
        if is_negative(token.id) {
            polarity.negative.insert(token.id);
        }
        polarity.bases.extend(bases(&folded));
        if denies(token.id, &folded) {
            if !is_particle(text, tokens, at) {
                denial = Some(Denial {
                    span: token.span.clone(),
                    at,
                    reached: 0,
                });
            }
            continue;
        }
        let is_word = token.means() || is_comparative(token.id);
        let signs = polarity.signs.entry(token.id).or_default();
        match &mut denial {
            Some(denial) if denial.reached == 0 && (is_light(token.id) || !is_word) => signs.stated = true,
            Some(denial) if denial.reached == 0 => {
                denial.reached = 1;
                signs.denied = true;
                polarity.heads.push((token.id, denial.span.start..token.span.end));
            }
            Some(denial) if denial.reached < REACH && is_word => {
                denial.reached += 1;
                (signs.stated, signs.denied) = (true, true);
            }
            _ => signs.stated = true,
        }
    }
    let last = denial.take();
    polarity.look_back(text, tokens, tokens.len(), last);
    polarity
}

struct Denial {
    /// Of the word that denies, and which word it is.
    span: Range<usize>,
    at: usize,
    reached: usize,
}

impl Polarity {
    /// A denial behind which nothing is left in its clause belongs to the word before it: «Выключить это нельзя».
    fn look_back(&mut self, text: &str, tokens: &[Token<'_>], end: usize, denial: Option<Denial>) {
        let Some(denial) = denial.filter(|denial| denial.reached == 0) else {
            return;
        };
        let first = denial.at.saturating_sub(LOOK_BACK);
        let before = tokens.get(first..denial.at).unwrap_or_default();
        let in_clause = |token: &Token<'_>| {
            text.get(token.span.end..denial.span.start)
                .is_some_and(|between| !is_cut(between))
        };
        let is_word =
            |token: &&Token<'_>| token.means() && !is_light(token.id) && !denies(token.id, &token.folded());
        for (nth, token) in before
            .iter()
            .rev()
            .take_while(|token| in_clause(token))
            .filter(is_word)
            .take(REACH)
            .enumerate()
        {
            let signs = self.signs.entry(token.id).or_default();
            if nth == 0 {
                *signs = Signs {
                    stated: false,
                    denied: true,
                };
                let to = end
                    .checked_sub(1)
                    .and_then(|at| tokens.get(at))
                    .map_or(denial.span.end, |token| token.span.end);
                self.heads.push((token.id, denial.span.start..to));
            } else {
                signs.denied = true;
            }
        }
    }
}

/// What a word denies by its own beginning or end, if it does: `unsafe`, «неизвестен», `useless`.
fn bases(folded: &str) -> impl Iterator<Item = u32> {
    let without = ["un", "im", "in", "non", "dis", "не"]
        .into_iter()
        .filter_map(|prefix| folded.strip_prefix(prefix));
    let without = without.chain(folded.strip_suffix("less"));
    without
        .filter(|base| base.chars().count() >= 4)
        .filter_map(id_of)
        .collect::<Vec<_>>()
        .into_iter()
}

/// `not only`, and the `No,` that begins an answer, deny nothing of the sentence.
fn is_particle(text: &str, tokens: &[Token<'_>], at: usize) -> bool {
    let Some(next) = tokens.get(at + 1) else {
        return true;
    };
    let folded = next.folded();
    let begins = at == 0
        && text
            .get(tokens[at].span.end..next.span.start)
            .is_some_and(|between| between.starts_with([',', '.', ':', '!']));
    begins
        || matches!(
            folded.as_str(),
            "only" | "just" | "merely" | "только" | "просто" | "лишь"
        )
}
