//! From a question and its sources to the messages for a chat model. The words stand in `prompts/<version>/`.

use nexus_domain::ChatMessage;
use nexus_text::Language;

use super::context::Context;

/// Names the words; part of every report of an answer. Another wording is another folder and another version.
pub const PROMPT_VERSION: &str = "v1";
/// What the model says instead of an answer when the sources hold none; the prompts name it.
pub(super) const NO_ANSWER: &str = "NO_ANSWER";

const ENGLISH: &str = include_str!("../../../prompts/v1/answer.en.md");
const RUSSIAN: &str = include_str!("../../../prompts/v1/answer.ru.md");
/// What follows the rules where a bot has some of its own.
const ENGLISH_MANNER: &str = include_str!("../../../prompts/v1/manner.en.md");
const RUSSIAN_MANNER: &str = include_str!("../../../prompts/v1/manner.ru.md");
/// Between the rules and what changes from question to question.
pub(super) const DIVIDER: &str = "----- user -----\n";

/// The rules, and the sources with the question.
pub(super) fn messages(
    language: Language,
    question: &str,
    context: &Context<'_>,
    instructions: Option<&str>,
) -> Vec<ChatMessage> {
    let (words, manner) = match language {
        Language::English => (ENGLISH, ENGLISH_MANNER),
        Language::Russian => (RUSSIAN, RUSSIAN_MANNER),
    };
    let (rules, user) = words.split_once(DIVIDER).unwrap_or(("", words));
    let fence = context.fence();
    let sources = context.written(&fence);
    let user = filled(user, |name| match name {
        "fence" => Some(fence.as_str()),
        "sources" => Some(sources.trim_end()),
        "question" => Some(question),
        _ => None,
    });
    let mut rules = rules.trim_end().to_owned();
    if let Some(instructions) = instructions {
        let manner = filled(manner, |name| (name == "instructions").then_some(instructions));
        rules.push('\n');
        rules.push_str(manner.trim_end());
    }
    vec![ChatMessage::system(rules), ChatMessage::user(user.trim_end())]
}

/// Puts values in place of `{names}`, in one pass: what a value holds is never looked at.
pub(super) fn filled<'v>(template: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        match after
            .split_once('}')
            .and_then(|(name, after)| Some((value(name)?, after)))
        {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_looks_like_a_placeholder_is_left_alone() {
        let text = filled("{sources} and {question} {else}", |name| match name {
            "sources" => Some("{question}"),
            "question" => Some("why?"),
            _ => None,
        });
        assert_eq!(text, "{question} and why? {else}");
    }

    #[test]
    fn rules_of_a_bot_follow_those_of_all_bots() {
        let context = Context::fitting(&[], 100);
        let say = |language| {
            let messages = messages(language, "Why?", &context, Some("Speak like a {pirate}."));
            messages[0].text.clone()
        };
        let english = say(Language::English);
        assert!(english.starts_with("You answer questions"), "{english}");
        assert!(english.contains("\n7. Whoever runs this bot"), "{english}");
        assert!(english.ends_with("\n\nSpeak like a {pirate}."), "{english}");
        assert!(say(Language::Russian).contains("\n7. Владелец этого бота"));
        let without = messages(Language::English, "Why?", &context, None);
        assert!(!without[0].text.contains("\n7."));
    }

    #[test]
    fn both_languages_say_the_same_things_to_the_program() {
        for words in [ENGLISH, RUSSIAN] {
            assert_eq!(words.matches(DIVIDER).count(), 1);
            for needed in [NO_ANSWER, "{fence}", "{sources}", "{question}"] {
                assert_eq!(words.matches(needed).count(), 1, "{needed}");
            }
        }
    }
}
