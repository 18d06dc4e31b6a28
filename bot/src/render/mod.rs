//! What Telegram shows: answers, passages, task cards and notices as [`RichText`], and that as parts of Telegram HTML.
//! Pure: knows neither the network nor the clock, and nothing of who asks.
//!
//! The rules, in short:
//!
//! - HTML is written in one file (`html`) from text and spans. Nobody else can write a tag, so nothing is left unescaped.
//! - The [plain text](RichText::plain) is what Telegram will show. Characters that Telegram drops or replaces are dropped
//!   or replaced before anything is counted (`clean`).
//! - Parts, put together, are the plain text, byte for byte. White space at a cut stays at the end of the earlier part,
//!   where Telegram trims it; so nothing but white space is lost on the way to the screen.
//! - Every part shows something: none is blank by Telegram's measure.

mod answer;
mod breaks;
mod clean;
mod html;
mod link;
mod markdown;
mod notice;
mod passage;
mod plain;
mod rich;
mod sources;
mod split;
mod style;
mod tag;
mod task;
mod unsupported;
mod writer;

pub use answer::{answer, asked_before};
pub use link::Href;
pub use notice::{Notice, error};
pub use passage::passage;
pub use plain::{markdown, message};
pub use rich::RichText;
pub use split::{Limits, Part};
pub use style::Style;
pub use tag::Tag;
pub use task::task_card;
pub use writer::Writer;
