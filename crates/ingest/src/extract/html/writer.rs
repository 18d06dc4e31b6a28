//! Takes tokens, writes Markdown. Holds what is open (a table, a preformatted block, what is dropped), never the page.

mod attributes;

use html5gum::Span;
use html5gum::emitters::callback::{Callback, CallbackEvent};

use super::block::Element;
use super::heading::Anchors;
use super::page::{Gap, Open, Page};
use super::region::{self, Region, Regions};
use super::table::Table;
use crate::extract::Refusal;
use crate::extract::derived::Derived;
use crate::limits::Limits;

#[derive(Debug)]
pub(super) struct Writer {
    page: Page,
    title: String,
    in_title: bool,
    /// Name of the dropped element that is open, and how often.
    dropped: Option<(Vec<u8>, u32)>,
    table: Option<Table>,
    preformatted: Option<String>,
    /// Language of the preformatted block, by its class.
    fence_language: String,
    heading: bool,
    anchors: Anchors,
    regions: Regions,
    element: Element,
    /// Its name.
    name: Vec<u8>,
    attribute: Vec<u8>,
}

impl Writer {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            page: Page::new(limits),
            title: String::new(),
            in_title: false,
            dropped: None,
            table: None,
            preformatted: None,
            fence_language: String::new(),
            heading: false,
            anchors: Anchors::default(),
            regions: Regions::default(),
            element: Element::Other,
            name: Vec::new(),
            attribute: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Result<Derived, Refusal> {
        self.end_preformatted();
        self.end_table();
        let main = self.regions.main(self.page.len());
        let page = Derived {
            title: self.title,
            text: self.page.finish()?,
            anchors: self.anchors.finish(),
        };
        Ok(region::cut(page, &main))
    }

    fn event(&mut self, event: CallbackEvent<'_>) {
        if self.page.is_refused() {
            return;
        }
        match event {
            CallbackEvent::OpenStartTag { name } => self.start(name),
            CallbackEvent::AttributeName { name } => {
                self.attribute.clear();
                self.attribute.extend_from_slice(name.get(..16).unwrap_or(name));
            }
            CallbackEvent::AttributeValue { value } if self.dropped.is_none() => self.attribute(value),
            CallbackEvent::EndTag { name } => self.end(name),
            CallbackEvent::String { value } if self.dropped.is_none() => {
                self.text(&String::from_utf8_lossy(value));
            }
            _ => {}
        }
    }

    fn start(&mut self, name: &[u8]) {
        self.element = Element::of(name);
        self.name.clear();
        self.name.extend_from_slice(name.get(..16).unwrap_or(name));
        if self.element == Element::Content {
            self.dropped = None;
        }
        if self.element == Element::Footer {
            let belongs = self.regions.is_open() || self.page.open.contains(&Open::Quote);
            self.element = if belongs { Element::Block } else { Element::Dropped };
        }
        if self.dropped.is_none() {
            self.regions.start(name);
            if name == b"dl" {
                self.anchors.start_list();
            }
        }
        match &mut self.dropped {
            Some((open, depth)) if open == name => *depth += 1,
            Some(_) => {}
            None if self.element == Element::Dropped => self.dropped = Some((name.to_vec(), 1)),
            None => self.start_element(self.element),
        }
    }

