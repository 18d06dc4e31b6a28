//! What a delivery's content looks like: text of [`render`](crate::render) and buttons below it. Pure.

mod label;
mod say;

use nexus_api::{Content, ErrorBody, Keyboard, Passage};
use teloxide_core::types::{InlineKeyboardButton, InlineKeyboardMarkup};

use crate::render::{self, Notice, RichText, Style, Writer};
use crate::words::{Phrase, Words};

/// Most bytes of a button's data (<https://core.telegram.org/bots/api#inlinekeyboardbutton>).
const MAX_TOKEN_BYTES: usize = 64;
/// Buttons of a row and in all that Telegram shows (<https://core.telegram.org/api/bots/buttons>).
const MAX_ROW: usize = 8;
const MAX_BUTTONS: usize = 100;

/// A message before it is cut into parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Presented {
    pub text: RichText,
    /// Belongs below the last part.
    pub keyboard: Option<InlineKeyboardMarkup>,
}

/// Says something in any case.
pub fn present(content: &Content, style: &Style) -> Presented {
    let words = Words::of(style.language);
    let (text, keyboard) = match content {
        Content::Answer {
            answer,
            asked_before,
            keyboard,
        } => {
            let rendered = render::answer(answer, style);
            let text = match asked_before {
                Some(question) => render::asked_before(question, &rendered, style),
                None => rendered,
            };
            (text, Some(keyboard))
        }
        Content::Passages { passages, keyboard } => (write_passages(passages, style), Some(keyboard)),
        Content::Say { say, keyboard } => (say::say(say, words), Some(keyboard)),
        Content::Text { text, keyboard } => (render::message(text), Some(keyboard)),
        Content::Error {
            code,
            details,
            retry_after_seconds,
            request_id,
            text,
        } => {
            let body = ErrorBody {
                code: *code,
                message: String::new(),
                details: details.clone(),
                request_id: request_id.clone(),
            };
            let told = render::error(&Notice::of(&body, *retry_after_seconds), style.language);
            (below(text.as_deref(), &told), None)
        }
        Content::TaskCard {
            task,
            name,
            problems,
            keyboard,
        } => (render::task_card(task, name, problems, style), Some(keyboard)),
        Content::FetchFile { .. } => (render::message(&words.say(Phrase::FileReceived)), None),
    };
    let text = if text.is_empty() {
        render::message(&words.say(Phrase::NothingToShow))
    } else {
        text
    };
    Presented {
        text,
        keyboard: keyboard.and_then(|keyboard| buttons(keyboard, words)),
    }
}

/// A bot's own sentence, and ours below it.
fn below(own: Option<&str>, told: &RichText) -> RichText {
    let mut out = Writer::new();
    out.text(own.unwrap_or_default().trim_end());
    out.gap(2);
    out.rich(told);
    out.finish()
}

fn write_passages(passages: &[Passage], style: &Style) -> RichText {
    let words = Words::of(style.language);
    match passages {
        [] => render::message(&words.say(Phrase::NoMore)),
        [single] => render::passage(single, style),
        several => {
            let mut out = Writer::new();
            out.text(&words.say(Phrase::MorePassages));
            for passage in several {
                out.gap(2);
                out.rich(&render::passage(passage, style));
            }
            out.finish()
        }
    }
}

/// Buttons as they fit. One whose token Telegram would refuse is left out: the message is worth more.
fn buttons(keyboard: &Keyboard, words: &Words) -> Option<InlineKeyboardMarkup> {
    let mut left = MAX_BUTTONS;
    let mut rows: Vec<Vec<InlineKeyboardButton>> = Vec::new();
    for row in &keyboard.0 {
        let fitting: Vec<_> = row
            .iter()
            .filter(|button| {
                let fits = (1..=MAX_TOKEN_BYTES).contains(&button.token.len());
                if !fits {
                    tracing::warn!(
                        bytes = button.token.len(),
                        "a button is left out: its token does not fit"
                    );
                }
                fits
            })
            .take(left)
            .map(|button| InlineKeyboardButton::callback(label::label(&button.label, words), &button.token))
            .collect();
        left -= fitting.len();
        rows.extend(fitting.chunks(MAX_ROW).map(<[_]>::to_vec));
    }
    (!rows.is_empty()).then(|| InlineKeyboardMarkup::new(rows))
}
