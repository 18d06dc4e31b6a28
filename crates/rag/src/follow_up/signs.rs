//! How to tell that a question leans on what was said before.

use super::is_russian;
use super::phrase::Word;

/// What a question leans with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lean {
    /// Words at its beginning that only join it to what was said.
    pub(super) lead: usize,
    /// Whether it is a mere phrase, without a verb of its own: it may take the place of another.
    pub(super) is_phrase: bool,
}

/// Longest first.
const LEADS: [&[&str]; 30] = [
    &["what", "about"],
    &["how", "about"],
    &["and", "what", "about"],
    &["and", "if"],
    &["what", "if"],
    &["and", "for"],
    &["and"],
    &["but"],
    &["or"],
    &["also"],
    &["then"],
    &["same"],
    &["ok"],
    &["okay"],
    &["so"],
    &["а", "как", "насчет"],
    &["а", "как", "насчёт"],
    &["как", "насчет"],
    &["как", "насчёт"],
    &["что", "насчет"],
    &["что", "насчёт"],
    &["а", "что", "с"],
    &["а", "если"],
    &["ну", "а"],
    &["а"],
    &["и"],
    &["или"],
    &["но"],
    &["тогда"],
    &["также"],
];
/// Joins, but belongs to the phrase behind it.
const KEPT: [&str; 2] = ["for", "с"];

/// Words that stand for something said before.
const PRONOUNS: [&str; 58] = [
    "it",
    "its",
    "that",
    "this",
    "these",
    "those",
    "they",
    "them",
    "their",
    "there",
    "he",
    "she",
    "him",
    "her",
    "one",
    "ones",
    "so",
    "such",
    "both",
    "either",
    "neither",
    "then",
    "same",
    "он",
    "она",
    "оно",
    "они",
    "его",
    "ее",
    "её",
    "ему",
    "ей",
    "им",
    "их",
    "ним",
    "ней",
    "них",
    "нем",
    "нём",
    "нее",
    "неё",
    "это",
    "этот",
    "эта",
    "эти",
    "этого",
    "этом",
    "этой",
    "этих",
    "этим",
    "этому",
    "эту",
    "там",
    "туда",
    "тогда",
    "оттуда",
    "тот",
    "такой",
];
/// Behind these, `it`, `there` and `that` stand for nothing: `is it possible`, `is there`, `the lamp that`.
const EMPTY: [&[&str]; 9] = [
    &["is", "it", "possible"],
    &["is", "there"],
    &["are", "there"],
    &["there", "is"],
    &["there", "are"],
    &["when", "it", "is"],
    &["если", "это"],
    &["так", "ли", "это"],
    &["кто", "такой"],
];
/// Behind these stands what is asked about.
const DEFINES: [&[&str]; 6] = [
    &["what", "is"],
    &["what", "are"],
    &["что", "такое"],
    &["кто", "такой"],
    &["кто", "такая"],
    &["кто", "такие"],
];
/// Says how something is, and is no thing.
const QUALITIES: [&str; 11] = [
    "new",
    "next",
    "wrong",
    "better",
    "best",
    "left",
    "free",
    "different",
    "possible",
    "important",
    "known",
];

/// A question with so many words of its own says what it is about, even if it begins with `and`.
const OWN_WORDS: usize = 4;
/// And with so many, even if it has a pronoun: that stands for something in the question itself.
const OWN_WORDS_WITH_PRONOUN: usize = 5;
/// A phrase of so many words may be a mere phrase.
const PHRASE_WORDS: usize = 5;
/// A question with fewer words of its own is not whole.
const FEW_WORDS: usize = 2;

