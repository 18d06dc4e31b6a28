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

use std::collections::HashSet;

use nexus_text::{Language, language_of};
use serde::{Deserialize, Serialize};

use phrase::{Word, words};

/// A question of the conversation: what was answered to it does not matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its first [`MAX_TURN_CHARS`].
    question: String,
    /// Whether it is known to: then it is taken as it is.
    stands_alone: bool,
}

impl Turn {
    /// As it was asked: it may lean on the turns before it.
    pub fn asked(question: &str) -> Self {
        Self {
            question: first_chars(question).to_owned(),
            stands_alone: false,
        }
    }

    /// As it was understood.
    pub fn standing_alone(question: &str) -> Self {
        Self {
            stands_alone: true,
            ..Self::asked(question)
        }
    }

    pub fn question(&self) -> &str {
        &self.question
    }
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

/// Who made a question stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewrittenBy {
    Rules,
    /// A chat model.
    Model,
}

/// Why what a chat model was asked to rewrite was left to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewriteFailure {
    /// It is away, takes no request, or broke off.
    Unavailable,
    /// It took longer than it may.
    TimedOut,
    /// It said nothing.
    Empty,
    TooLong,
    /// It wrote more than one line.
    ManyLines,
    /// It would not, or its provider held the text back.
    Refused,
    /// What it wrote has nothing to do with the conversation.
    Unrelated,
}

/// Questions before this one that count; what lies further back is another subject.
pub const MAX_TURNS: usize = 8;
/// A longer question says itself what it is about, in characters; of a longer turn the rest is left out.
pub const MAX_TURN_CHARS: usize = 400;
/// Words of the conversation that are added, at most.
const MAX_ADDED: usize = 12;

/// The question, made to stand alone by the conversation before it, oldest turn first.
pub fn rewrite(history: &[Turn], question: &str) -> StandAlone {
    // Each turn stands on what the one before it came to mean.
    let before = last(history).iter().fold(String::new(), |before, turn| {
        if turn.stands_alone {
            turn.question.clone()
        } else {
            resolved(&before, &turn.question).text
        }
    });
    resolved(&before, question)
}

/// Whether the question leans on the conversation before it, as far as rules can tell: only then is a model worth asking.
///
/// A short question that shows no sign of leaning is whole far more often than not, and most questions are short: to ask a
/// model about each of them would delay nearly every answer and now and then drag the subject before into a new one.
pub fn leans(history: &[Turn], question: &str) -> bool {
    let is_begun = history.iter().any(|turn| !turn.question.trim().is_empty());
    is_begun && can_lean(question) && signs::lean(question, &words(question)).is_some()
}

/// The turns that count.
pub(crate) fn last(history: &[Turn]) -> &[Turn] {
    &history[history.len().saturating_sub(MAX_TURNS)..]
}

/// What questions are about, as stems.
pub(crate) fn subjects<'q>(questions: impl Iterator<Item = &'q str>) -> HashSet<u32> {
    let meant = |question: &'q str| words(question).into_iter().filter(|word| word.means);
    questions.flat_map(meant).map(|word| word.id).collect()
}

fn first_chars(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(MAX_TURN_CHARS)
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// There is something of it, and not too much.
fn can_lean(question: &str) -> bool {
    !question.trim().is_empty() && question.chars().nth(MAX_TURN_CHARS).is_none()
}

fn resolved(before: &str, question: &str) -> StandAlone {
    let unchanged = || StandAlone {
        text: question.to_owned(),
        added: Vec::new(),
        how: How::Unchanged,
    };
    let before = first_chars(before);
    if before.trim().is_empty() || !can_lean(question) {
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
        let turns: Vec<Turn> = history.iter().map(|question| Turn::asked(question)).collect();
        rewrite(&turns, question)
    }

    #[test]
    fn only_a_question_that_leans_on_something_is_worth_a_model() {
        let history = [Turn::asked("How do I install the agent on Linux?")];
        for question in [
            "And on Windows?",
            "How long does it take?",
            "Почему?",
            "What is the limit?",
            "What is needed?",
            "What is that?",
        ] {
            assert!(leans(&history, question), "{question}");
            assert!(!leans(&[], question) && !leans(&[Turn::asked(" ")], question));
        }
        for question in ["How do I create a backup by hand?", "E-1042", ""] {
            assert!(!leans(&history, question), "{question}");
        }
        assert!(!leans(
            &history,
            &format!("And it? {}", "x".repeat(MAX_TURN_CHARS))
        ));
    }

    #[test]
    fn what_stands_alone_is_not_made_to_lean_again() {
        let turn = "Is it enough to restart the agent?";
        let history = |turn| [Turn::asked("How do I update the firmware of a G2?"), turn];
        let again = rewrite(&history(Turn::standing_alone(turn)), "And on Windows?");
        assert!(!again.text.contains("firmware"), "{}", again.text);
        assert!(again.text.contains("agent"), "{}", again.text);
        let asked = rewrite(&history(Turn::asked(turn)), "Why?");
        assert!(asked.text.contains("firmware"), "{}", asked.text);
    }

    #[test]
    fn of_a_long_turn_its_beginning_counts() {
        let long = format!("How do I install the agent on Linux? {}", "and so on ".repeat(60));
        let turn = Turn::asked(&long);
        assert_eq!(turn.question().chars().count(), MAX_TURN_CHARS);
        let found = rewrite(&[turn], "How long does it take?");
        assert!(
            found.text.contains("install") && found.text.len() < 400,
            "{}",
            found.text
        );
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
            "What is a sensor?",
            "what is beacon?",
            "Что такое шлюз?",
            "Кто такой дежурный?",
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
