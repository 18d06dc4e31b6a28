//! Says a sentence in other words, as far as rules can, without changing what it says.

use std::collections::HashSet;

use nexus_text::Language;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::forms;
use super::templates::Words;

/// A pattern's part may be this long, in words; a longer one is probably not what the pattern means.
const MOST_WORDS: usize = 30;

/// The sentence retold, with its full stop and without a frame.
pub(crate) fn retold(
    sentence: &str,
    language: Language,
    words: &Words,
    plain: &Plain,
    rng: &mut StdRng,
) -> String {
    let mut text = sentence.trim_end_matches('.').to_owned();
    if rng.random_bool(0.25) {
        text = shortened(&text);
    }
    if rng.random_bool(0.7) {
        text = turned(&text, words, plain, rng);
    }
    if language == Language::English && rng.random_bool(0.6) {
        text = in_other_voice(&text, plain).unwrap_or(text);
    }
    text = with_synonyms(&text, words, rng);
    text = forms::rewritten(&text, language, rng);
    text + "."
}

/// Puts a sentence into a frame.
pub(crate) fn framed(sentence: &str, words: &Words, plain: &Plain, rng: &mut StdRng) -> String {
    if rng.random_bool(0.4) || words.frames.is_empty() {
        return sentence.to_owned();
    }
    let frame = &words.frames[rng.random_range(0..words.frames.len())];
    let body = sentence.trim_end_matches('.');
    frame
        .replace("{s}", &going_on(body, plain))
        .replace("{S}", &capital(body))
}

/// Without what stands in parentheses.
fn shortened(text: &str) -> String {
    match (text.find(" ("), text.find(')')) {
        (Some(open), Some(close)) if open < close => format!("{}{}", &text[..open], &text[close + 1..]),
        _ => text.to_owned(),
    }
}

/// The first pattern that fits, from a random one on.
fn turned(text: &str, words: &Words, plain: &Plain, rng: &mut StdRng) -> String {
    let count = words.patterns.len();
    let from = rng.random_range(0..count.max(1));
    let mut patterns = words.patterns.iter().cycle().skip(from).take(count);
    patterns
        .find_map(|(pattern, result)| filled(text, pattern, result, plain))
        .unwrap_or_else(|| text.to_owned())
}

/// `{a}` and `{b}` of the pattern, put into the result; `{A}` and `{B}` begin a sentence there.
fn filled(text: &str, pattern: &str, result: &str, plain: &Plain) -> Option<String> {
    let (before, rest) = pattern.split_once("{a}")?;
    let (between, after) = rest.split_once("{b}")?;
    let body = text.strip_prefix(before)?.strip_suffix(after)?;
    let (a, b) = body.split_once(between)?;
    let fits =
        |part: &str| (1..=MOST_WORDS).contains(&part.split_whitespace().count()) && !part.contains(';');
    if a.ends_with(" не") || a.ends_with(" not") {
        return None;
    }
    // A comma inside would make it another clause that is cut.
    if !fits(a) || !fits(b) || a.contains(',') && between.starts_with(',') {
        return None;
    }
    let begins = before.is_empty();
    let a = if begins { going_on(a, plain) } else { a.to_owned() };
    Some(
        result
            .replace("{a}", &a)
            .replace("{A}", &capital(&a))
            .replace("{b}", b)
            .replace("{B}", &capital(b)),
    )
}

/// `X was founded by Y` as `Y founded X`, for regular verbs.
fn in_other_voice(text: &str, plain: &Plain) -> Option<String> {
    let (left, right) = [" was ", " were "]
        .iter()
        .find_map(|verb| text.split_once(verb))?;
    let (verb, agent) = right.split_once(" by ")?;
    let fits = verb.ends_with("ed")
        && !verb.contains(' ')
        && !left.contains([',', ' ', ';']) | (left.split(' ').count() < 6);
    let agent_fits = !agent.starts_with(|c: char| c.is_ascii_digit())
        && agent.split(' ').count() <= 5
        && !agent.contains(',')
        && !agent.ends_with("ing")
        && agent.starts_with(|c: char| c.is_uppercase() || c == 't' || c == 'a');
    (fits && agent_fits && !left.contains(','))
        .then(|| format!("{} {verb} {}", capital(agent), going_on(left, plain)))
}

fn with_synonyms(text: &str, words: &Words, rng: &mut StdRng) -> String {
    let mut text = text.to_owned();
    for (one, other) in &words.synonyms {
        if !rng.random_bool(0.7) {
            continue;
        }
        text = replaced(&text, one, other);
    }
    text
}

/// Whole words only; a capital stays a capital.
fn replaced(text: &str, one: &str, other: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        // A capital inside of a sentence is a name's, and names stay.
        let upper = if out.is_empty() {
            capital(one)
        } else {
            one.to_owned()
        };
        let found = [one, upper.as_str()]
            .into_iter()
            .filter_map(|form| rest.find(form).map(|at| (at, form)))
            .min();
        let Some((at, form)) = found else {
            return out + rest;
        };
        let (before, behind) = (&rest[..at], &rest[at + form.len()..]);
        let joins =
            |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '’' || c == '\'');
        out.push_str(before);
        let last = out.chars().next_back();
        if joins(last) || joins(behind.chars().next()) || form != one && !out.is_empty() {
            out.push_str(form);
        } else if form == one {
            out.push_str(other);
        } else {
            out.push_str(&capital(other));
        }
        rest = behind;
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Words that are written without a capital inside of sentences.
pub(crate) type Plain = HashSet<String>;

/// A sentence behind other words: its first word loses its capital if it is no name.
pub(crate) fn going_on(text: &str, plain: &Plain) -> String {
    let first = text
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    if !plain.contains(&first.to_lowercase()) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
