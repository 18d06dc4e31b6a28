//! PowerPoint (`pptx`, `pptm`): slide by slide, in the order of the presentation. A slide is a section and a page.

use std::collections::HashMap;

use nexus_domain::{Format, ProblemCode};

use super::flow::{Flow, Kind};
use super::package::{Package, resolve};
use super::xml::{Node, Tag, Xml};
use super::{Extracted, Refusal, ooxml};
use crate::limits::Limits;

/// Below the presentation's title, which is no slide's.
const SLIDE_LEVEL: usize = 2;

pub(super) fn read(package: &mut Package<'_>, main: &str) -> Result<Extracted, Refusal> {
    let limits = package.limits();
    let title = ooxml::title(package)?;
    let slides = slides(package, main)?;
    if slides.len() as u64 > limits.pages {
        let why = format!("{} slides, {} are allowed", slides.len(), limits.pages);
        return Err((ProblemCode::TooManyPages, why));
    }
    let mut flow = Flow::new(limits);
    for (at, part) in slides.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let notes = ooxml::relations(package, part)?
            .iter()
            .find(|relation| relation.is("notesSlide"))
            .map(|relation| resolve(part, &relation.target));
        let Some(slide) = package.text(part)? else {
            continue;
        };
        let shapes = shapes(&slide, limits)?;
        let notes = match notes {
            Some(part) => package.text(&part)?.unwrap_or_default(),
            None => String::new(),
        };
        flow.blocks.page(number);
        write(&shapes, number, &mut flow)?;
        for note in self::shapes(&notes, limits)?
            .iter()
            .filter(|shape| shape.holder == Holder::Body)
        {
            for paragraph in &note.paragraphs {
                flow.blocks.quote(&paragraph.text);
            }
        }
    }
    flow.blocks.finish(
        Format::Pptx,
        &title,
        "The slides hold no text; pictures are not read",
    )
}

/// The slides' parts in order.
fn slides(package: &mut Package<'_>, main: &str) -> Result<Vec<String>, Refusal> {
    let targets: HashMap<String, String> = ooxml::relations(package, main)?
        .into_iter()
        .filter(|relation| relation.is("slide"))
        .map(|relation| (relation.id, resolve(main, &relation.target)))
        .collect();
    let text = package.text(main)?.unwrap_or_default();
    let mut slides = Vec::new();
    let mut xml = Xml::new(&text, package.limits());
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.name() == "sldId" => {
                let target = tag.prefixed("id").and_then(|id| targets.get(&id));
                slides.extend(target.cloned());
            }
            Node::Eof => return Ok(slides),
            _ => {}
        }
    }
}

/// What a shape is the placeholder of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Holder {
    #[default]
    None,
    Title,
    Body,
    /// Slide number, date, footer.
    Frame,
}

#[derive(Debug, Default)]
struct Paragraph {
    level: usize,
    text: String,
}

#[derive(Debug, Default)]
struct Shape {
    holder: Holder,
    paragraphs: Vec<Paragraph>,
    table: Vec<Vec<String>>,
}

/// All shapes of a slide that hold text, in order.
fn shapes(text: &str, limits: &Limits) -> Result<Vec<Shape>, Refusal> {
    let mut reader = Reader {
        max_cells: limits.cells,
        ..Reader::default()
    };
    let mut xml = Xml::new(text, limits);
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.name() == "Fallback" => xml.skip()?,
            Node::Start(tag) => reader.start(&tag)?,
            Node::End(tag) => reader.end(tag.name()),
            Node::Text(text) if reader.in_text => {
                if let Some(paragraph) = &mut reader.paragraph {
                    paragraph.text.push_str(&text);
                }
            }
            Node::Text(_) => {}
            Node::Eof => return Ok(reader.shapes),
        }
    }
}

#[derive(Debug, Default)]
struct Reader {
    shapes: Vec<Shape>,
    shape: Option<Shape>,
    paragraph: Option<Paragraph>,
    in_text: bool,
    in_cell: bool,
    cells: u64,
    max_cells: u64,
}

impl Reader {
    fn start(&mut self, tag: &Tag<'_>) -> Result<(), Refusal> {
        match tag.name() {
            "sp" | "graphicFrame" => self.shape = Some(Shape::default()),
            "ph" => {
                if let Some(shape) = &mut self.shape {
                    shape.holder = match tag.attribute("type").as_deref() {
                        Some("title" | "ctrTitle") => Holder::Title,
                        Some("sldNum" | "dt" | "ftr" | "hdr") => Holder::Frame,
                        Some("sldImg") => Holder::None,
                        _ => Holder::Body,
                    };
                }
            }
            "p" => self.paragraph = Some(Paragraph::default()),
            "pPr" => {
                if let (Some(paragraph), Some(level)) = (&mut self.paragraph, tag.number("lvl")) {
                    paragraph.level = level as usize;
                }
            }
            "t" => self.in_text = true,
            "br" | "tab" => {
                if let Some(paragraph) = &mut self.paragraph {
                    paragraph.text.push(if tag.name() == "br" { '\n' } else { ' ' });
                }
            }
            "tr" => {
                if let Some(shape) = &mut self.shape {
                    shape.table.push(Vec::new());
                }
            }
            "tc" => {
                self.cells += 1;
                if self.cells > self.max_cells {
                    let why = format!("More than the {} cells allowed", self.max_cells);
                    return Err((ProblemCode::TooLarge, why));
                }
                if let Some(row) = self.shape.as_mut().and_then(|shape| shape.table.last_mut()) {
                    row.push(String::new());
                    self.in_cell = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "tc" => self.in_cell = false,
            "p" => self.end_paragraph(),
            "sp" | "graphicFrame" => self.shapes.extend(self.shape.take()),
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let (Some(paragraph), Some(shape)) = (self.paragraph.take(), &mut self.shape) else {
            return;
        };
        if paragraph.text.trim().is_empty() {
            return;
        }
        match shape
            .table
            .last_mut()
            .and_then(|row| row.last_mut())
            .filter(|_| self.in_cell)
        {
            Some(cell) => {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(&paragraph.text);
            }
            None => shape.paragraphs.push(paragraph),
        }
    }
}

fn write(shapes: &[Shape], number: u32, flow: &mut Flow) -> Result<(), Refusal> {
    let titles = shapes.iter().filter(|shape| shape.holder == Holder::Title);
    let title: Vec<&str> = titles
        .flat_map(|shape| &shape.paragraphs)
        .map(|paragraph| paragraph.text.trim())
        .collect();
    let is_empty = shapes.iter().all(|shape| {
        shape.holder == Holder::Frame || (shape.paragraphs.is_empty() && shape.table.is_empty())
    });
    match title.join(" ") {
        title if !title.is_empty() => flow.blocks.heading(SLIDE_LEVEL, &title),
        _ if is_empty => return Ok(()),
        _ => flow.blocks.heading(SLIDE_LEVEL, &format!("Slide {number}")),
    }
    for shape in shapes {
        if matches!(shape.holder, Holder::Title | Holder::Frame) {
            continue;
        }
        let is_list = shape.holder == Holder::Body && shape.paragraphs.len() > 1;
        for paragraph in &shape.paragraphs {
            let level = paragraph.level;
            flow.start_paragraph(match is_list || level > 0 {
                true => Kind::Item { level, number: None },
                false => Kind::Text,
            });
            flow.text(&paragraph.text)?;
            flow.end_paragraph();
        }
        flow.blocks.table(&shape.table);
    }
    Ok(())
}
