//! Finds words and compounds of words in a text, and hands over each term before it is stemmed.
//!
//! A compound is what people type as one name: `foo.bar`, `std::vector`, `src/main.rs`, `E-1042`, `v2.3.1`. It is
//! indexed whole, by word, and by the parts of each word.

use std::ops::Range;

use crate::analysis::TermKind;
use crate::chars::{Class, class, is_apostrophe, is_hyphen};
use crate::normal::{is_plain, normalize_into};
use crate::parts::Word;

/// A longer chain is data and no name: only its words are indexed.
const MAX_COMPOUND_BYTES: usize = 256;
const MAX_COMPOUND_WORDS: usize = 24;

/// A term before stemming.
#[derive(Debug)]
pub(crate) struct Raw<'a> {
    /// In normal form and lower case.
    pub(crate) text: &'a str,
    /// Bytes of the source text that it was made of.
    pub(crate) span: Range<usize>,
    pub(crate) kind: TermKind,
    /// What it adds to the length of the text, in plain words: an identifier counts its parts, and nothing twice.
    pub(crate) length: u32,
}

/// Calls `emit` for every term of `text`.
pub(crate) fn scan(text: &str, emit: &mut impl FnMut(Raw<'_>)) {
    Scanner {
        text,
        word: Word::default(),
        normal: String::new(),
        whole: String::new(),
    }
    .run(emit);
}

struct Scanner<'a> {
    text: &'a str,
    /// Scratch: the word at hand.
    word: Word,
    /// Scratch: its normal form, where it was not in normal form already.
    normal: String,
    /// Scratch: the compound at hand.
    whole: String,
}

