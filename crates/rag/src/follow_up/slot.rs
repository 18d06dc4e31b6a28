//! Puts a phrase into the place of what is like it in the question before.

use std::ops::Range;

use super::phrase::Word;

const PREPOSITIONS: [&str; 46] = [
    "on",
    "in",
    "for",
    "with",
    "to",
    "from",
    "by",
    "at",
    "under",
    "over",
    "without",
    "of",
    "about",
    "after",
    "before",
    "during",
    "into",
    "through",
    "via",
    "на",
    "в",
    "во",
    "для",
    "с",
    "со",
    "из",
    "по",
    "при",
    "у",
    "через",
    "без",
    "под",
    "после",
    "до",
    "от",
    "к",
    "ко",
    "о",
    "об",
    "за",
    "между",
    "над",
    "перед",
    "про",
    "внутри",
    "кроме",
];
const ARTICLES: [&str; 9] = ["the", "a", "an", "my", "your", "our", "his", "her", "their"];

/// The question before with the new phrase in its place; `None` if nothing there is like it.
///
/// Like it is what stands behind the same preposition, else the last word of the same shape.
pub(super) fn replaced(
    before: &str,
    known: &[Word<'_>],
    question: &str,
    asked: &[Word<'_>],
    lead: usize,
) -> Option<String> {
    let phrase = asked.get(lead..)?;
    let (first, last) = (phrase.first()?, phrase.last()?);
    let new = question.get(first.span.start..last.span.end)?;
    let preposition = PREPOSITIONS.contains(&first.lower.as_str()).then_some(first);
    let place = match preposition {
        Some(preposition) => behind(known, before, &preposition.lower),
        None => None,
    };
    if let Some(place) = place {
        return filled(before, place, new);
    }
    // Without its preposition: the place has one of its own.
    let body = phrase.iter().skip(usize::from(preposition.is_some()));
    let body: Vec<&Word<'_>> = body
        .skip_while(|word| ARTICLES.contains(&word.lower.as_str()))
        .collect();
    let (start, end) = (body.first()?, body.last()?);
    let shape = body.iter().map(|word| shape(word.raw)).max()?;
    if shape == Shape::Plain {
        return None;
    }
    let like = known.iter().enumerate().rev().find(|(at, word)| {
        word.means && self::shape(word.raw) == shape && (shape != Shape::Capital || *at > 0)
    })?;
    let mut place = like.1.span.clone();
    // A name of several words goes as a whole: `Windows Server`.
    for earlier in known.iter().take(like.0).skip(1).rev() {
        let joined = before.get(earlier.span.end..place.start) == Some(" ");
        if shape != Shape::Capital || !joined || self::shape(earlier.raw) != Shape::Capital {
            break;
        }
        place.start = earlier.span.start;
    }
    filled(before, place, question.get(start.span.start..end.span.end)?)
}

/// The preposition and what stands behind it, up to the next one, a comma or the end.
fn behind(known: &[Word<'_>], before: &str, preposition: &str) -> Option<Range<usize>> {
    let same = |word: &str| {
        word == preposition
            || matches!(
                (word, preposition),
                ("в", "во") | ("во", "в") | ("с", "со") | ("со", "с")
            )
    };
    let at = known.iter().rposition(|word| same(&word.lower))?;
    let mut end = None;
    for word in known.get(at + 1..)? {
        let from = end.unwrap_or(known.get(at)?.span.end);
        let is_cut = before
            .get(from..word.span.start)
            .is_some_and(|between| between.contains([',', ';', ':', '?', '—']));
        if is_cut || PREPOSITIONS.contains(&word.lower.as_str()) {
            break;
        }
        end = Some(word.span.end);
        // What follows a name is no part of it: `on Linux behind`.
        if shape(word.raw) != Shape::Plain && !next_is_name(known, word) {
            break;
        }
    }
    Some(known.get(at)?.span.start..end?)
}

fn next_is_name(known: &[Word<'_>], word: &Word<'_>) -> bool {
    let next = known.iter().find(|next| next.span.start > word.span.start);
    next.is_some_and(|next| shape(next.raw) != Shape::Plain || next.lower.chars().all(|c| c.is_ascii_digit()))
}

fn filled(before: &str, mut place: Range<usize>, new: &str) -> Option<String> {
    let (head, tail) = (before.get(..place.start)?, before.get(place.end..)?);
    // A closing quotation mark belongs to what is replaced.
    let opens = before.get(place.clone())?.matches('«').count();
    if let Some(rest) = tail.strip_prefix('»')
        && (opens > 0 || head.ends_with('«'))
    {
        place.end += tail.len() - rest.len();
    }
    let head = if place.end < before.len() && head.ends_with('«') && before.get(..place.end)?.ends_with('»')
    {
        head.trim_end_matches('«')
    } else {
        head
    };
    Some(format!("{head}{new}{}", before.get(place.end..)?))
}

/// What a word looks like: two words of one shape are likely to be of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Plain,
    /// `Linux`, «Гавань»
    Capital,
    /// `365`
    Number,
    /// `NTP`
    Acronym,
    /// `data_dir`
    Identifier,
    /// `v2.3.1`
    Version,
    /// `G2`, `AN-7`
    Model,
    /// `E-1042`
    Code,
}

fn shape(word: &str) -> Shape {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let starts_upper = word.starts_with(char::is_uppercase);
    if digits > 0 && letters == 0 {
        return if word.contains('.') {
            Shape::Version
        } else {
            Shape::Number
        };
    }
    if digits > 0 && word.contains('.') {
        return Shape::Version;
    }
    if digits >= 4 && letters <= 2 {
        return Shape::Code;
    }
    if digits > 0 && starts_upper {
        return Shape::Model;
    }
    if word.contains('_') || word.contains('.') || word.contains("::") {
        return Shape::Identifier;
    }
    if letters > 1 && word.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase) {
        return Shape::Acronym;
    }
    if starts_upper {
        Shape::Capital
    } else {
        Shape::Plain
    }
}
