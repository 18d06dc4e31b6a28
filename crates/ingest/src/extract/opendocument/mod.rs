//! OpenDocument (ODF 1.3): text, sheets and slides stand in `content.xml` in one vocabulary. Sheets are sections, slides are
//! sections and pages. Cells are read as they are shown.

mod sheet;

use std::collections::HashMap;

use nexus_domain::{Format, ProblemCode};

use crate::extract::flow::{Flow, Kind};
use crate::extract::package::Package;
use crate::extract::xml::{Node, Tag, Xml};
use crate::extract::{Extracted, Refusal};
use crate::limits::Limits;
use sheet::Sheet;

/// Below the presentation's title, which is no slide's.
const SLIDE_LEVEL: usize = 2;

pub(super) fn read(package: &mut Package<'_>) -> Result<Extracted, Refusal> {
    let limits = package.limits();
    if let Some(manifest) = package.text("META-INF/manifest.xml")?
        && manifest.contains("encryption-data")
    {
        return Err((ProblemCode::Encrypted, "The document is encrypted".into()));
    }
    let title = title(package)?;
    let content = package
        .text("content.xml")?
        .ok_or_else(|| (ProblemCode::Corrupt, "Its content.xml is missing".to_owned()))?;
    let mut reader = Reader::new(limits);
    let mut xml = Xml::new(&content, limits);
    loop {
        match xml.next()? {
            Node::Start(tag) => reader.start(&tag, &mut xml)?,
            Node::End(tag) => reader.end(tag.name())?,
            Node::Text(text) => reader.text(&text)?,
            Node::Eof => break,
        }
    }
    reader.finish(&title)
}

fn title(package: &mut Package<'_>) -> Result<String, Refusal> {
    let text = package.text("meta.xml")?.unwrap_or_default();
    let mut xml = Xml::new(&text, package.limits());
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.name() == "title" => return xml.text(),
            Node::Eof => return Ok(String::new()),
            _ => {}
        }
    }
}

struct Reader<'l> {
    limits: &'l Limits,
    flow: Flow,
    format: Format,
    /// Styles of the document's own that are based on another.
    parents: HashMap<String, String>,
    /// Lists that are open.
    lists: usize,
    /// A sheet's rows, while it is read.
    sheet: Option<Sheet>,
    is_sheets: bool,
    pages: u64,
    /// Whether the page's heading was written.
    is_titled: bool,
    in_title: bool,
    in_notes: bool,
    labels: u32,
}

