//! The bot's own sentences.

use nexus_api::{AnswerStyle, Say, UnsupportedKind};

use super::label::{of_language, of_style};
use crate::render::{self, RichText, Tag, Writer};
use crate::words::{Phrase, Value, Words};

pub(super) fn say(say: &Say, words: &Words) -> RichText {
    let with = |phrase, name, value: &str| words.say_with(phrase, &[(name, Value::Text(value))]);
    let text = match say {
        Say::Start => words.say(Phrase::Start),
        Say::Help => words.say(Phrase::Help),
        Say::UnknownCommand => words.say(Phrase::UnknownCommand),
        Say::TextDeleted => words.say(Phrase::TextDeleted),
        Say::Forgotten => words.say(Phrase::Forgotten),
        Say::Refreshed => words.say(Phrase::Refreshed),
        Say::Cancelled => words.say(Phrase::Cancelled),
        Say::NothingToCancel => words.say(Phrase::NothingToCancel),
        Say::EmptyQuestion => words.say(Phrase::EmptyQuestion),
        Say::QuestionTooLong { limit } => with(Phrase::QuestionTooLong, "limit", &limit.to_string()),
        Say::Unsupported { unsupported } => words.say(of_unsupported(*unsupported)),
        Say::ButtonExpired => words.say(Phrase::ButtonExpired),
        Say::NoMore => words.say(Phrase::NoMore),
        Say::FeedbackWhy => words.say(Phrase::FeedbackWhy),
        Say::FeedbackThanks => words.say(Phrase::FeedbackThanks),
        Say::Settings {
            language,
            notices,
            style,
            instructions,
        } => {
            let language = words.say(of_language(*language));
            let language = with(Phrase::SettingLanguage, "language", &language);
            return settings(&language, *notices, (*style, instructions.as_deref()), words);
        }
        Say::LanguageAsk => words.say(Phrase::LanguageAsk),
        Say::LanguageChosen { language: None } => words.say(Phrase::LanguageChosenAuto),
        Say::LanguageChosen { language } => {
            let language = words.say(of_language(*language));
            with(Phrase::LanguageChosen, "language", &language)
        }
        Say::KbAsk => words.say(Phrase::KbAsk),
        Say::KbNone => words.say(Phrase::KbNone),
        Say::KbChosen { names } if names.is_empty() => words.say(Phrase::KbChosenAll),
        Say::KbChosen { names } => with(Phrase::KbChosen, "names", &names.join(", ")),
        Say::KbGone => words.say(Phrase::KbGone),
        Say::FileAskKb { file } => with(Phrase::FileAskKb, "file", file),
        Say::FileNoKb => words.say(Phrase::FileNoKb),
        Say::FileTooLarge { limit_megabytes } => {
            with(Phrase::FileTooLarge, "limit", &limit_megabytes.to_string())
        }
        Say::FileKnown => words.say(Phrase::FileKnown),
        Say::TaskCancelAsked => words.say(Phrase::TaskCancelAsked),
        Say::TaskRetryAsked => words.say(Phrase::TaskRetryAsked),
        Say::DeadLetters { count } => words.say_with(
            Phrase::NoticeDeadLetter,
            &[("count", Value::Count(u64::from(*count)))],
        ),
    };
    render::message(&text)
}

fn settings(
    language: &str,
    notices: bool,
    (style, wish): (Option<AnswerStyle>, Option<&str>),
    words: &Words,
) -> RichText {
    let with = |phrase, name, value: &str| words.say_with(phrase, &[(name, Value::Text(value))]);
    let mut out = Writer::new();
    out.tagged(Tag::Bold, &words.say(Phrase::Settings));
    out.gap(2);
    out.text(language);
    out.gap(1);
    out.text(&words.say(if notices {
        Phrase::SettingNoticesOn
    } else {
        Phrase::SettingNoticesOff
    }));
    if let Some(style) = style {
        out.gap(1);
        out.text(&with(Phrase::SettingStyle, "style", &words.say(of_style(style))));
    }
    if let Some(wish) = wish {
        out.gap(1);
        out.text(&with(Phrase::SettingWish, "wish", wish));
    }
    out.finish()
}

const fn of_unsupported(kind: UnsupportedKind) -> Phrase {
    match kind {
        UnsupportedKind::Sticker => Phrase::UnsupportedSticker,
        UnsupportedKind::Voice => Phrase::UnsupportedVoice,
        UnsupportedKind::Video => Phrase::UnsupportedVideo,
        UnsupportedKind::Photo => Phrase::UnsupportedPhoto,
        UnsupportedKind::Other => Phrase::UnsupportedOther,
    }
}