impl Scanner<'_> {
    fn run(&mut self, emit: &mut impl FnMut(Raw<'_>)) {
        let mut at = 0;
        while let Some(c) = char_at(self.text, at) {
            at = match class(c) {
                Class::Word | Class::Underscore => self.compound(at, emit),
                Class::Unspaced => self.pairs(at, emit),
                Class::Attached | Class::Break => at + c.len_utf8(),
            };
        }
    }

    /// Emits the compound that starts at `start`; returns where it ends.
    fn compound(&mut self, start: usize, emit: &mut impl FnMut(Raw<'_>)) -> usize {
        self.whole.clear();
        let mut words = 0;
        // A path's segments are names of their own: where the one at hand starts in the text and in `whole`, and
        // the number of words before it.
        let mut segment = (start, 0, 0);
        let mut at = start;
        loop {
            let end = word_end(self.text, at);
            self.word(at..end, emit);
            if !self.word.text.is_empty() {
                words += 1;
                self.extend_whole();
            }
            let full = words == MAX_COMPOUND_WORDS || end - start > MAX_COMPOUND_BYTES;
            let next = connector_end(self.text, end).filter(|_| !full);
            let in_path = segment.0 > start;
            let segment_ends = next.is_none() || self.text[end..].starts_with(['/', '\\']);
            if segment_ends && !full {
                if words - segment.2 > 1 && (in_path || next.is_some()) {
                    self.emit_compound(segment.1, segment.0..end, emit);
                }
                segment = (next.unwrap_or(end), self.whole.len(), words);
            }
            match next {
                Some(next) => at = next,
                None => {
                    if words > 1 && !full {
                        self.emit_compound(0, start..end, emit);
                    }
                    return end;
                }
            }
        }
    }

    fn emit_compound(&self, from: usize, span: Range<usize>, emit: &mut impl FnMut(Raw<'_>)) {
        let text = self.whole[from..].trim_start_matches('.');
        emit(Raw {
            text,
            span,
            kind: TermKind::Compound,
            length: 0,
        });
    }

    /// Emits a word and its parts, and leaves it in `self.word`.
    fn word(&mut self, span: Range<usize>, emit: &mut impl FnMut(Raw<'_>)) {
        let source = &self.text[span.clone()];
        let plain = is_plain(source);
        if plain {
            self.word.fill(source);
        } else {
            self.normal.clear();
            normalize_into(source, &mut self.normal);
            self.word.fill(&self.normal);
        }
        if self.word.text.is_empty() {
            return;
        }
        let length = u32::try_from(self.word.parts.len()).unwrap_or(u32::MAX);
        emit(Raw {
            text: &self.word.text,
            span: span.clone(),
            kind: TermKind::Word,
            length,
        });
        if self.word.is_compound() {
            for part in &self.word.parts {
                // Offsets in the normal form say nothing about the source: such parts point at the whole word.
                let place = span.start + part.source.0..span.start + part.source.1;
                let span = if plain { place } else { span.clone() };
                emit(Raw {
                    text: &self.word.text[part.text.0..part.text.1],
                    span,
                    kind: TermKind::Part,
                    length: 0,
                });
            }
        }
    }

    fn extend_whole(&mut self) {
        if self.whole.ends_with(char::is_numeric) && self.word.text.starts_with(char::is_numeric) {
            self.whole.push('.');
        }
        self.whole.push_str(&self.word.text);
    }

    /// Emits every pair of neighbours in a run of a script without blanks (a run of one: the character); returns
    /// where the run ends. Pairs are what Lucene's CJK analysis indexes, too.
    fn pairs(&mut self, start: usize, emit: &mut impl FnMut(Raw<'_>)) -> usize {
        let in_run = |c: &char| matches!(class(*c), Class::Unspaced | Class::Attached);
        let run: usize = self.text[start..]
            .chars()
            .take_while(in_run)
            .map(char::len_utf8)
            .sum();
        let mut emit_pair = |scanner: &mut Self, span: Range<usize>| {
            scanner.normal.clear();
            normalize_into(&scanner.text[span.clone()], &mut scanner.normal);
            if !scanner.normal.is_empty() {
                emit(Raw {
                    text: &scanner.normal,
                    span,
                    kind: TermKind::Word,
                    length: 1,
                });
            }
        };
        let end = start + run;
        let mut letters = self.text[start..end]
            .char_indices()
            .filter(|(_, c)| class(*c) == Class::Unspaced)
            .map(|(at, c)| start + at..start + at + c.len_utf8())
            .peekable();
        if let Some(first) = letters.next() {
            if letters.peek().is_none() {
                emit_pair(self, first.clone());
            }
            let mut before = first;
            for letter in letters {
                // A hostile run of marks between two letters belongs to neither.
                if letter.start - before.end <= 16 {
                    emit_pair(self, before.start..letter.end);
                }
                before = letter;
            }
        }
        end
    }
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// Where the word that starts at `start` ends: letters, digits, marks and underscores, and an apostrophe between two
/// letters.
fn word_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    loop {
        while bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
            at += 1;
        }
        let Some(c) = char_at(text, at) else { return at };
        match class(c) {
            Class::Word | Class::Attached | Class::Underscore => at += c.len_utf8(),
            Class::Break if is_apostrophe(c) && joins_letters(text, at, c) => at += c.len_utf8(),
            Class::Unspaced | Class::Break => return at,
        }
    }
}

fn joins_letters(text: &str, at: usize, c: char) -> bool {
    let before = text[..at].chars().next_back().is_some_and(char::is_alphabetic);
    before && char_at(text, at + c.len_utf8()).is_some_and(char::is_alphabetic)
}

/// If the word that ends at `end` is tied to another one, where that one starts.
fn connector_end(text: &str, end: usize) -> Option<usize> {
    let c = char_at(text, end)?;
    let rest = &text[end..];
    let len = match c {
        '.' | '/' | '\\' => 1,
        '-' if rest.starts_with("->") => 2,
        ':' if rest.starts_with("::") => 2,
        _ if is_hyphen(c) => c.len_utf8(),
        _ => return None,
    };
    let next = char_at(text, end + len)?;
    matches!(class(next), Class::Word | Class::Underscore).then_some(end + len)
}
