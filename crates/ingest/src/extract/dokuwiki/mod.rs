//! DokuWiki's markup to Markdown: what no markup is read in, links, media and footnotes first ([`resolve`]), then line by
//! line ([`blocks`]). Nothing nests here but lists and quotes, which a line tells by its own beginning.

mod blocks;
mod inline;
mod resolve;

use nexus_domain::ProblemCode;

use super::Refusal;
use super::derived::Derived;
use super::wiki::Masks;

pub(super) fn to_markdown(text: &str) -> Result<Derived, Refusal> {
    let mut masks = Masks::default();
    let page = resolve::resolve(text, &mut masks);
    let derived = blocks::markdown(&page, &masks);
    if derived.text.trim().is_empty() {
        let why = "The page holds no text besides macros and pictures";
        return Err((ProblemCode::Empty, why.into()));
    }
    Ok(derived)
}
