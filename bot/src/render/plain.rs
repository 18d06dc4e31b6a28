//! Messages that are no answers: of admins, of the bot's settings, of the words files.

use super::RichText;
use super::markdown::{self, Reading};
use super::writer::Writer;

/// A text as it is. White space at its ends and what Telegram does not show are gone.
pub fn message(text: &str) -> RichText {
    let mut out = Writer::new();
    out.text(text);
    out.finish()
}

/// Markdown without citations.
pub fn markdown(text: &str, table_columns: usize) -> RichText {
    let reading = Reading {
        table_columns,
        ..Reading::default()
    };
    let mut out = Writer::new();
    markdown::write(&mut out, text, &reading);
    out.finish()
}
