//! Identifiers: one word in lower case, and where its parts begin.
//!
//! `snake_case`, `camelCase`, `HTTPServer`, `utf8`, `DLLки`: parts end at an underscore, at a change of case, between
//! letters and digits, and where the script changes. The whole word is written without underscores, so that
//! `http_server`, `HttpServer` and `httpserver` are one term; only between two digits a `.` stays (`1_2` is not `12`).

use crate::chars::{is_cyrillic, is_latin};
use crate::normal::push_lower;

/// A longer word is data and no identifier: only the whole word is indexed.
const MAX_SPLIT_BYTES: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
    Mark,
}

/// One part: where it stands in [`Word::text`] and in the source word (which is the normal form's offset, if the word
/// was normalised).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: (usize, usize),
    pub(crate) source: (usize, usize),
}

/// Scratch space for one word.
#[derive(Debug, Default)]
pub(crate) struct Word {
    /// The whole word, lower case.
    pub(crate) text: String,
    /// Its parts, in order; a plain word has one.
    pub(crate) parts: Vec<Part>,
}

impl Word {
    /// Fills this with `source`, which is in normal form. Afterwards `text` is empty if the source held no letter or
    /// digit.
    pub(crate) fn fill(&mut self, source: &str) {
        self.text.clear();
        self.parts.clear();
        if self.fill_plain_ascii(source) {
            return;
        }
        let splits = source.len() <= MAX_SPLIT_BYTES;
        let mut open: Option<(usize, usize)> = None;
        let mut last: Option<(char, Kind)> = None;
        let mut chars = source.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == '_' {
                if splits {
                    self.close(&mut open, at);
                }
                continue;
            }
            let kind = kind(c);
            let next = chars.peek().map(|(_, next)| *next);
            if splits
                && open.is_some()
                && let Some(before) = last
                && is_boundary(before, (c, kind), next, source.len() - at)
            {
                self.close(&mut open, at);
            }
            if open.is_none() {
                if kind == Kind::Digit && self.text.ends_with(char::is_numeric) {
                    self.text.push('.');
                }
                open = Some((self.text.len(), at));
            }
            push_lower(c, &mut self.text);
            if kind != Kind::Mark {
                last = Some((c, kind));
            }
        }
        self.close(&mut open, source.len());
    }

    pub(crate) fn is_compound(&self) -> bool {
        self.parts.len() > 1
    }

    /// Most words of prose are lower-case ASCII letters: nothing to split, nothing to fold.
    fn fill_plain_ascii(&mut self, source: &str) -> bool {
        if !source.bytes().all(|b| b.is_ascii_lowercase() || b == b'\'') {
            return false;
        }
        self.text.push_str(source);
        self.parts.push(Part {
            text: (0, source.len()),
            source: (0, source.len()),
        });
        true
    }

    fn close(&mut self, open: &mut Option<(usize, usize)>, source_end: usize) {
        if let Some((text, source)) = open.take() {
            self.parts.push(Part {
                text: (text, self.text.len()),
                source: (source, source_end),
            });
        }
    }
}

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | 'а'..='я' => Kind::Lower,
        'A'..='Z' | 'А'..='Я' => Kind::Upper,
        '0'..='9' => Kind::Digit,
        '\'' => Kind::Mark,
        _ if c.is_numeric() => Kind::Digit,
        _ if c.is_uppercase() => Kind::Upper,
        _ if c.is_alphabetic() => Kind::Lower,
        _ => Kind::Mark,
    }
}

/// Whether a new part begins with `c`. `next` is the character after it, `left` the bytes from `c` to the end.
fn is_boundary(before: (char, Kind), (c, kind): (char, Kind), next: Option<char>, left: usize) -> bool {
    match (before.1, kind) {
        (_, Kind::Mark) | (Kind::Mark, _) | (Kind::Digit, Kind::Digit) => false,
        (Kind::Digit, _) | (_, Kind::Digit) | (Kind::Lower, Kind::Upper) => true,
        (Kind::Upper, Kind::Upper) => {
            let starts_word =
                next.is_some_and(|next| self::kind(next) == Kind::Lower && !changes_script(c, next));
            // "URLs" is the plural of URL, not "UR" and "Ls".
            let plural = next == Some('s') && left == 2;
            (starts_word && !plural) || changes_script(before.0, c)
        }
        (Kind::Upper | Kind::Lower, Kind::Lower) => changes_script(before.0, c),
    }
}

fn changes_script(a: char, b: char) -> bool {
    (is_latin(a) && is_cyrillic(b)) || (is_cyrillic(a) && is_latin(b))
}