    fn start_element(&mut self, element: Element) {
        if self.preformatted.is_some() {
            match element {
                Element::Break => self.text("\n"),
                Element::Heading(_) | Element::Table => self.end_preformatted(),
                _ => return,
            }
        }
        match element {
            Element::Title => self.in_title = self.title.is_empty(),
            Element::Content => {
                self.gap(Gap::Block);
                if let Some(region) = Region::of_element(&self.name) {
                    self.regions.open(region, &self.name, self.page.len());
                }
            }
            Element::Block => self.gap(Gap::Block),
            Element::Heading(level) => self.start_heading(level),
            Element::Break => self.gap(if self.heading { Gap::Space } else { Gap::Line }),
            Element::BulletList => self.start_list(false),
            Element::NumberedList => self.start_list(true),
            Element::Item => self.start_item(),
            Element::Quote => {
                self.lay_out_table();
                self.gap(Gap::Block);
                self.page.push(Open::Quote);
            }
            Element::Preformatted => {
                self.lay_out_table();
                self.fence_language.clear();
                self.preformatted = Some(String::new());
            }
            Element::Code => self.text("`"),
            Element::Table => {
                self.lay_out_table();
                self.gap(Gap::Block);
                self.table = Some(Table::default());
            }
            Element::Row => {
                if let Some(table) = &mut self.table {
                    table.row();
                }
            }
            Element::Cell => match &mut self.table {
                Some(table) => table.cell(),
                None => self.gap(Gap::Block),
            },
            Element::Image | Element::Dropped | Element::Footer | Element::Other => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        if let Some((open, depth)) = &mut self.dropped {
            *depth -= u32::from(open == name);
            if *depth == 0 {
                self.dropped = None;
            }
            return;
        }
        self.regions.end(name, self.page.len());
        if name == b"dl" {
            self.anchors.end_list();
        }
        let element = Element::of(name);
        if self.preformatted.is_some() && element != Element::Preformatted {
            return;
        }
        match element {
            Element::Title => self.in_title = false,
            Element::Block | Element::Content | Element::Footer => self.gap(Gap::Block),
            Element::Heading(_) => {
                self.heading = false;
                self.anchors.end_heading();
                self.page.mark(None);
                self.gap(Gap::Block);
            }
            Element::BulletList | Element::NumberedList => {
                self.page.close(|open| matches!(open, Open::List { .. }));
                self.gap(if self.page.open.is_empty() {
                    Gap::Block
                } else {
                    Gap::Line
                });
            }
            Element::Item => self.end_item(),
            Element::Quote => {
                self.page.close(|open| *open == Open::Quote);
                self.gap(Gap::Block);
            }
            Element::Preformatted => self.end_preformatted(),
            Element::Code => self.text("`"),
            Element::Table => self.end_table(),
            Element::Cell => match &mut self.table {
                Some(table) => table.end_cell(),
                None => self.gap(Gap::Block),
            },
            Element::Row | Element::Break | Element::Image | Element::Dropped | Element::Other => {}
        }
    }

    fn start_heading(&mut self, level: usize) {
        self.lay_out_table();
        self.gap(Gap::Block);
        // A heading inside of an item is text of that item: Markdown has no sections there.
        if self.page.open.is_empty() {
            self.page.mark(Some(format!("{} ", "#".repeat(level))));
        }
        self.heading = true;
        self.anchors.start_heading();
    }

    fn start_list(&mut self, numbered: bool) {
        self.lay_out_table();
        let inside = self.page.open.last() == Some(&Open::Item);
        self.gap(if inside { Gap::Line } else { Gap::Block });
        self.page.push(Open::List { numbered, items: 0 });
    }

    fn start_item(&mut self) {
        self.lay_out_table();
        self.end_item();
        let marker = match self.page.open.last_mut() {
            Some(Open::List {
                numbered: true,
                items,
            }) => {
                *items = items.saturating_add(1);
                format!("{items}. ")
            }
            _ => "- ".to_owned(),
        };
        self.page.push(Open::Item);
        self.page.mark(Some(marker));
    }

    /// Items may be left open; a new item or the end of the list closes the one of this list.
    fn end_item(&mut self) {
        if self.page.open.last() == Some(&Open::Item) {
            self.page.open.pop();
        }
        self.page.mark(None);
        self.gap(Gap::Line);
    }

    /// The open table holds blocks, so it only lays out the page: its cells become paragraphs.
    fn lay_out_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        for cell in table.into_cells() {
            self.gap(Gap::Block);
            self.page.text(&cell.replace("\\|", "|"));
        }
        self.gap(Gap::Block);
    }

    fn end_table(&mut self) {
        let lines = self.table.as_ref().and_then(Table::lines);
        let Some(lines) = lines else {
            self.lay_out_table();
            return;
        };
        self.table = None;
        self.gap(Gap::Block);
        for line in lines {
            self.page.put(&line);
            self.gap(Gap::Line);
        }
        self.gap(Gap::Block);
    }

    fn end_preformatted(&mut self) {
        let Some(text) = self.preformatted.take() else {
            return;
        };
        let text = text.trim_start_matches('\n').trim_end();
        if text.is_empty() {
            return;
        }
        let fence = if text.contains("```") { "~~~~" } else { "```" };
        self.gap(Gap::Block);
        self.page.put(&format!("{fence}{}", self.fence_language));
        for line in text.split('\n') {
            self.page.line(line);
        }
        self.page.line(fence);
        self.gap(Gap::Block);
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.push_str(text);
        } else if let Some(block) = &mut self.preformatted {
            block.push_str(text);
        } else if !self.table.as_mut().is_some_and(|table| table.text(text)) {
            self.page.text(text);
            if !text.trim().is_empty() {
                self.anchors.text(self.page.line_number());
            }
        }
    }

    /// A gap inside of a table's cell is a space; all else is the page's.
    fn gap(&mut self, gap: Gap) {
        if !self.table.as_mut().is_some_and(|table| table.text(" ")) {
            self.page.gap(gap);
        }
    }
}

/// Hands the tokenizer's events to a writer.
pub(super) struct Pen<'a>(pub(super) &'a mut Writer);

impl Callback<std::convert::Infallible, ()> for Pen<'_> {
    fn handle_event(
        &mut self,
        event: CallbackEvent<'_>,
        _span: Span<()>,
    ) -> Option<std::convert::Infallible> {
        self.0.event(event);
        None
    }
}
