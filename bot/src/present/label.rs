//! What stands on buttons.

use nexus_api::{AnswerLanguage, AnswerStyle, FeedbackReason, Label};

use crate::words::{Phrase, Value, Words};

/// Longer names are cut: phones show less still.
const MAX_CHARS: usize = 64;
const CHOSEN: &str = "✅ ";

pub(super) fn label(label: &Label, words: &Words) -> String {
    match label {
        Label::Passage { number } => {
            let number = number.to_string();
            words.say_with(Phrase::ButtonPassage, &[("number", Value::Text(&number))])
        }
        Label::More => words.say(Phrase::ButtonMore),
        Label::Good => words.say(Phrase::FeedbackGood),
        Label::Bad => words.say(Phrase::FeedbackBad),
        Label::Reason { reason } => words.say(of_reason(*reason)),
        Label::KnowledgeBase { name, chosen } => {
            let name = shortened(name);
            match name.is_empty() {
                true => marked("?", *chosen),
                false => marked(&name, *chosen),
            }
        }
        Label::AllKnowledgeBases { chosen } => marked(&words.say(Phrase::KbAll), Some(*chosen)),
        Label::Language { language, chosen } => marked(&words.say(of_language(*language)), Some(*chosen)),
        Label::Notices { on: true } => words.say(Phrase::SettingNoticesOn),
        Label::Notices { on: false } => words.say(Phrase::SettingNoticesOff),
        Label::Style { style, chosen } => marked(&words.say(of_style(*style)), Some(*chosen)),
        Label::Cancel => words.say(Phrase::ButtonCancel),
        Label::Retry => words.say(Phrase::ButtonRetry),
        Label::Done => words.say(Phrase::ButtonDone),
    }
}

pub(super) const fn of_language(language: Option<AnswerLanguage>) -> Phrase {
    match language {
        Some(AnswerLanguage::Ru) => Phrase::LanguageRu,
        Some(AnswerLanguage::En) => Phrase::LanguageEn,
        None => Phrase::LanguageAuto,
    }
}

pub(super) const fn of_style(style: AnswerStyle) -> Phrase {
    match style {
        AnswerStyle::Brief => Phrase::StyleBrief,
        AnswerStyle::Normal => Phrase::StyleNormal,
        AnswerStyle::Detailed => Phrase::StyleDetailed,
    }
}

const fn of_reason(reason: FeedbackReason) -> Phrase {
    match reason {
        FeedbackReason::Wrong => Phrase::FeedbackWrong,
        FeedbackReason::Incomplete => Phrase::FeedbackIncomplete,
        FeedbackReason::Outdated => Phrase::FeedbackOutdated,
        FeedbackReason::WrongSource => Phrase::FeedbackWrongSource,
        FeedbackReason::Unclear => Phrase::FeedbackUnclear,
        FeedbackReason::Other => Phrase::FeedbackOther,
    }
}

fn marked(text: &str, chosen: Option<bool>) -> String {
    match chosen {
        Some(true) => format!("{CHOSEN}{text}"),
        Some(false) | None => text.to_owned(),
    }
}

/// On one line, cut.
fn shortened(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    let name: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    match name.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", name[..end].trim_end()),
        None => name,
    }
}
