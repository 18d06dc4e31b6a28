//! Citation marks in text: `[1]` leads to the citation of that number.

use std::collections::BTreeMap;

use crate::render::link::Href;
use crate::render::tag::Tag;
use crate::render::writer::Writer;

/// What the numbers of an answer lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(BTreeMap<u32, Href>);

impl FromIterator<(u32, Href)> for Marks {
    fn from_iter<I: IntoIterator<Item = (u32, Href)>>(marks: I) -> Self {
        Self(marks.into_iter().collect())
    }
}

impl Marks {
    /// Writes text, with its marks as links where they lead somewhere.
    pub(crate) fn write(&self, out: &mut Writer, text: &str) {
        let mut rest = text;
        while let Some((before, mark, number, after)) = next_mark(rest) {
            match self.0.get(&number) {
                Some(href) => {
                    out.text(before);
                    out.tagged(Tag::Link(href.clone()), mark);
                }
                None => out.text(&rest[..before.len() + mark.len()]),
            }
            rest = after;
        }
        out.text(rest);
    }
}

/// The first mark of a text: what stands before it, itself, its number, what stands behind it.
pub(crate) fn next_mark(text: &str) -> Option<(&str, &str, u32, &str)> {
    for (at, _) in text.match_indices('[') {
        let inner = &text[at + 1..];
        let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
        if let Ok(number) = inner[..digits].parse()
            && inner[digits..].starts_with(']')
        {
            let end = at + digits + 2;
            return Some((&text[..at], &text[at..end], number, &text[end..]));
        }
    }
    None
}
