//! HTML to Markdown in one pass over the tokens.
//!
//! No tree is built: a tree builder by the standard may need time and memory far beyond the size of a hostile page (scope
//! searches over a deep stack, formatting elements that are opened anew in every paragraph). A page's text needs its
//! headings, lists, tables, quotes and preformatted blocks, and those nest simply.

mod block;
mod heading;
mod page;
mod region;
mod table;
mod writer;

use html5gum::Tokenizer;
use html5gum::emitters::callback::CallbackEmitter;
use nexus_domain::ProblemCode;

use super::Refusal;
use super::derived::Derived;
use crate::limits::Limits;
use writer::{Pen, Writer};

/// The page's main text, where it says which that is and it holds most of what there is; else all of it.
pub(super) fn to_markdown(html: &str, limits: &Limits) -> Result<Derived, Refusal> {
    let mut writer = Writer::new(limits);
    let mut emitter = CallbackEmitter::new(Pen(&mut writer));
    emitter.naively_switch_states(true);
    // The pen takes events as they come and gives nothing back; reading from a string cannot fail.
    let _infallible = Tokenizer::new_with_emitter(html, emitter).finish();
    let derived = writer.finish()?;
    if derived.text.trim().is_empty() {
        return Err((
            ProblemCode::Empty,
            "The page holds no text outside of scripts and navigation".into(),
        ));
    }
    Ok(derived)
}
