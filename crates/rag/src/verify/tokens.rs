//! The words of a text, with their stems and places.

use std::ops::Range;

use nexus_text::TermKind;

use crate::answer::function_words::is_function_word;

/// A word.
#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    /// As it is written.
    pub(super) raw: &'t str,
    pub(super) span: Range<usize>,
    /// Of its stem.
    pub(super) id: u32,
}

impl Token<'_> {
    /// Lower case, ё as е.
    pub(super) fn folded(&self) -> String {
        folded(self.raw)
    }

    /// Whether it means something by itself.
    pub(super) fn means(&self) -> bool {
        !is_function_word(self.id) && self.raw.chars().any(char::is_alphabetic)
    }
}

/// Lower case, ё as е, one kind of apostrophe.
pub(super) fn folded(word: &str) -> String {
    let lower = word.chars().flat_map(char::to_lowercase);
    lower
        .map(|c| match c {
            'ё' => 'е',
            '’' | 'ʼ' => '\'',
            c => c,
        })
        .collect()
}

pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let terms = nexus_text::terms(text).into_iter();
    terms
        .filter(|term| term.kind == TermKind::Word)
        .filter_map(|term| {
            Some(Token {
                raw: text.get(term.span.clone())?,
                span: term.span,
                id: term.id,
            })
        })
        .collect()
}

/// The id of a single word's stem.
pub(super) fn id_of(word: &str) -> Option<u32> {
    nexus_text::terms(word).first().map(|term| term.id)
}

/// Whether a sign between two places ends a clause.
pub(super) fn is_cut(between: &str) -> bool {
    between.contains(|c: char| {
        matches!(
            c,
            ',' | ';' | ':' | '.' | '!' | '?' | '(' | ')' | '—' | '–' | '\n' | '|'
        )
    })
}

/// Share of Cyrillic among the letters, 0 to 1.
pub(super) fn cyrillic_share(text: &str) -> f32 {
    let letters = text.chars().filter(|c| c.is_alphabetic());
    let (cyrillic, all) = letters.fold((0_usize, 0_usize), |(cyrillic, all), c| {
        (
            cyrillic + usize::from(matches!(c, '\u{400}'..='\u{52f}')),
            all + 1,
        )
    });
    if all == 0 {
        0.0
    } else {
        cyrillic as f32 / all as f32
    }
}