impl<'l> Reader<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            flow: Flow::new(limits),
            format: Format::OpenDocument,
            parents: HashMap::new(),
            lists: 0,
            sheet: None,
            is_sheets: false,
            pages: 0,
            is_titled: false,
            in_title: false,
            in_notes: false,
            labels: 0,
        }
    }

    fn start(&mut self, tag: &Tag<'_>, xml: &mut Xml<'_>) -> Result<(), Refusal> {
        match tag.name() {
            // What was deleted, what only repeats headings, what is said in the margin, and names of pictures.
            "tracked-changes" | "table-of-content" | "alphabetical-index" | "annotation" | "desc"
            | "title" | "forms" | "shapes" | "note-citation" => xml.skip()?,
            "style" => {
                if let (Some(name), Some(parent)) =
                    (tag.attribute("name"), tag.attribute("parent-style-name"))
                {
                    self.parents.insert(name, parent);
                }
            }
            "spreadsheet" => {
                self.is_sheets = true;
                self.format = Format::Spreadsheet;
            }
            "page" => self.start_page()?,
            "frame" => self.in_title = tag.attribute("class").is_some_and(|class| class == "title"),
            "notes" => self.in_notes = true,
            "h" => {
                let level = tag.number("outline-level").unwrap_or(1) as usize;
                self.start_paragraph(Kind::Heading(level));
            }
            "p" => {
                let kind = self.kind(tag);
                self.start_paragraph(kind);
            }
            "s" => {
                let spaces = tag.number("c").unwrap_or(1).min(64) as usize;
                self.text(&" ".repeat(spaces))?;
            }
            "tab" => self.text("\t")?,
            "line-break" => self.text("\n")?,
            "list" => self.lists += 1,
            "note" => self.flow.start_note(),
            "table" => self.start_table(tag)?,
            "table-row" => self.start_row(tag),
            "table-cell" | "covered-table-cell" => self.start_cell(tag)?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), Refusal> {
        match name {
            "h" | "p" => self.end_paragraph(),
            "list" => self.lists = self.lists.saturating_sub(1),
            "frame" => self.in_title = false,
            "notes" => self.in_notes = false,
            "note" => {
                let text = self.flow.end_note();
                self.labels += 1;
                self.flow.note(&self.labels.to_string(), &text)?;
            }
            "table" => self.end_table(),
            "table-row" => match &mut self.sheet {
                Some(sheet) => sheet.end_row(self.limits)?,
                None => self.flow.end_row(),
            },
            "table-cell" | "covered-table-cell" => match &mut self.sheet {
                Some(sheet) => sheet.end_cell(self.limits)?,
                None => self.flow.end_cell()?,
            },
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        match &mut self.sheet {
            Some(sheet) => {
                sheet.text(text);
                Ok(())
            }
            None => self.flow.text(text),
        }
    }

    fn kind(&self, tag: &Tag<'_>) -> Kind {
        let style = tag.attribute("style-name").unwrap_or_default();
        let parent = self.parents.get(&style).map_or(style.as_str(), String::as_str);
        match (parent, self.lists) {
            ("Title", _) => Kind::Heading(1),
            (_, 0) => Kind::Text,
            (_, lists) => Kind::Item {
                level: lists - 1,
                number: None,
            },
        }
    }

    fn start_paragraph(&mut self, kind: Kind) {
        match &mut self.sheet {
            Some(sheet) => sheet.start_paragraph(),
            None => {
                let kind = if self.in_title && self.pages > 0 {
                    Kind::Heading(SLIDE_LEVEL)
                } else {
                    kind
                };
                if self.pages > 0 && !self.is_titled && self.flow.is_outermost() {
                    self.is_titled = true;
                    if !matches!(kind, Kind::Heading(_)) {
                        self.flow
                            .blocks
                            .heading(SLIDE_LEVEL, &format!("Slide {}", self.pages));
                    }
                }
                self.flow
                    .start_paragraph(if self.in_notes { Kind::Text } else { kind });
            }
        }
    }

    fn end_paragraph(&mut self) {
        if self.sheet.is_none() {
            self.flow.end_paragraph();
        }
    }

    fn start_page(&mut self) -> Result<(), Refusal> {
        self.pages += 1;
        if self.pages > self.limits.pages {
            let why = format!("More than the {} slides allowed", self.limits.pages);
            return Err((ProblemCode::TooManyPages, why));
        }
        self.is_titled = false;
        self.flow
            .blocks
            .page(u32::try_from(self.pages).unwrap_or(u32::MAX));
        Ok(())
    }

    fn start_table(&mut self, tag: &Tag<'_>) -> Result<(), Refusal> {
        if let Some(sheet) = &mut self.sheet {
            sheet.inside += 1;
            return Ok(());
        }
        if !self.is_sheets {
            self.flow.start_table();
            return Ok(());
        }
        self.pages += 1;
        if self.pages > self.limits.pages {
            let why = format!("More than the {} sheets allowed", self.limits.pages);
            return Err((ProblemCode::TooManyPages, why));
        }
        self.sheet = Some(Sheet::new(tag.attribute("name").unwrap_or_default()));
        Ok(())
    }

    fn start_row(&mut self, tag: &Tag<'_>) {
        match &mut self.sheet {
            Some(sheet) => sheet.start_row(tag.number("number-rows-repeated").unwrap_or(1)),
            None => self.flow.start_row(),
        }
    }

    fn start_cell(&mut self, tag: &Tag<'_>) -> Result<(), Refusal> {
        match &mut self.sheet {
            Some(sheet) => {
                sheet.start_cell(tag.number("number-columns-repeated").unwrap_or(1));
                Ok(())
            }
            None => self.flow.start_cell(),
        }
    }

    fn end_table(&mut self) {
        if let Some(sheet) = self.sheet.as_mut().filter(|sheet| sheet.inside > 0) {
            sheet.inside -= 1;
            return;
        }
        let Some(sheet) = self.sheet.take() else {
            self.flow.end_table();
            return;
        };
        let rows = sheet.without_empty_columns();
        if !rows.is_empty() {
            self.flow.blocks.heading(1, sheet.name());
            self.flow.blocks.table(&rows);
        }
    }

    fn finish(self, title: &str) -> Result<Extracted, Refusal> {
        self.flow.blocks.finish(
            self.format,
            title,
            "The document holds no text; pictures are not read",
        )
    }
}
