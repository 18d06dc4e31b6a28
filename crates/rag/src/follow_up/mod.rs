//! Makes a question that leans on the conversation before it stand alone, so that it can be searched for: by rules, with words
//! of the conversation and no others.
//!
//! `And on Windows?` behind `How do I install the agent on Linux?` becomes `How do I install the agent on Windows?`: what is new
//! takes the place of what is like it. Where nothing is like it, or the question has a verb of its own (`How long does it
//! take?`), the words of the question before are added behind it. A question that stands alone already stays byte for byte.
//!
//! Pure and linear in the length of the questions. Whoever has a model for it may ask that instead: the result is the same
//! [`StandAlone`].

mod phrase;
mod signs;
mod slot;

use nexus_text::{Language, language_of};

use phrase::{Word, words};

/// A question and answer of the conversation, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// As it was asked.
    pub question: String,
}

/// A question that can be searched for by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandAlone {
    pub text: String,
    /// Words of the conversation that were added, in the order of the text; empty if nothing was.
    pub added: Vec<String>,
    pub how: How,
}

/// How a question came to stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It did already, or there is nothing before it.
    Unchanged,
    /// The question before, with something of its own in the place of what is like it.
    Replaced,
    /// It, and words of the question before behind it.
    Extended,
}

/// Questions before this one that count; what lies further back is another subject.
const MAX_TURNS: usize = 8;
/// A longer question says itself what it is about, in characters.
const MAX_CHARS: usize = 400;
/// Words of the conversation that are added, at most.
const MAX_ADDED: usize = 12;

/// The question, made to stand alone by the conversation before it, oldest turn first.
pub fn rewrite(history: &[Turn], question: &str) -> StandAlone {
    let first = history.len().saturating_sub(MAX_TURNS);
    // Each turn stands on what the one before it came to mean.
    let before = history.iter().skip(first).fold(String::new(), |before, turn| {
        resolved(&before, &turn.question).text
    });
    resolved(&before, question)
}

fn resolved(before: &str, question: &str) -> StandAlone {
    let unchanged = || StandAlone {
        text: question.to_owned(),
        added: Vec::new(),
        how: How::Unchanged,
    };
    let too_long = |text: &str| text.chars().nth(MAX_CHARS).is_some();
    if before.trim().is_empty() || too_long(before) || too_long(question) {
        return unchanged();
    }
    let asked = words(question);
    let Some(lean) = signs::lean(question, &asked) else {
        return unchanged();
    };
    let known = words(before);
    if lean.is_phrase
        && let Some(text) = slot::replaced(before, &known, question, &asked, lean.lead)
    {
        let added = known
            .iter()
            .filter(|word| word.means && !holds(&asked, word) && text.contains(word.raw));
        return StandAlone {
            added: added.map(|word| word.raw.to_owned()).collect(),
            text,
            how: How::Replaced,
        };
    }
    let mut added: Vec<String> = Vec::new();
    for word in known.iter().filter(|word| word.means && !holds(&asked, word)) {
        if added.len() < MAX_ADDED && !added.iter().any(|known| known == word.raw) {
            added.push(word.raw.to_owned());
        }
    }
    if added.is_empty() {
        return unchanged();
    }
    let text = format!("{} ({})", question.trim(), added.join(" "));
    StandAlone {
        text,
        added,
        how: How::Extended,
    }
}

/// Whether one of the words is this one, whatever its form.
fn holds(words: &[Word<'_>], word: &Word<'_>) -> bool {
    words.iter().any(|other| other.id == word.id)
}

fn is_russian(text: &str) -> bool {
    language_of(text) == Language::Russian
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(history: &[&str], question: &str) -> StandAlone {
        let turns: Vec<Turn> = history
            .iter()
            .map(|question| Turn {
                question: (*question).to_owned(),
            })
            .collect();
        rewrite(&turns, question)
    }

    #[test]
    fn what_is_new_takes_the_place_of_what_is_like_it() {
        for (first, second, whole) in [
            (
                "How do I install the agent on Linux?",
                "And on Windows?",
                "How do I install the agent on Windows?",
            ),
            (
                "How do I install the agent on Linux?",
                "what about Windows?",
                "How do I install the agent on Windows?",
            ),
            (
                "What does error E-1042 mean?",
                "And E-1043?",
                "What does error E-1043 mean?",
            ),
            (
                "How much memory does the G2 have?",
                "and the G3?",
                "How much memory does the G3 have?",
            ),
            (
                "What is new in v2.3.1?",
                "And in v2.4.0?",
                "What is new in v2.4.0?",
            ),
            (
                "Как установить агента на Linux?",
                "А на Windows?",
                "Как установить агента на Windows?",
            ),
            (
                "Как установить агента на Linux?",
                "А как насчёт Windows?",
                "Как установить агента на Windows?",
            ),
            ("Что значит E-1042?", "а E-1043?", "Что значит E-1043?"),
            (
                "Сколько хранятся данные в «Гавани»?",
                "а в шлюзе?",
                "Сколько хранятся данные в шлюзе?",
            ),
        ] {
            let found = asked(&[first], second);
            assert_eq!(
                (found.text.as_str(), found.how),
                (whole, How::Replaced),
                "{first} {second}"
            );
        }
    }

    #[test]
    fn a_question_with_a_verb_of_its_own_takes_words_along() {
        let found = asked(
            &["How do I update the firmware of a G2?"],
            "How long does it take?",
        );
        assert_eq!(found.text, "How long does it take? (update firmware G2)");
        assert_eq!((found.how, found.added.len()), (How::Extended, 3));
        assert!(
            asked(&["Как обновить прошивку?"], "А сколько это займёт?")
                .text
                .contains("прошивку")
        );
        assert!(
            asked(&["Как обновить прошивку?"], "Почему?")
                .text
                .contains("прошивку")
        );
    }

    #[test]
    fn a_whole_question_stays_as_it_is() {
        for question in [
            "How do I create a backup by hand?",
            "What does the LINK light mean when it is red?",
            "Сколько дней отпуска положено в год?",
            "Как перенести станцию на другой шлюз?",
            "E-2003 buffer filling up",
            "  Which  settings of the buffer need a restart?  ",
        ] {
            let found = asked(&["How do I install the agent on Linux?"], question);
            assert_eq!((found.text.as_str(), found.how), (question, How::Unchanged));
        }
        assert_eq!(asked(&[], "And on Windows?").text, "And on Windows?");
    }

    #[test]
    fn each_turn_stands_on_the_one_before_it() {
        let found = asked(
            &["How do I install the agent on Linux?", "And on Windows?"],
            "And in Docker?",
        );
        assert!(
            found.text.starts_with("How do I install the agent"),
            "{}",
            found.text
        );
        assert!(
            found.text.contains("Docker") && !found.text.contains("Linux"),
            "{}",
            found.text
        );
    }
}
