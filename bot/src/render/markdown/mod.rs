//! Markdown, as chat models and documents write it, in Telegram's formats. What Telegram has no format for becomes text
//! that reads well: headings are bold, list items have bullets, tables are aligned or told line by line.

mod blocks;
mod code;
mod definitions;
mod list;
mod marks;
mod table;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag as Start, TagEnd, TextMergeStream};

use super::link::Href;
use super::tag::Tag;
use super::writer::Writer;
pub(super) use code::of_file as language_of_file;
use list::Lists;
pub(super) use marks::{Marks, next_mark};
use table::Table;

/// Shown for a thematic break.
const RULE: &str = "———";

/// How a text is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// What numbers in brackets lead to.
    pub(super) marks: Marks,
    /// Line ends within a paragraph: documents are wrapped where their editors ended, models mean them.
    pub(super) join_lines: bool,
    pub(super) table_columns: usize,
}

/// Writes a Markdown text behind what stands there.
pub(super) fn write(out: &mut Writer, text: &str, reading: &Reading) {
    let text = definitions::disarm(text, options());
    let mut page = Page {
        out: std::mem::take(out),
        reading,
        lists: Lists::default(),
        place: Place::Between,
        code: None,
        table: None,
        images: Vec::new(),
    };
    for event in TextMergeStream::new(Parser::new_ext(&text, options())) {
        page.take(event);
    }
    *out = page.out;
}

/// What GitHub's readers know, and models write.
fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// Where the next block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// After another block.
    Between,
    AfterHeading,
    /// Behind a list's bullet, or at the beginning of a quote: on the line that is there.
    Here,
}

struct Page<'a> {
    out: Writer,
    reading: &'a Reading,
    lists: Lists,
    place: Place,
    /// The text of an open code block.
    code: Option<String>,
    table: Option<Table>,
    /// For every open image, how much stood before its words, and its file's name.
    images: Vec<(usize, String)>,
}

impl Page<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.inline();
                self.out.tagged(Tag::Code, &code);
            }
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            Event::SoftBreak if self.reading.join_lines => self.out.text(" "),
            Event::SoftBreak | Event::HardBreak => self.line_end(),
            Event::Rule => {
                self.block();
                self.out.text(RULE);
            }
            Event::TaskListMarker(done) => {
                self.inline();
                self.out.text(if done { "☑ " } else { "☐ " });
            }
            // Not asked for in the options.
            Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text(&text);
            }
        }
    }

    fn start(&mut self, tag: Start<'_>) {
        match tag {
            Start::Paragraph | Start::HtmlBlock => self.block(),
            Start::Heading { level, .. } => {
                self.block();
                self.out.open(Tag::Bold);
                if level == HeadingLevel::H1 {
                    self.out.open(Tag::Underline);
                }
            }
            Start::BlockQuote(_) => {
                self.block_of_its_own();
                self.out.open(Tag::Quote { expandable: false });
                self.place = Place::Here;
            }
            Start::CodeBlock(kind) => self.start_code(&kind),
            Start::List(first) => self.lists.open(first),
            Start::Item => self.start_item(),
            Start::Table(columns) => self.table = Some(Table::new(columns)),
            Start::TableCell => self.start_cell(),
            Start::Emphasis => self.open(Tag::Italic),
            Start::Strong => self.open(Tag::Bold),
            Start::Strikethrough => self.open(Tag::Strike),
            Start::Link { dest_url, .. } => self.start_link(&dest_url),
            Start::Image { dest_url, .. } => {
                self.start_link(&dest_url);
                self.out.text("🖼 ");
                let name = dest_url.rsplit('/').next().unwrap_or_default();
                self.images.push((self.out.len(), name.to_owned()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                if level == HeadingLevel::H1 {
                    self.out.close();
                }
                self.out.close();
                self.out.glue();
                self.place = Place::AfterHeading;
            }
            TagEnd::BlockQuote(_) => {
                self.out.close();
                self.place = Place::Between;
            }
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::Item => self.place = Place::Between,
            TagEnd::List(_) => self.lists.close(),
            TagEnd::TableCell => self.end_cell(),
            TagEnd::Table => self.end_table(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link => self.out.close(),
            TagEnd::Image => {
                // Without words of its own, the file's name stands for it.
                if let Some((before, name)) = self.images.pop()
                    && before == self.out.len()
                {
                    self.out.text(&name);
                }
                self.out.close();
            }
            _ => {}
        }
    }

    /// Makes room for a block that begins here.
    fn block(&mut self) {
        match std::mem::replace(&mut self.place, Place::Between) {
            Place::Here => {}
            Place::AfterHeading => self.out.gap(1),
            Place::Between if self.lists.depth() > 0 => {
                self.out.gap(1);
                self.out.text(self.lists.indent());
            }
            Place::Between => self.out.gap(2),
        }
    }

    /// Text of a tight list item stands in no paragraph.
    fn inline(&mut self) {
        self.place = Place::Between;
    }

    fn open(&mut self, tag: Tag) {
        self.inline();
        self.out.open(tag);
    }

    fn text(&mut self, text: &str) {
        if let Some(code) = &mut self.code {
            code.push_str(text);
        } else {
            self.inline();
            self.reading.marks.write(&mut self.out, text);
        }
    }

    /// Raw HTML is text; a line break alone is what models mean by it, above all in tables.
    fn html(&mut self, html: &str) {
        let name = html
            .trim()
            .trim_start_matches('<')
            .trim_end_matches(['>', '/', ' ']);
        if name.eq_ignore_ascii_case("br") && html.trim().starts_with('<') {
            self.line_end();
        } else {
            self.inline();
            let line = html.trim_end_matches('\n');
            self.out.text(line);
            if line.len() < html.len() {
                self.out.gap(1);
            }
        }
    }

    fn line_end(&mut self) {
        self.out.text("\n");
        self.out.text(self.lists.indent());
    }

    /// A link that Telegram would not open is its text.
    fn start_link(&mut self, address: &str) {
        self.inline();
        match Href::parse(address) {
            Some(href) => self.out.open(Tag::Link(href)),
            None => self.out.open_nothing(),
        }
    }
}
