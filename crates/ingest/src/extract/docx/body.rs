//! Paragraphs, tables, boxes and notes of a Word document, as it stands after all tracked changes are accepted.

use std::collections::HashMap;

use super::lists::Lists;
use super::styles::Styles;
use crate::extract::Refusal;
use crate::extract::blocks::Blocks;
use crate::extract::flow::{Flow, Kind};
use crate::extract::xml::{Node, Tag, Xml};
use crate::limits::Limits;

/// Texts of notes by kind and id.
type Notes = HashMap<(&'static str, String), String>;

#[derive(Debug)]
pub(super) struct Body<'s> {
    flow: Flow,
    styles: &'s Styles,
    lists: Lists,
    notes: Notes,
    /// Labels given so far.
    labels: u32,
    in_text: bool,
    in_row_properties: bool,
    /// Properties of the paragraph whose properties are open.
    properties: Option<Properties>,
}

#[derive(Debug, Default)]
struct Properties {
    style: Option<String>,
    list: Option<String>,
    level: Option<usize>,
    outline: Option<usize>,
}

impl<'s> Body<'s> {
    pub(super) fn new(styles: &'s Styles, lists: Lists, notes: Notes, limits: &Limits) -> Self {
        Self {
            flow: Flow::new(limits),
            styles,
            lists,
            notes,
            labels: 0,
            in_text: false,
            in_row_properties: false,
            properties: None,
        }
    }

    pub(super) fn finish(self) -> Blocks {
        self.flow.blocks
    }

    pub(super) fn start(&mut self, tag: &Tag<'_>, xml: &mut Xml<'_>) -> Result<(), Refusal> {
        match tag.name() {
            "p" => self.flow.start_paragraph(Kind::Text),
            "pPr" => self.properties = Some(Properties::default()),
            "t" => self.in_text = true,
            "br" | "cr" => self.flow.text("\n")?,
            "tab" if self.properties.is_none() => self.flow.text("\t")?,
            "noBreakHyphen" => self.flow.text("-")?,
            "tbl" => self.flow.start_table(),
            "tr" => self.flow.start_row(),
            "trPr" => self.in_row_properties = true,
            "tc" => self.flow.start_cell()?,
            "gridSpan" => self.flow.span(tag.number("val").unwrap_or(1)),
            "del" if self.in_row_properties => self.flow.drop_row(),
            // What was deleted or moved away, how it looked before, what older readers see instead, and names of pictures.
            "del" | "moveFrom" | "Fallback" | "pPrChange" | "rPrChange" | "tblPrChange" | "trPrChange"
            | "tcPrChange" | "sectPrChange" | "rPr" | "tabs" | "docPr" => xml.skip()?,
            "footnoteReference" => self.note("footnote", tag)?,
            "endnoteReference" => self.note("endnote", tag)?,
            name => {
                if let Some(properties) = &mut self.properties {
                    properties.take(name, tag);
                }
            }
        }
        Ok(())
    }

    pub(super) fn end(&mut self, name: &str) -> Result<(), Refusal> {
        match name {
            "t" => self.in_text = false,
            "p" => self.flow.end_paragraph(),
            "pPr" => {
                if let Some(properties) = self.properties.take() {
                    let kind = self.kind(&properties);
                    self.flow.set_kind(kind);
                }
            }
            "trPr" => self.in_row_properties = false,
            "tr" => self.flow.end_row(),
            "tc" => self.flow.end_cell()?,
            "tbl" => self.flow.end_table(),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), Refusal> {
        if self.in_text {
            self.flow.text(text)?;
        }
        Ok(())
    }

    fn kind(&mut self, properties: &Properties) -> Kind {
        let style = properties.style.as_deref().unwrap_or_default();
        if self.styles.is_contents(style) {
            return Kind::Dropped;
        }
        let heading = match properties.outline {
            Some(level @ 0..=8) => Some(level + 1),
            Some(_) => None,
            None => self.styles.heading(style),
        };
        if let Some(level) = heading {
            return Kind::Heading(level);
        }
        let inherited = self.styles.list(style);
        let level = properties.level.or(inherited.as_ref().map(|(_, level)| *level));
        let list = properties.list.clone().or(inherited.map(|(list, _)| list));
        match list {
            Some(list) if list != "0" => {
                let level = level.unwrap_or_default();
                let number = self.lists.next(&list, level);
                Kind::Item { level, number }
            }
            _ => Kind::Text,
        }
    }

    /// A note is told behind the block that first refers to it.
    fn note(&mut self, kind: &'static str, tag: &Tag<'_>) -> Result<(), Refusal> {
        let id = tag.attribute("id").unwrap_or_default();
        match self.notes.remove(&(kind, id)) {
            Some(text) => {
                self.labels += 1;
                self.flow.note(&self.labels.to_string(), &text)
            }
            None => Ok(()),
        }
    }
}

impl Properties {
    fn take(&mut self, name: &str, tag: &Tag<'_>) {
        match name {
            "pStyle" => self.style = tag.attribute("val"),
            "numId" => self.list = tag.attribute("val"),
            "ilvl" => self.level = tag.number("val").map(|level| level as usize),
            "outlineLvl" => self.outline = tag.number("val").map(|level| level as usize),
            _ => {}
        }
    }
}

/// The texts of all notes of a part.
pub(super) fn notes(
    text: &str,
    kind: &'static str,
    styles: &Styles,
    lists: &Lists,
    limits: &Limits,
) -> Result<Notes, Refusal> {
    let mut notes = Notes::new();
    let mut body = Body::new(styles, lists.clone(), Notes::new(), limits);
    let mut id = String::new();
    let mut xml = Xml::new(text, limits);
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.name() == kind => {
                // Lines that separate notes from the text are kept as notes of a type.
                if tag.attribute("type").is_some_and(|kind| kind != "normal") {
                    xml.skip()?;
                    continue;
                }
                id = tag.attribute("id").unwrap_or_default();
                body.flow.start_note();
            }
            Node::Start(tag) => body.start(&tag, &mut xml)?,
            Node::End(tag) if tag.name() == kind => {
                notes.insert((kind, std::mem::take(&mut id)), body.flow.end_note());
            }
            Node::End(tag) => body.end(tag.name())?,
            Node::Text(text) => body.text(&text)?,
            Node::Eof => return Ok(notes),
        }
    }
}
