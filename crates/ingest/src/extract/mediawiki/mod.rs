//! MediaWiki's markup to Markdown, in three passes as MediaWiki itself reads it: what no markup is read in is taken out
//! ([`strip`]), templates, links and footnotes are resolved from the inside out ([`expand`]), and the lines that are left
//! become blocks ([`blocks`]).
//!
//! No template is known by its page, so each is judged by its name and arguments ([`template`]). All passes take linear
//! time; nothing recurses.

mod blocks;
mod emphasis;
mod expand;
mod inline;
mod link;
mod list;
mod strip;
mod table;
mod template;
mod words;

use nexus_domain::ProblemCode;

use super::Refusal;
use super::derived::Derived;
use super::wiki::{Masks, decoded};
use crate::limits::Limits;

pub(super) fn to_markdown(text: &str, limits: &Limits) -> Result<Derived, Refusal> {
    if let Some(target) = redirect(text) {
        return Err((
            ProblemCode::Empty,
            format!("The page only leads on to \"{target}\""),
        ));
    }
    let mut masks = Masks::default();
    let stripped = strip::strip(text, &mut masks);
    let expanded = expand::expand(&stripped, &mut masks, limits)?;
    let derived = blocks::markdown(expanded, &masks);
    if derived.text.trim().is_empty() {
        return Err((
            ProblemCode::Empty,
            "The page holds no text besides templates and pictures".into(),
        ));
    }
    Ok(derived)
}

/// Where a redirect leads.
fn redirect(text: &str) -> Option<String> {
    const WORDS: [&str; 8] = [
        "redirect",
        "перенаправление",
        "перенапр",
        "перенаправлення",
        "weiterleitung",
        "redirection",
        "redirección",
        "rinvia",
    ];
    let rest = text.trim_start().strip_prefix('#')?;
    let head = rest.get(..rest.floor_char_boundary(1_024)).unwrap_or(rest);
    let (word, link) = head.split_once("[[")?;
    let word = word.trim().trim_end_matches(':').trim_end().to_lowercase();
    let target = link.split([']', '|', '\n']).next().unwrap_or(link);
    WORDS.contains(&word.as_str()).then(|| decoded(target.trim()))
}
