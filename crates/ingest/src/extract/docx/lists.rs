//! Lists by their definitions: which levels are numbered, and how far each was counted.

use std::collections::HashMap;

use crate::extract::Refusal;
use crate::extract::xml::{Node, Xml};
use crate::limits::Limits;

/// Levels that Word has.
const LEVELS: usize = 9;

#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// Which levels of a definition are numbered.
    definitions: HashMap<String, [bool; LEVELS]>,
    /// The definition of each list.
    lists: HashMap<String, String>,
    counts: HashMap<String, [u64; LEVELS]>,
}

impl Lists {
    pub(super) fn read(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        let mut all = Self::default();
        let (mut definition, mut list, mut level) = (None, None, 0);
        let mut xml = Xml::new(text, limits);
        loop {
            match xml.next()? {
                Node::Start(tag) => match tag.name() {
                    "abstractNum" => definition = tag.attribute("abstractNumId"),
                    "num" => list = tag.attribute("numId"),
                    "lvl" => level = tag.number("ilvl").unwrap_or_default() as usize,
                    "numFmt" => {
                        let format = tag.attribute("val").unwrap_or_default();
                        if let Some(id) = &definition
                            && let Some(is_numbered) =
                                all.definitions.entry(id.clone()).or_default().get_mut(level)
                        {
                            *is_numbered = !matches!(format.as_str(), "bullet" | "none");
                        }
                    }
                    "abstractNumId" => {
                        if let (Some(list), Some(definition)) = (list.take(), tag.attribute("val")) {
                            all.lists.insert(list, definition);
                        }
                    }
                    _ => {}
                },
                Node::End(tag) if tag.name() == "abstractNum" => definition = None,
                Node::Eof => return Ok(all),
                _ => {}
            }
        }
    }

    /// The number of the next item, where its level is numbered.
    pub(super) fn next(&mut self, list: &str, level: usize) -> Option<u64> {
        let definition = self.definitions.get(self.lists.get(list)?)?;
        let counts = self.counts.entry(list.to_owned()).or_default();
        if let Some(deeper) = counts.get_mut(level + 1..) {
            deeper.fill(0);
        }
        let count = counts.get_mut(level)?;
        *count += 1;
        definition.get(level)?.then_some(*count)
    }
}
