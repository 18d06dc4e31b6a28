//! Turns a true sentence into a false one, in the ways in which chat models err.

use std::ops::Range;

use nexus_text::Language;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::names::names;
use super::passages::Passage;

/// Another number in the place of one: a near one, one digit off, ten times as many.
pub(crate) fn wrong_number(sentence: &str, rng: &mut StdRng) -> Option<String> {
    let places = numbers(sentence);
    let place = places.get(rng.random_range(0..places.len().max(1)))?.clone();
    let digits = &sentence[place.clone()];
    let value: u64 = digits.parse().ok()?;
    let other = match rng.random_range(0..3) {
        0 => value + rng.random_range(1..=value / 5 + 2),
        1 if value > 1 => value - rng.random_range(1..=(value / 5).max(1)),
        1 => value + 3,
        _ if value >= 1_000 => {
            let power = 10_u64.pow(rng.random_range(0..3));
            if value / power % 10 == 9 {
                value - 3 * power
            } else {
                value + power
            }
        }
        _ => value * 10 + if value == 0 { 7 } else { 0 },
    };
    Some(with(sentence, place, &other.to_string()))
}

/// A number of the passage in the place of another one.
pub(crate) fn moved_number(sentence: &str, passage: &Passage, rng: &mut StdRng) -> Option<String> {
    let places = numbers(sentence);
    let place = places.get(rng.random_range(0..places.len().max(1)))?.clone();
    let mine = &sentence[place.clone()];
    let others: Vec<&str> = numbers(&passage.text)
        .into_iter()
        .map(|at| &passage.text[at])
        .filter(|other| *other != mine)
        .collect();
    let like: Vec<&&str> = others
        .iter()
        .filter(|other| (other.len() == 4) == (mine.len() == 4))
        .collect();
    let other = like.get(rng.random_range(0..like.len().max(1)))?;
    Some(with(sentence, place, other))
}

/// Digits that stand for themselves: not a part of a name, of a date or of a longer number.
fn numbers(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| c.is_ascii_digit()) {
        let start = at + start;
        let length = text[start..].bytes().take_while(u8::is_ascii_digit).count();
        at = start + length;
        let joins = |c: Option<char>, next: Option<char>| match c {
            Some('.' | ',' | ':' | '/' | '-') => next.is_some_and(char::is_alphanumeric),
            Some(c) => c.is_alphanumeric() || c == '_',
            None => false,
        };
        let mut before = text[..start].chars().rev();
        let mut behind = text[at..].chars();
        let joined = joins(before.next(), before.next()) || joins(behind.next(), behind.next());
        if !joined && length < 10 {
            found.push(start..at);
        }
    }
    found
}

/// A name from somewhere else in the place of one.
pub(crate) fn wrong_name(
    sentence: &str,
    passage: &Passage,
    pool: &[String],
    rng: &mut StdRng,
) -> Option<String> {
    let places = names(sentence);
    let place = places.get(rng.random_range(0..places.len().max(1)))?.clone();
    let mine = &sentence[place.clone()];
    // As a model would decline it: the pool has most names in several cases.
    let ending = mine.chars().next_back()?;
    for _ in 0..200 {
        let other = pool.get(rng.random_range(0..pool.len().max(1)))?;
        let begins_plain = ["The ", "A ", "In ", "This ", "It "]
            .iter()
            .any(|word| other.starts_with(word));
        let is_new = !begins_plain && other.split(' ').all(|word| !passage.text.contains(word));
        if is_new && (mine.is_ascii() || other.ends_with(ending)) {
            return Some(with(sentence, place, other));
        }
    }
    None
}

/// Two names of the passage, one in the place of the other.
pub(crate) fn moved_name(sentence: &str, passage: &Passage, rng: &mut StdRng) -> Option<String> {
    let places = names(sentence);
    let place = places.get(rng.random_range(0..places.len().max(1)))?.clone();
    let mine = &sentence[place.clone()];
    let strange = |other: &&str| {
        other.split(' ').all(|word| !mine.contains(word)) && !mine.split(' ').any(|word| other.contains(word))
    };
    let sentences = passage.sentences.iter();
    let others: Vec<&str> = sentences
        .flat_map(|other| names(other).into_iter().map(move |at| &other[at]))
        .filter(strange)
        .collect();
    let other = others.get(rng.random_range(0..others.len().max(1)))?;
    Some(with(sentence, place, other))
}

