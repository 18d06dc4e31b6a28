//! Which styles are headings. Their ids are in the language of the Word that wrote them; what tells is the outline level,
//! and the names, which stay English in the file for the built-in ones.

use std::collections::HashMap;

use crate::extract::Refusal;
use crate::extract::xml::{Node, Xml};
use crate::limits::Limits;

/// Longest chain of styles that are based on each other.
const CHAIN: usize = 16;

#[derive(Debug, Default)]
struct Style {
    name: String,
    based_on: Option<String>,
    /// From 0; 9 means body text.
    outline: Option<usize>,
    list: Option<(String, usize)>,
}

#[derive(Debug, Default)]
pub(super) struct Styles(HashMap<String, Style>);

impl Styles {
    pub(super) fn read(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        let mut styles = HashMap::new();
        let mut open: Option<(String, Style)> = None;
        let mut xml = Xml::new(text, limits);
        loop {
            match xml.next()? {
                Node::Start(tag) => match (tag.name(), &mut open) {
                    ("style", _) => {
                        let id = tag.attribute("styleId").unwrap_or_default();
                        open = Some((id, Style::default()));
                    }
                    ("name", Some((_, style))) => {
                        style.name = tag.attribute("val").unwrap_or_default().to_lowercase();
                    }
                    ("basedOn", Some((_, style))) => style.based_on = tag.attribute("val"),
                    ("outlineLvl", Some((_, style))) => {
                        style.outline = tag.number("val").map(|level| level as usize);
                    }
                    ("numId", Some((_, style))) => {
                        let level = style.list.take().map_or(0, |(_, level)| level);
                        style.list = tag.attribute("val").map(|id| (id, level));
                    }
                    ("ilvl", Some((_, style))) => {
                        let level = tag.number("val").unwrap_or_default() as usize;
                        let id = style.list.take().map(|(id, _)| id).unwrap_or_default();
                        style.list = Some((id, level));
                    }
                    _ => {}
                },
                Node::End(tag) if tag.name() == "style" => styles.extend(open.take()),
                Node::Eof => return Ok(Self(styles)),
                _ => {}
            }
        }
    }

    /// The heading level that a style gives, from 1.
    pub(super) fn heading(&self, id: &str) -> Option<usize> {
        self.find(id, |style| match style.outline {
            Some(level @ 0..=8) => Some(Some(level + 1)),
            Some(_) => Some(None),
            None => by_name(&style.name).map(Some),
        })
        .flatten()
        .or_else(|| by_name(&id.to_lowercase()).filter(|_| !self.0.contains_key(id)))
    }

    /// The list and level that a style puts its paragraphs into.
    pub(super) fn list(&self, id: &str) -> Option<(String, usize)> {
        self.find(id, |style| style.list.clone())
            .filter(|(list, _)| !list.is_empty())
    }

    /// An entry of a table of contents, which only repeats headings.
    pub(super) fn is_contents(&self, id: &str) -> bool {
        self.find(id, |style| {
            let name = style.name.strip_prefix("toc ")?;
            name.starts_with(|c: char| c.is_ascii_digit()).then_some(())
        })
        .is_some()
    }

    fn find<T>(&self, id: &str, wanted: impl Fn(&Style) -> Option<T>) -> Option<T> {
        let mut style = self.0.get(id);
        for _ in 0..CHAIN {
            let found = style?;
            if let Some(value) = wanted(found) {
                return Some(value);
            }
            style = self.0.get(found.based_on.as_deref()?);
        }
        None
    }
}

fn by_name(name: &str) -> Option<usize> {
    if name == "title" {
        return Some(1);
    }
    let level = name
        .strip_prefix("heading")
        .or_else(|| name.strip_prefix("заголовок"))?;
    level.trim().parse().ok().filter(|level| (1..=9).contains(level))
}
