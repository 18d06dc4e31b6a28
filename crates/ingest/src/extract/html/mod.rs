//! HTML to Markdown in one pass over the tokens.
//!
//! No tree is built: a tree builder by the standard may need time and memory far beyond the size of a hostile page (scope
//! searches over a deep stack, formatting elements that are opened anew in every paragraph). A page's text needs its
//! headings, lists, tables, quotes and preformatted blocks, and those nest simply.

mod block;
mod page;
mod table;
mod writer;

use html5gum::Tokenizer;
use html5gum::emitters::callback::CallbackEmitter;
use nexus_domain::ProblemCode;

use super::Refusal;
use crate::limits::Limits;
use writer::{Pen, Writer};

/// Title (may be empty) and Markdown.
pub(super) fn to_markdown(html: &str, limits: &Limits) -> Result<(String, String), Refusal> {
    let mut writer = Writer::new(limits);
    let mut emitter = CallbackEmitter::new(Pen(&mut writer));
    emitter.naively_switch_states(true);
    // The pen takes events as they come and gives nothing back; reading from a string cannot fail.
    let _infallible = Tokenizer::new_with_emitter(html, emitter).finish();
    let (title, text) = writer.finish()?;
    if text.trim().is_empty() {
        return Err((
            ProblemCode::Empty,
            "The page holds no text outside of scripts and navigation".into(),
        ));
    }
    Ok((title, text))
}
