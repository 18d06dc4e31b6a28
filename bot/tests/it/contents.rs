//! Every kind of content in both languages, with its buttons.

use nexus_api::{
    AnswerLanguage, AnswerStyle, Button, Content, ErrorCode, FeedbackReason, GenerationReason, Keyboard,
    Label, Say, UnsupportedKind,
};
use nexus_bot::present::present;
use nexus_bot::render::Limits;
use nexus_bot::words::Language;
use uuid::Uuid;

use crate::fixtures::{citation, extractive, shown, style};

fn keyboard(labels: Vec<Label>) -> Keyboard {
    let button = |(number, label)| Button {
        label,
        token: format!("t{number}"),
    };
    Keyboard(vec![labels.into_iter().enumerate().map(button).collect()])
}

fn says() -> Vec<Say> {
    let mut says = vec![
        Say::Start,
        Say::Help,
        Say::UnknownCommand,
        Say::Forgotten,
        Say::Refreshed,
        Say::Cancelled,
        Say::NothingToCancel,
        Say::EmptyQuestion,
        Say::QuestionTooLong { limit: 4_000 },
        Say::ButtonExpired,
        Say::NoMore,
        Say::FeedbackWhy,
        Say::FeedbackThanks,
        Say::Settings {
            language: Some(AnswerLanguage::Ru),
            notices: true,
            style: Some(AnswerStyle::Brief),
            instructions: Some("<b>Tables</b>, please".to_owned()),
        },
        Say::Settings {
            language: None,
            notices: false,
            style: None,
            instructions: None,
        },
        Say::LanguageAsk,
        Say::LanguageChosen {
            language: Some(AnswerLanguage::En),
        },
        Say::LanguageChosen { language: None },
        Say::KbAsk,
        Say::KbNone,
        Say::KbChosen {
            names: vec!["docs".to_owned(), "<wiki>".to_owned()],
        },
        Say::KbChosen { names: Vec::new() },
        Say::KbGone,
        Say::FileAskKb {
            file: "a&b.zip".to_owned(),
        },
        Say::FileNoKb,
        Say::FileTooLarge { limit_megabytes: 20 },
        Say::FileKnown,
        Say::TaskCancelAsked,
        Say::TaskRetryAsked,
        Say::DeadLetters { count: 3 },
    ];
    let kinds = [
        UnsupportedKind::Sticker,
        UnsupportedKind::Voice,
        UnsupportedKind::Video,
        UnsupportedKind::Photo,
        UnsupportedKind::Other,
    ];
    says.extend(kinds.map(|unsupported| Say::Unsupported { unsupported }));
    says
}

fn labels() -> Vec<Label> {
    let mut labels = vec![
        Label::Passage { number: 2 },
        Label::More,
        Label::Good,
        Label::Bad,
        Label::KnowledgeBase {
            name: "docs".to_owned(),
            chosen: Some(true),
        },
        Label::KnowledgeBase {
            name: "a very long name of a knowledge base ".repeat(3),
            chosen: None,
        },
        Label::AllKnowledgeBases { chosen: true },
        Label::Language {
            language: Some(AnswerLanguage::Ru),
            chosen: false,
        },
        Label::Language {
            language: None,
            chosen: true,
        },
        Label::Notices { on: true },
        Label::Notices { on: false },
        Label::Style {
            style: AnswerStyle::Detailed,
            chosen: true,
        },
        Label::Style {
            style: AnswerStyle::Normal,
            chosen: false,
        },
        Label::Cancel,
        Label::Retry,
        Label::Done,
    ];
    let reasons = [
        FeedbackReason::Wrong,
        FeedbackReason::Incomplete,
        FeedbackReason::Outdated,
        FeedbackReason::WrongSource,
        FeedbackReason::Unclear,
        FeedbackReason::Other,
    ];
    labels.extend(reasons.map(|reason| Label::Reason { reason }));
    labels
}

/// Text and buttons; every part is held against Telegram's rules.
fn looks(content: &Content, language: Language) -> String {
    let presented = present(content, &style(language));
    let mut text = shown(&presented.text, Limits::default());
    for row in presented
        .keyboard
        .iter()
        .flat_map(|keyboard| &keyboard.inline_keyboard)
    {
        let row: Vec<_> = row.iter().map(|button| format!("[{}]", button.text)).collect();
        text = format!("{text}\n{}", row.join(" "));
    }
    text
}

fn in_both(contents: &[Content]) -> String {
    let mut all = Vec::new();
    for language in Language::ALL {
        all.extend(contents.iter().map(|content| looks(content, language)));
    }
    all.join("\n--------\n")
}

#[test]
fn every_sentence_can_be_said() {
    let contents: Vec<_> = says()
        .into_iter()
        .map(|say| Content::Say {
            say,
            keyboard: Keyboard::default(),
        })
        .collect();
    insta::assert_snapshot!(in_both(&contents));
}

#[test]
fn every_button_has_words() {
    let content = Content::Text {
        text: "…".to_owned(),
        keyboard: keyboard(labels()),
    };
    insta::assert_snapshot!(in_both(&[content]));
}

#[test]
fn answers_passages_errors_and_files() {
    let source = citation(1, "Шлюз", &["Шлюз"], "Удерживайте кнопку 10 секунд.");
    let passage = source.passage.clone();
    let contents = [
        Content::Answer {
            answer: Box::new(extractive(vec![source.clone()], GenerationReason::NotConfigured)),
            asked_before: None,
            keyboard: keyboard(vec![Label::Passage { number: 1 }, Label::Good, Label::Bad]),
        },
        Content::Answer {
            answer: Box::new(extractive(vec![source], GenerationReason::NotConfigured)),
            asked_before: Some(format!("  Как\nсбросить <шлюз>? {}", "И ещё? ".repeat(60))),
            keyboard: Keyboard::default(),
        },
        Content::Passages {
            passages: vec![passage.clone(), passage],
            keyboard: keyboard(vec![Label::More]),
        },
        Content::Passages {
            passages: Vec::new(),
            keyboard: Keyboard::default(),
        },
        Content::Error {
            code: ErrorCode::Internal,
            details: None,
            retry_after_seconds: Some(60),
            request_id: "0190b2d4".to_owned(),
            text: Some("Call +7 000 <now>.".to_owned()),
        },
        Content::FetchFile {
            file_id: "f".to_owned(),
            file_name: "docs.zip".to_owned(),
            is_archive: true,
            knowledge_base_id: Uuid::nil(),
            telegram_user_id: 1,
        },
        Content::Text {
            text: "  ".to_owned(),
            keyboard: Keyboard::default(),
        },
    ];
    insta::assert_snapshot!(in_both(&contents));
}

#[test]
fn a_button_that_telegram_would_refuse_is_left_out() {
    let with = |token: String| {
        let button = Button {
            label: Label::More,
            token,
        };
        let content = Content::Text {
            text: "x".to_owned(),
            keyboard: Keyboard(vec![vec![button]]),
        };
        present(&content, &style(Language::En)).keyboard
    };
    assert!(with("x".repeat(64)).is_some());
    assert!(with("щ".repeat(33)).is_none());
    assert!(with(String::new()).is_none());
}
