//! For tests alone: Telegram's side of a message.

mod telegram_html;

pub use telegram_html::{Entity, Kind, Parsed, Refusal, parse};
