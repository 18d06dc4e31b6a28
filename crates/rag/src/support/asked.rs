//! What a question asks for: its words that mean something, and how much each of them says.

use std::collections::{HashMap, HashSet};

use nexus_domain::Script;
use nexus_text::{Term, TermKind};

use crate::answer::function_words::is_function_word;

/// Names and numbers say more than other words: a passage that lacks them is about something else.
const NAME_WEIGHT: f32 = 1.3;
/// Words of a question that are looked at: a longer one is a text, and its first words say what it is about.
const MAX_WORDS: usize = 32;
/// Stems that begin with the same letters are kin («подключать», «подключение»), and say half of what the same stem says:
/// stemmers part much that belongs together, above all in Russian.
const BEGINNING: usize = 5;
const KIN_SHARE: f32 = 0.5;

/// A word of the question.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) id: u32,
    beginning: Option<String>,
    is_name: bool,
}

/// The words of a question and their weights, which sum up to 1.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    words: Vec<Word>,
    weights: Vec<f32>,
    places: HashMap<u32, usize>,
    beginnings: HashMap<String, Vec<usize>>,
    /// How the question is written.
    pub(crate) script: Script,
}

/// How far each word of the question stands in a text: 1, [`KIN_SHARE`] or 0.
#[derive(Clone, Debug)]
pub(crate) struct Held(Vec<f32>);

impl Held {
    pub(crate) fn with(mut self, other: &Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = own.max(*other);
        }
        self
    }
}

impl Asked {
    /// The words of a question that mean something, each once; all of them where none does.
    pub(crate) fn words(question: &str) -> Vec<Word> {
        let terms = nexus_text::terms(question);
        let all_function = terms.iter().all(|term| is_function_word(term.id));
        let mut seen = HashSet::new();
        let meant = terms
            .iter()
            .filter(|term| all_function || !is_function_word(term.id))
            // The `E` of `E1042` says nothing of which error it is.
            .filter(|term| term.kind == TermKind::Word || term.text.chars().nth(1).is_some())
            .filter(|term| seen.insert(term.id));
        meant
            .take(MAX_WORDS)
            .map(|term| Word {
                id: term.id,
                beginning: beginning(&term.text),
                is_name: is_name(question, term),
            })
            .collect()
    }

    /// Weighs each word by its rarity (in the order of `words`), and names and numbers more.
    pub(crate) fn weighed(question: &str, words: Vec<Word>, rarity: &[f32]) -> Self {
        let weight = |(word, rarity): (&Word, &f32)| rarity * if word.is_name { NAME_WEIGHT } else { 1.0 };
        let mut weights: Vec<f32> = words.iter().zip(rarity).map(weight).collect();
        let total: f32 = weights.iter().sum();
        if total > 0.0 {
            weights.iter_mut().for_each(|weight| *weight /= total);
        }
        let places = words.iter().enumerate().map(|(place, word)| (word.id, place));
        let mut beginnings: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, word) in words.iter().enumerate() {
            if let Some(beginning) = &word.beginning {
                beginnings.entry(beginning.clone()).or_default().push(place);
            }
        }
        Self {
            places: places.collect(),
            beginnings,
            weights,
            words,
            script: nexus_text::script_of(question),
        }
    }

    /// The share of the question that terms hold as they stand.
    pub(crate) fn share_of_terms(&self, held: &HashSet<u32>) -> f32 {
        let weights = self.words.iter().zip(&self.weights);
        let held = weights.filter(|(word, _)| held.contains(&word.id));
        held.map(|(_, weight)| weight).sum()
    }

    pub(crate) fn held_in(&self, text: &str) -> Held {
        let mut held = vec![0.0_f32; self.words.len()];
        for term in nexus_text::terms(text) {
            if let Some(place) = self.places.get(&term.id) {
                held[*place] = 1.0;
            } else if let Some(kin) = beginning(&term.text).and_then(|start| self.beginnings.get(&start)) {
                kin.iter()
                    .for_each(|place| held[*place] = held[*place].max(KIN_SHARE));
            }
        }
        Held(held)
    }

    /// The same of its names and numbers alone; 1 where there is none.
    pub(crate) fn share_of_names(&self, held: &Held) -> f32 {
        let names = self.words.iter().zip(&self.weights).zip(&held.0);
        let names = names.filter(|((word, _), _)| word.is_name);
        let (held, all) = names.fold((0.0, 0.0), |(sum, all), ((_, weight), held)| {
            (sum + weight * held, all + weight)
        });
        if all > 0.0 { held / all } else { 1.0 }
    }

    /// The share of the question that is held, 0 to 1.
    pub(crate) fn share(&self, held: &Held) -> f32 {
        self.weights
            .iter()
            .zip(&held.0)
            .map(|(weight, held)| weight * held)
            .sum()
    }
}

