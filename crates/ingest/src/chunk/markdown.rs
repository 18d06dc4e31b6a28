//! Markdown (and HTML, which became Markdown): sections, paragraphs, lists, tables, code.
//!
//! Two sections under one heading may share a passage if both are small; the cost of that falls with their depth. Two
//! sections of the outermost level never do, and the path of a shared passage is the headings that they share.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::lines::Slice;
use super::outline::Place;
use super::plan::{Plan, Planner, cut};

/// Longest column line that is kept as a place, in bytes.
const COLUMNS: usize = 160;

pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
}

/// What running over the begin of a section costs, by its depth in the outline.
pub(super) fn crossing(depth: usize) -> u16 {
    match depth {
        0..=2 => 35,
        3 => 20,
        _ => 12,
    }
}

/// What a passage costs that begins with a section: sub-sections of what is described together (parameters, remarks) hold
/// on to it a little.
fn beginning(depth: usize) -> u16 {
    match depth {
        0..=2 => cut::SECTION,
        3 => 12,
        _ => 18,
    }
}

/// Carries the open sections from slice to slice.
#[derive(Debug, Default)]
pub(super) struct MarkdownPlanner {
    sections: Vec<(HeadingLevel, String)>,
}

impl Planner for MarkdownPlanner {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan) {
        let mut pass = Pass::new(slice, plan, &mut self.sections);
        for (event, range) in Parser::new_ext(slice.text, options()).into_offset_iter() {
            match event {
                Event::Start(tag) => pass.start(&tag, range),
                Event::End(tag) => pass.end(tag, range),
                Event::Text(text) | Event::Code(text) => pass.text(&text),
                Event::SoftBreak | Event::HardBreak => pass.text(" "),
                Event::Rule => pass.plan.cut_at_most(slice.line_at(range.start), cut::BLOCK),
                _ => {}
            }
        }
        pass.finish();
    }
}

/// One pass over a slice.
struct Pass<'p, 's> {
    slice: &'p Slice<'s>,
    plan: &'p mut Plan,
    sections: &'p mut Vec<(HeadingLevel, String)>,
    open: Vec<Place>,
    places: Vec<(usize, Place)>,
    /// First lines of sections, in order.
    begins: Vec<usize>,
    /// Lines that belong to the one before them, and how much.
    ties: Vec<(usize, u16)>,
    lists: u16,
    quotes: u16,
    /// Text of the heading or of the table's head that is being read.
    gathered: Option<String>,
    /// First line of the table's rows.
    rows: usize,
}

