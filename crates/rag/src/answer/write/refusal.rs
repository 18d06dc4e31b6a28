//! Tells an answer from the model's word that the sources hold none.

use super::prompt::NO_ANSWER;

/// Longest text that can be a refusal in the model's own words.
const MAX_REFUSAL_CHARS: usize = 300;
/// Parts of sentences by which models refuse although the prompt names a word for it, in lower case.
const REFUSALS: [&str; 22] = [
    "sources do not",
    "sources don't",
    "sources provided do not",
    "provided sources",
    "no information",
    "not mentioned",
    "not specified in",
    "not contain",
    "cannot answer",
    "can't answer",
    "unable to answer",
    "в источниках нет",
    "источники не",
    "нет информации",
    "нет сведений",
    "нет данных",
    "не содержат",
    "не содержится",
    "не указан",
    "не упомина",
    "не могу ответить",
    "не сказано",
];

/// Holds the beginning of an answer back until it is clear whether it is [`NO_ANSWER`].
#[derive(Debug, Default)]
pub(super) struct Gate {
    held: String,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open,
    Refused,
}

/// Most blanks and signs that may stand before the first word.
const MAX_LEAD: usize = 64;

impl Gate {
    /// What of the answer may be read on.
    pub(super) fn push(&mut self, delta: &str) -> String {
        match self.state {
            State::Open => return delta.to_owned(),
            State::Refused => return String::new(),
            State::Closed => {}
        }
        self.held.push_str(delta);
        let word = self
            .held
            .trim_start_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation());
        let undecided = word.len() < NO_ANSWER.len() && NO_ANSWER.starts_with(word);
        if word.starts_with(NO_ANSWER) {
            self.state = State::Refused;
        } else if !undecided || self.held.len() - word.len() > MAX_LEAD {
            self.state = State::Open;
            return std::mem::take(&mut self.held).trim_start().to_owned();
        }
        String::new()
    }

    /// What was held back, if that was an answer after all; `None` for a refusal.
    pub(super) fn finish(self) -> Option<String> {
        (self.state != State::Refused).then(|| self.held.trim_start().to_owned())
    }
}

/// Whether a text that cites nothing is a refusal in other words.
pub(super) fn reads_like_refusal(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.chars().count() <= MAX_REFUSAL_CHARS && REFUSALS.iter().any(|part| lower.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(deltas: &[&str]) -> Option<String> {
        let mut gate = Gate::default();
        let mut text: String = deltas.iter().map(|delta| gate.push(delta)).collect();
        text.push_str(&gate.finish()?);
        Some(text)
    }

    #[test]
    fn the_agreed_word_is_a_refusal_however_it_is_dressed_and_cut() {
        for text in [
            "NO_ANSWER",
            " NO_ANSWER.\n",
            "**NO_ANSWER**",
            "NO_ANSWER: nothing there",
        ] {
            assert_eq!(read(&[text]), None, "{text}");
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(read(&letters), None, "{text}");
        }
    }

    #[test]
    fn an_answer_passes_whole() {
        for text in [
            "NO",
            "NO_ANSWE",
            "No, it does not.",
            "[1] says so",
            "- one",
            "NOT at all",
        ] {
            assert_eq!(read(&[text]).as_deref(), Some(text));
            let (first, rest) = text.split_at(1);
            assert_eq!(read(&[first, rest]).as_deref(), Some(text));
        }
        assert_eq!(read(&["\n ", " Hold it."]).as_deref(), Some("Hold it."));
    }

    #[test]
    fn a_refusal_in_other_words_is_known_by_them() {
        assert!(reads_like_refusal("The sources do not say who wrote it."));
        assert!(reads_like_refusal("В источниках нет ответа на этот вопрос."));
        assert!(!reads_like_refusal("Hold the button for ten seconds."));
        assert!(!reads_like_refusal(&"The sources do not say. ".repeat(20)));
    }
}
