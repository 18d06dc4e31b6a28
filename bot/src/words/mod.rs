//! Every sentence that a person can read, in every language: Fluent files in `locales/`, one folder per language.
//! Knows neither Telegram nor HTML: words are plain text.

mod phrase;
mod quantity;

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use nexus_api::{AnswerLanguage, ErrorCode, ProblemCode, TaskStage, TaskState};
use unic_langid::LanguageIdentifier;

pub use phrase::Phrase;
pub use quantity::Measure;

/// A language that the bot speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// Russian.
    Ru,
    #[default]
    /// English.
    En,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ru, Self::En];

    /// The language for an IETF tag, as Telegram tells one: Russian for those who most likely read it, else English.
    pub fn for_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "ru" | "be" | "kk" | "ky" | "tg" | "uz" => Self::Ru,
            _ => Self::En,
        }
    }

    /// Its IETF tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Ru => &[
                include_str!("../../locales/ru/answers.ftl"),
                include_str!("../../locales/ru/errors.ftl"),
                include_str!("../../locales/ru/talk.ftl"),
                include_str!("../../locales/ru/tasks.ftl"),
            ],
            Self::En => &[
                include_str!("../../locales/en/answers.ftl"),
                include_str!("../../locales/en/errors.ftl"),
                include_str!("../../locales/en/talk.ftl"),
                include_str!("../../locales/en/tasks.ftl"),
            ],
        }
    }
}

impl From<AnswerLanguage> for Language {
    fn from(language: AnswerLanguage) -> Self {
        match language {
            AnswerLanguage::Ru => Self::Ru,
            AnswerLanguage::En => Self::En,
        }
    }
}

/// What stands in for a name in a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// As it is.
    Text(&'a str),
    /// Chooses the plural form.
    Count(u64),
}

/// The words of one language.
pub struct Words {
    bundle: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words")
            .field("locales", &self.bundle.locales)
            .finish()
    }
}

impl Words {
    /// Read once.
    pub fn of(language: Language) -> &'static Self {
        static RU: LazyLock<Words> = LazyLock::new(|| Words::read(Language::Ru));
        static EN: LazyLock<Words> = LazyLock::new(|| Words::read(Language::En));
        match language {
            Language::Ru => &RU,
            Language::En => &EN,
        }
    }

    fn read(language: Language) -> Self {
        let id: LanguageIdentifier = language.tag().parse().expect("two letters name a language");
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Telegram shows the marks of isolation as boxes in some apps, and counts them.
        bundle.set_use_isolating(false);
        for file in language.files() {
            // What is broken in a file is left out, and a test fails.
            let resource =
                FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(resource, _)| resource);
            bundle.add_resource_overriding(resource);
        }
        Self { bundle }
    }

    /// A phrase that takes no values.
    pub fn say(&self, phrase: Phrase) -> String {
        self.say_with(phrase, &[])
    }

    /// The values are those that [`Phrase::values`] names.
    pub fn say_with(&self, phrase: Phrase, values: &[(&str, Value<'_>)]) -> String {
        debug_assert!(
            phrase
                .values()
                .iter()
                .all(|name| values.iter().any(|(given, _)| given == name)),
            "{phrase:?} lacks a value"
        );
        self.look_up(phrase.key(), values)
    }

    /// What happened and what to do next.
    pub fn error(&self, code: ErrorCode) -> String {
        self.look_up(&keyed("error", code.as_str()), &[])
    }

    /// Why a file could not be read, in a few words.
    pub fn problem(&self, code: ProblemCode) -> String {
        self.look_up(&keyed("problem", phrase::problem_name(code)), &[])
    }

    /// For a card's first line.
    pub fn task_state(&self, state: TaskState) -> String {
        self.say(Phrase::of_task_state(state))
    }

    /// Behind the state of a running task.
    pub fn task_stage(&self, stage: TaskStage) -> String {
        self.say(Phrase::of_task_stage(stage))
    }

    /// The same from [`nexus_api::TaskError::code`], which may be a code of another kind.
    pub fn problem_named(&self, code: &str) -> Option<String> {
        let key = keyed("problem", code);
        self.bundle.has_message(&key).then(|| self.look_up(&key, &[]))
    }

    fn look_up(&self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            // Tests hold every key against the files.
            return key.to_owned();
        };
        let arguments: FluentArgs<'_> = values
            .iter()
            .map(|(name, value)| (Cow::Owned((*name).to_owned()), FluentValue::from(*value)))
            .collect();
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&arguments), &mut errors);
        debug_assert!(errors.is_empty(), "{key}: {errors:?}");
        text.into_owned()
    }
}

impl<'a> From<Value<'a>> for FluentValue<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Text(text) => Self::String(Cow::Borrowed(text)),
            Value::Count(count) => Self::from(count),
        }
    }
}

/// The key of a code of the API: `user_blocked` is `error-user-blocked`.
fn keyed(kind: &str, code: &str) -> String {
    format!("{kind}-{}", code.replace('_', "-"))
}

/// Every key that the program can ask for, with the names of its values.
pub fn keys() -> Vec<(String, &'static [&'static str])> {
    let phrases = Phrase::ALL
        .iter()
        .map(|phrase| (phrase.key().to_owned(), phrase.values()));
    let errors = ErrorCode::ALL.iter().map(|code| keyed("error", code.as_str()));
    let problems = phrase::PROBLEMS
        .iter()
        .map(|code| keyed("problem", phrase::problem_name(*code)));
    phrases
        .chain(errors.chain(problems).map(|key| (key, [].as_slice())))
        .collect()
}