/// The first letters of a stem, if it is long enough to be known by them. Data with digits in it has no kin.
fn beginning(stem: &str) -> Option<String> {
    let (end, _) = stem.char_indices().nth(BEGINNING - 1)?;
    let end = end + stem[end..].chars().next().map_or(0, char::len_utf8);
    let start = &stem[..end];
    start
        .chars()
        .all(char::is_alphabetic)
        .then(|| start.to_lowercase())
}

/// A capital letter within a sentence, or a digit anywhere.
fn is_name(question: &str, term: &Term<'_>) -> bool {
    let written = &question[term.span.clone()];
    if written.chars().any(char::is_numeric) {
        return true;
    }
    let before = question[..term.span.start].trim_end();
    let begins = before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n']);
    term.kind == TermKind::Word && !begins && written.chars().next().is_some_and(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(question: &str) -> Asked {
        let words = Asked::words(question);
        let rarity = vec![1.0; words.len()];
        Asked::weighed(question, words, &rarity)
    }

    fn share(question: &str, text: &str) -> f32 {
        let asked = asked(question);
        asked.share(&asked.held_in(text))
    }

    #[test]
    fn the_share_is_of_the_words_that_mean_something() {
        assert!((share("What colour is the lamp?", "The lamp is red.") - 0.5).abs() < 1e-6);
        assert!((share("Какая лампа?", "Лампы горят") - 1.0).abs() < 1e-6);
        assert!(share("What is it?", "It is what it is") > 0.99);
    }

    #[test]
    fn kin_counts_half() {
        assert!((share("подключение", "подключать кабель") - 0.5).abs() < 1e-6);
        assert!(share("сервис", "сервер") < 1e-6, "four letters are chance");
        assert!(share("E10423", "E10424") < 1e-6, "codes have no kin");
    }

    #[test]
    fn a_missing_name_weighs_more_than_another_word() {
        let without_name = share("When did Tesla visit?", "a visit");
        let without_verb = share("When did Tesla visit?", "Tesla was born");
        assert!(without_name < without_verb, "{without_name} {without_verb}");
        let number = share("the error 1042", "an error");
        assert!(number < 0.5, "{number}");
    }

    #[test]
    fn names_are_looked_at_by_themselves() {
        let of_names = |question: &str, text: &str| {
            let asked = asked(question);
            asked.share_of_names(&asked.held_in(text))
        };
        assert!((of_names("When did Tesla visit?", "a visit") - 0.0).abs() < 1e-6);
        assert!((of_names("When did Tesla visit?", "Tesla was born") - 1.0).abs() < 1e-6);
        assert!(
            (of_names("When did he visit?", "") - 1.0).abs() < 1e-6,
            "none is named"
        );
        let half = of_names("Did Tesla meet Edison?", "Edison");
        assert!((half - 0.5).abs() < 1e-6, "{half}");
    }

    #[test]
    fn texts_of_any_kind_have_a_share() {
        for text in ["", "?", "\u{0}", "ё", "а́б", "𝔘𝔫𝔦", &"word ".repeat(100)] {
            let own = share(text, text);
            assert!((0.0..=1.0 + 1e-5).contains(&own), "{text}: {own}");
        }
    }
}
