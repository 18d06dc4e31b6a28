//! The size of a text in tokens, by a rule instead of a vocabulary.
//!
//! Chunks must not depend on the embedding model, or a new model would cut every document anew. So this counts what a
//! multilingual sub-word vocabulary of 250,000 pieces (XLM-RoBERTa's, which multilingual-e5 and BGE-M3 share) makes of
//! a text on average: 1.2-1.3 tokens for an English word, 1.5-1.6 for a Russian one, four to five characters a token
//! with blanks and punctuation. The rule leans to the high side, and nothing visible is free, so a chunk of n counted
//! tokens stays near n for such a model whatever its text is; an English-only vocabulary makes about 3 times as many of
//! Cyrillic.

use crate::chars::{is_cyrillic, is_latin, is_unspaced};

/// What neighbouring characters have in common when they are counted together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Blank,
    Latin,
    Cyrillic,
    Digits,
    OtherLetters,
    /// Han, Kana, Hangul, Thai.
    Unspaced,
    /// The same sign again and again: `----`.
    Sign(char),
}

impl Run {
    fn of(c: char) -> Self {
        if c.is_whitespace() {
            Self::Blank
        } else if is_latin(c) {
            Self::Latin
        } else if is_cyrillic(c) {
            Self::Cyrillic
        } else if c.is_numeric() {
            Self::Digits
        } else if is_unspaced(c) {
            Self::Unspaced
        } else if c.is_alphabetic() {
            Self::OtherLetters
        } else {
            Self::Sign(c)
        }
    }

    /// Tokens of a run of `length` characters.
    fn tokens(self, length: usize) -> usize {
        match self {
            // Tokenizers drop blanks; a bound is needed all the same.
            Self::Blank => length / 16,
            Self::Latin => length.div_ceil(6),
            Self::Cyrillic => length.div_ceil(5),
            Self::Digits | Self::OtherLetters => length.div_ceil(3),
            Self::Unspaced => length,
            Self::Sign(_) => length.div_ceil(4),
        }
    }
}

/// Approximate number of sub-word tokens of a text, independent of any model. Linear; never less for a longer text;
/// cutting a text in two changes the sum by at most one.
pub fn count_tokens(text: &str) -> usize {
    let mut total = 0;
    let (mut run, mut length) = (Run::Blank, 0);
    let mut before = ' ';
    for c in text.chars() {
        let next = Run::of(c);
        // Sub-word vocabularies know words, not camelCase.
        let camel = before.is_lowercase() && c.is_uppercase();
        if next != run || camel {
            total += run.tokens(length);
            (run, length) = (next, 0);
        }
        length += 1;
        before = c;
    }
    total + run.tokens(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cost_what_a_multilingual_vocabulary_takes() {
        assert_eq!(count_tokens(""), 0);
        assert_eq!(count_tokens("The server starts."), 4);
        assert_eq!(count_tokens("Перезапустите сервер."), 3 + 2 + 1);
        assert_eq!(count_tokens("getUserName"), 3);
        assert_eq!(count_tokens("設定変更"), 4);
        assert_eq!(count_tokens("-----------"), 3);
    }

    #[test]
    fn nothing_grows_without_bound_for_free() {
        for filler in [" ", "\u{301}", "\u{200b}", "\n", "🙂", "0", "=", "q"] {
            assert!(count_tokens(&filler.repeat(4_000)) >= 250, "{filler:?}");
        }
    }
}
