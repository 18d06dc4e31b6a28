//! Words in quotation marks stand in a cited passage as they are quoted.
//!
//! Compared byte for byte after the least of changes, which alter no word: a run of white space is one blank, all quotation
//! marks are one sign, `…` is three dots, and Markdown's signs of emphasis and code are left out. A quote may leave words out
//! where it says so by dots, may end with a sign of the sentence around it, and may begin with the other case.

use std::ops::Range;

use super::tokens::tokens;
use super::{Evidence, Fault};

/// Russian titles of so few words are declined inside of their marks: «в „Войне и мире“».
const DECLINED_WORDS: usize = 3;

/// A text as quotes are compared, and for each byte of it the place in the original.
pub(super) fn folded(text: &str) -> (String, Vec<usize>) {
    let mut out = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let mut push = |piece: &str| {
            out.push_str(piece);
            places.resize(out.len(), at);
        };
        match c {
            '*' | '`' | '\u{feff}' | '\u{ad}' | '\u{200b}' => {}
            '…' => push("..."),
            '«' | '»' | '“' | '”' | '„' | '‟' | '"' => push("\""),
            '‘' | '’' | '‚' | '\'' => push("'"),
            c if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                    places.push(at);
                }
            }
            c => push(c.encode_utf8(&mut [0; 4])),
        }
    }
    (out, places)
}

/// Looks at all quotes; returns the places of those that were compared word for word, marks included.
pub(super) fn check(statement: &str, cited: &[&Evidence], faults: &mut Vec<Fault>) -> Vec<Range<usize>> {
    let mut compared = Vec::new();
    for span in spans(statement) {
        let quote = statement[span.clone()].trim_matches(is_mark);
        let words = tokens(quote);
        if words.len() < 2 {
            // A single word is a name, and is looked at as one.
            continue;
        }
        if !cited.iter().any(|evidence| holds(evidence, quote)) && !is_declined_title(quote, cited) {
            faults.push(Fault::Quote(span.clone()));
        }
        compared.push(span);
    }
    compared
}

fn is_mark(c: char) -> bool {
    matches!(c, '«' | '»' | '“' | '”' | '„' | '"' | '`')
}

/// Whether the passage holds a quote; one with dots in it, part by part in this order.
fn holds(evidence: &Evidence, quote: &str) -> bool {
    let folded = folded(quote).0;
    let mut rest = evidence.folded.as_str();
    let parts = folded.split("...").map(|part| part.trim_matches([' ', '[', ']']));
    for part in parts.filter(|part| !part.is_empty()) {
        let part = part.trim_end_matches([',', '.', ';', ':', '!', '?']);
        let Some(after) = after(rest, part) else {
            return false;
        };
        rest = after;
    }
    true
}

/// What follows the first place where `part` stands as whole words; its first letter may have the other case.
fn after<'t>(text: &'t str, part: &str) -> Option<&'t str> {
    let mut letters = part.chars();
    let first = letters.next()?;
    let tail = letters.as_str();
    let upper: String = first.to_uppercase().chain(tail.chars()).collect();
    let lower: String = first.to_lowercase().chain(tail.chars()).collect();
    [part, &upper, &lower].into_iter().find_map(|wanted| {
        let found = text.match_indices(wanted).find(|(at, found)| {
            let before = text[..*at].chars().next_back();
            let behind = text[at + found.len()..].chars().next();
            let joins = |a: Option<char>, b: Option<char>| {
                a.is_some_and(char::is_alphanumeric) && b.is_some_and(char::is_alphanumeric)
            };
            !joins(before, wanted.chars().next()) && !joins(wanted.chars().next_back(), behind)
        })?;
        text.get(found.0 + wanted.len()..)
    })
}

/// Whether a short Russian quote stands in a passage in another case of the same words.
fn is_declined_title(quote: &str, cited: &[&Evidence]) -> bool {
    let words = tokens(quote);
    let is_cyrillic = quote.chars().all(|c| !c.is_ascii_alphabetic());
    if !is_cyrillic || words.len() > DECLINED_WORDS {
        return false;
    }
    cited.iter().any(|evidence| {
        let held = tokens(&evidence.folded);
        held.windows(words.len())
            .any(|run| run.iter().zip(&words).all(|(a, b)| a.id == b.id))
    })
}

/// The places of quotes, marks included, in order.
fn spans(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut open: Option<(usize, char)> = None;
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match open {
            None => {
                let before = text[..at].chars().next_back();
                let after_word = before.is_some_and(char::is_alphanumeric);
                let closing = match c {
                    '«' => '»',
                    '“' => '”',
                    '„' => '“',
                    '"' if !after_word => '"',
                    '`' => '`',
                    _ => continue,
                };
                (open, depth) = (Some((at, closing)), 0);
            }
            Some((start, closing)) if c == closing && depth == 0 => {
                spans.push(start..end);
                open = None;
            }
            Some((_, '»')) if c == '«' => depth += 1,
            Some((_, '»')) if c == '»' => depth -= 1,
            Some((_, '"' | '`')) if c == '\n' => open = None,
            Some(_) => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "The runbook began with \"restart the\nbrokers\". **That** made things worse.\n\nОна называется «Война и мир».";

    fn faulty(statement: &str) -> Vec<String> {
        let evidence = Evidence::new(SOURCE, "");
        let mut faults = Vec::new();
        check(statement, &[&evidence], &mut faults);
        faults
            .iter()
            .map(|fault| statement[fault.span().clone()].to_owned())
            .collect()
    }

    #[test]
    fn a_quote_stands_in_the_passage_word_for_word() {
        for held in [
            "It says “restart the brokers.”",
            "It says \"that made things worse\".",
            "It says «The runbook began … made things worse».",
            "В книге «Войне и мире» сказано",
            "The word \"brokers\" is there, and 5\" is no quote, nor is 6\".",
        ] {
            assert!(faulty(held).is_empty(), "{held}");
        }
    }

    #[test]
    fn a_quote_altered_by_a_word_is_found() {
        assert_eq!(
            faulty("It says “restart all brokers”."),
            ["“restart all brokers”"]
        );
        assert_eq!(
            faulty("It says \"made things better\"."),
            ["\"made things better\""]
        );
        assert_eq!(faulty("It says `estart the broker`."), ["`estart the broker`"]);
        assert_eq!(
            faulty("It says «made things … the runbook»."),
            ["«made things … the runbook»"]
        );
        assert_eq!(faulty("В книге «Война без мира»"), ["«Война без мира»"]);
    }
}