impl<'p, 's> Pass<'p, 's> {
    fn new(slice: &'p Slice<'s>, plan: &'p mut Plan, sections: &'p mut Vec<(HeadingLevel, String)>) -> Self {
        let mut open = Vec::with_capacity(sections.len());
        for (_, name) in sections.iter() {
            let place = plan.outline.add(open.last().copied().unwrap_or_default(), name);
            open.push(place);
        }
        let places = vec![(0, open.last().copied().unwrap_or_default())];
        let (ties, gathered) = (Vec::new(), None);
        Self {
            slice,
            plan,
            sections,
            open,
            places,
            begins: Vec::new(),
            ties,
            lists: 0,
            quotes: 0,
            gathered,
            rows: 0,
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        let nested = self.lists + self.quotes;
        match tag {
            Tag::Heading { .. } => self.gathered = Some(String::new()),
            Tag::Paragraph | Tag::HtmlBlock | Tag::FootnoteDefinition(_) | Tag::MetadataBlock(_) => {
                let inside = if nested == 0 {
                    0
                } else {
                    10 + cut::DEEPER * nested.min(5)
                };
                self.block(range.start, cut::BLOCK + inside);
            }
            Tag::BlockQuote(_) => {
                self.block(range.start, cut::BLOCK + cut::DEEPER * nested.min(5));
                self.quotes = self.quotes.saturating_add(1);
            }
            Tag::List(_) => {
                self.lead_in(range.start);
                self.lists = self.lists.saturating_add(1);
            }
            Tag::Item => {
                let depth = self.lists.saturating_sub(1).min(5);
                self.block(range.start, cut::ITEM + cut::DEEPER * depth);
            }
            Tag::CodeBlock(kind) => self.code(matches!(kind, CodeBlockKind::Fenced(_)), range),
            Tag::Table(_) => self.table(range),
            Tag::TableHead => self.gathered = Some(String::new()),
            Tag::TableRow => self.block(range.start, cut::ROW),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Heading(level) => self.heading(level, range),
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::List(_) => self.lists = self.lists.saturating_sub(1),
            TagEnd::TableCell => self.text(", "),
            TagEnd::TableHead => self.columns(),
            TagEnd::Table => self.places.push((self.slice.line_at(range.end), self.section())),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(gathered) = &mut self.gathered
            && gathered.len() < COLUMNS * 4
        {
            gathered.push_str(text);
        }
    }

    fn heading(&mut self, level: HeadingLevel, range: Range<usize>) {
        let name = self.gathered.take().unwrap_or_default();
        let first = self.slice.line_at(range.start);
        // The range ends with the heading's line (a setext heading has two).
        let next = self.slice.line_at(range.end.max(range.start + 1));
        self.ties.push((next, cut::TIED));
        (first + 1..next).for_each(|line| self.ties.push((line, cut::TIED)));
        if self.lists + self.quotes > 0 {
            self.plan.cut_at_most(first, cut::ITEM);
            return;
        }
        let opened = !self.sections.is_empty();
        while self.sections.last().is_some_and(|(open, _)| *open >= level) {
            self.sections.pop();
            self.open.pop();
        }
        let place = self.plan.outline.add(self.section(), &name);
        self.sections.push((level, name));
        self.open.push(place);
        self.places.push((first, place));
        let depth = self.sections.len();
        self.plan.cut(first, beginning(depth));
        self.begins.push(first);
        self.plan.cross(first, crossing(depth));
        if opened && level == HeadingLevel::H1 {
            self.plan.hard(first);
        }
        // Front matter and badges above the only title of a document stand under it.
        if !opened && level == HeadingLevel::H1 && self.slice.offset == 0 {
            self.places[0].1 = place;
        }
    }

    fn code(&mut self, fenced: bool, range: Range<usize>) {
        let first = self.slice.line_at(range.start);
        let end = self.slice.line_at(range.end);
        self.block(range.start, cut::BLOCK);
        for line in first + 1..end {
            let part = self.slice.lines[line].after_blank;
            self.plan
                .cut(line, if part { cut::CODE_PART } else { cut::CODE_LINE });
        }
        if fenced {
            self.ties.push((first + 1, cut::TIED));
            self.ties.push((end.saturating_sub(1), cut::TIED));
        }
        self.plan.whole(first, end.saturating_sub(1));
        self.lead_in(range.start);
    }

    fn table(&mut self, range: Range<usize>) {
        let first = self.slice.line_at(range.start);
        self.block(range.start, cut::BLOCK);
        self.lead_in(range.start);
        self.ties.push((first + 1, cut::TIED));
        self.ties.push((first + 2, cut::LED_IN));
        self.plan
            .whole(first, self.slice.line_at(range.end).saturating_sub(1));
        self.rows = first + 2;
    }

    /// The rows stand under their columns.
    fn columns(&mut self) {
        let names = self.gathered.take().unwrap_or_default();
        let names = names.trim_end_matches([',', ' ']);
        let names = names.get(..names.floor_char_boundary(COLUMNS)).unwrap_or(names);
        let place = self.plan.outline.add(self.section(), names);
        self.places.push((self.rows, place));
    }

    fn block(&mut self, byte: usize, cost: u16) {
        self.plan.cut_at_most(self.slice.line_at(byte), cost);
    }

    /// A list, table or code block belongs to the sentence that announces it.
    fn lead_in(&mut self, byte: usize) {
        let line = self.slice.line_at(byte);
        if let Some(before) = line.checked_sub(1)
            && self.slice.text_of(before).trim_end().ends_with(':')
        {
            self.ties.push((line, cut::LED_IN));
        }
    }

    fn section(&self) -> Place {
        self.open.last().copied().unwrap_or_default()
    }

    fn finish(self) {
        for (line, cost) in self.ties {
            // A section right under a heading may begin a passage of its own more easily than its text may.
            let section = self
                .plan
                .marks
                .get(line)
                .is_some_and(|mark| mark.cut == cut::SECTION);
            self.plan.tie(line, if section { cost / 2 } else { cost });
        }
        self.plan.places(&self.places);
    }
}