/// `None` if the question stands alone.
pub(super) fn lean(question: &str, words: &[Word<'_>]) -> Option<Lean> {
    let lead = lead(words);
    let own = words.iter().skip(lead).filter(|word| word.means).count();
    let has_pronoun = has_pronoun(words, lead);
    let leans = if lead > 0 {
        own < OWN_WORDS || has_pronoun && own < OWN_WORDS_WITH_PRONOUN
    } else if has_pronoun {
        own < OWN_WORDS_WITH_PRONOUN
    } else {
        // `Why?`, `On Windows?`: not whole, unless it is a name alone, which people type to look it up.
        own < FEW_WORDS && (words.len() > own || own == 0) && !asks_what_something_is(words)
    };
    leans.then(|| Lean {
        lead,
        is_phrase: !has_pronoun && is_phrase(question, words, lead),
    })
}

/// `What is a sensor?`, `Что такое шлюз?`: whole. But `What is the limit?` is that of what was said, and `What is needed?`
/// leaves out what for.
fn asks_what_something_is(words: &[Word<'_>]) -> bool {
    let begins =
        |begin: &&&[&str]| begin.len() < words.len() && begin.iter().zip(words).all(|(a, b)| *a == b.lower);
    let Some(begin) = DEFINES.iter().find(begins) else {
        return false;
    };
    let rest = words.get(begin.len()..).unwrap_or_default();
    let is_quality = |word: &str| word.ends_with("ed") || word.ends_with("ing") || QUALITIES.contains(&word);
    let mut meant = rest.iter().filter(|word| word.means).peekable();
    rest.first().is_some_and(|first| first.lower != "the")
        && meant.peek().is_some()
        && meant.all(|word| !is_quality(&word.lower))
}

fn lead(words: &[Word<'_>]) -> usize {
    let begins = |lead: &&&[&str]| {
        lead.len() < words.len() + 1 && lead.iter().zip(words).all(|(lead, word)| *lead == word.lower)
    };
    let longest = LEADS.iter().filter(begins).max_by_key(|lead| lead.len());
    longest.map_or(0, |lead| {
        lead.len() - usize::from(lead.len() > 1 && lead.last().is_some_and(|last| KEPT.contains(last)))
    })
}

fn has_pronoun(words: &[Word<'_>], lead: usize) -> bool {
    let is_empty = |at: usize| {
        EMPTY.iter().any(|empty| {
            (0..empty.len()).any(|offset| {
                let Some(start) = at.checked_sub(offset) else {
                    return false;
                };
                let run = words.get(start..start + empty.len()).unwrap_or_default();
                run.len() == empty.len() && run.iter().zip(*empty).all(|(word, empty)| word.lower == *empty)
            })
        })
    };
    let stands_for = |at: usize, word: &Word<'_>| PRONOUNS.contains(&word.lower.as_str()) && !is_empty(at);
    words
        .iter()
        .enumerate()
        .skip(lead)
        .any(|(at, word)| stands_for(at, word))
}

/// Words that a phrase cannot begin with: then it asks something of its own.
const ASKS: [&str; 34] = [
    "how",
    "what",
    "when",
    "where",
    "why",
    "who",
    "which",
    "do",
    "does",
    "did",
    "is",
    "are",
    "was",
    "were",
    "can",
    "could",
    "should",
    "must",
    "will",
    "как",
    "что",
    "когда",
    "где",
    "куда",
    "откуда",
    "почему",
    "зачем",
    "кто",
    "какой",
    "какая",
    "какие",
    "сколько",
    "можно",
    "нужно",
];

fn is_phrase(question: &str, words: &[Word<'_>], lead: usize) -> bool {
    let rest = words.get(lead..).unwrap_or_default();
    let asks = rest.iter().any(|word| ASKS.contains(&word.lower.as_str()));
    let has_verb = is_russian(question) && rest.iter().any(|word| word.means && is_russian_verb(&word.lower));
    !rest.is_empty() && rest.len() <= PHRASE_WORDS && !asks && !has_verb
}

/// By the ending: infinitives and the third person. Nouns that end so («сеть») are short.
fn is_russian_verb(word: &str) -> bool {
    let letters = word.chars().count();
    letters > 5
        && [
            "ать", "ить", "еть", "ять", "ться", "ется", "ится", "ются", "ают", "уют", "яют",
        ]
        .iter()
        .any(|ending| word.ends_with(ending))
}