const ENGLISH_VERBS: [&str; 16] = [
    "is",
    "are",
    "was",
    "were",
    "can",
    "could",
    "will",
    "would",
    "should",
    "must",
    "may",
    "might",
    "has been",
    "have been",
    "had been",
    "does",
];

/// States what is denied, or denies what is stated.
pub(crate) fn turned_round(sentence: &str, language: Language, rng: &mut StdRng) -> Option<String> {
    match language {
        Language::English => english_turned(sentence),
        Language::Russian => russian_turned(sentence, rng),
    }
}

fn english_turned(sentence: &str) -> Option<String> {
    for denial in ["n't ", " not ", " never "] {
        if let Some((before, behind)) = sentence.split_once(denial)
            && !behind.starts_with("only")
        {
            let before = before
                .strip_suffix("ca")
                .map_or(before.to_owned(), |rest| format!("{rest}can"));
            let before = before
                .strip_suffix("can")
                .filter(|_| denial == " not ")
                .map_or(before.clone(), |rest| format!("{rest}can"));
            return Some(format!("{before} {behind}"));
        }
    }
    if let Some((before, behind)) = sentence.split_once("cannot ") {
        return Some(format!("{before}can {behind}"));
    }
    let mut words: Vec<&str> = sentence.split(' ').collect();
    // Two denials would be none.
    if words
        .iter()
        .any(|word| ["no", "No", "none", "nor", "neither", "nothing", "without"].contains(word))
    {
        return None;
    }
    let place = words.iter().position(|word| ENGLISH_VERBS.contains(word))?;
    words.insert(place + 1, "not");
    Some(words.join(" "))
}

fn russian_turned(sentence: &str, rng: &mut StdRng) -> Option<String> {
    for denial in [" не ", "Не "] {
        if let Some((before, behind)) = sentence.split_once(denial)
            && !behind.starts_with("только")
            && !behind.starts_with("менее")
            && !behind.starts_with("более")
        {
            return Some(format!("{before} {behind}").trim_start().to_owned());
        }
    }
    let mut words: Vec<&str> = sentence.split(' ').collect();
    if words
        .iter()
        .any(|word| ["ни", "нет", "нельзя", "без", "никогда"].contains(word))
    {
        return None;
    }
    let is_verb = |word: &&str| {
        let core = word.trim_end_matches([',', '.', ';']);
        let endings = [
            "ет",
            "ит",
            "ают",
            "яют",
            "уют",
            "ется",
            "ится",
            "ются",
            "ала",
            "ила",
            "ало",
            "или",
            "али",
            "ался",
            "алась",
            "лись",
        ];
        core.chars().count() > 4
            && core.starts_with(char::is_lowercase)
            && endings.iter().any(|ending| core.ends_with(ending))
            || [
                "был",
                "была",
                "было",
                "были",
                "может",
                "могут",
                "должен",
                "должна",
                "должны",
                "можно",
            ]
            .contains(&core)
    };
    let places: Vec<usize> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| is_verb(word))
        .map(|(at, _)| at)
        .collect();
    let place = *places.get(rng.random_range(0..places.len().max(1)))?;
    words.insert(place, "не");
    Some(words.join(" "))
}

/// A part of a sentence to be quoted, word for word.
pub(crate) fn quotable(sentence: &str, rng: &mut StdRng) -> Option<String> {
    let words: Vec<&str> = sentence.trim_end_matches('.').split(' ').collect();
    let length = rng.random_range(4..=10).min(words.len());
    let start = rng.random_range(0..=words.len() - length);
    let part = words.get(start..start + length)?.join(" ");
    let part = part.trim_matches([',', ';', ':', '—', '–', ' ', '-']).to_owned();
    (!part.contains(['"', '«', '»', '(', ')']) && part.split(' ').count() >= 3).then_some(part)
}

/// A quote with one word that is not its own.
pub(crate) fn altered(quote: &str, pool: &[String], rng: &mut StdRng) -> Option<String> {
    let mut words: Vec<&str> = quote.split(' ').collect();
    let long: Vec<usize> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| word.chars().count() > 3)
        .map(|(at, _)| at)
        .collect();
    let place = *long.get(rng.random_range(0..long.len().max(1)))?;
    let mine = words[place];
    let other = (0..50).find_map(|_| {
        let other = pool.get(rng.random_range(0..pool.len().max(1)))?;
        (other.to_lowercase() != mine.to_lowercase()).then_some(other)
    })?;
    words[place] = other;
    Some(words.join(" "))
}

fn with(sentence: &str, place: Range<usize>, other: &str) -> String {
    format!("{}{other}{}", &sentence[..place.start], &sentence[place.end..])
}
