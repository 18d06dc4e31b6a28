//! From a document's text to passages that quote it exactly.
//!
//! A *planner* per format says, for each line, what a cut before it costs, what it costs to keep it together with what
//! stands before it, and under which headings it stands ([`plan`]). Lines longer than a passage are split into sentences,
//! words or characters ([`atoms`]). Then one algorithm for all formats finds the cheapest way to cut ([`segment`]): close
//! to the target size, at strong boundaries, without merging topics.
//!
//! What always holds: the passages cover every non-blank character once and in order; none passes the maximum by the
//! counter; each passage's heading path is true for all of its lines.
//!
//! Long texts are planned in slices, so memory does not grow with the document. Nothing here recurses.

mod atoms;
mod code;
mod csv;
mod json;
mod lines;
mod markdown;
mod outline;
mod plain;
mod plan;
mod rst;
mod segment;

use std::ops::Range;

use nexus_domain::{Format, LineRange, PageRange};

use crate::extract::Extracted;
use lines::Slices;
pub(crate) use markdown::options as markdown_options;
use plan::{Plan, Planner};

/// How passages are cut. Sizes are tokens as `count` counts them.
#[derive(Clone, Copy, Debug)]
pub struct ChunkOptions {
    /// What a passage should have. Default 256.
    pub target_tokens: usize,
    /// What no passage passes. Default 384: functions, tables and paragraphs a little over the target stay whole.
    /// Whatever the counter says, 32 bytes weigh a token at least, so text without words is bounded too.
    pub max_tokens: usize,
    /// The counter. It should be additive over pieces that are split at white space; where it is not, passages
    /// that pass the maximum are halved.
    pub count: fn(&str) -> usize,
}

impl ChunkOptions {
    /// The default sizes by this counter.
    pub fn new(count: fn(&str) -> usize) -> Self {
        Self {
            target_tokens: 256,
            max_tokens: 384,
            count,
        }
    }

    /// Sizes that make sense together, whatever was given.
    fn sound(self) -> Self {
        let max_tokens = self.max_tokens.clamp(1, 16_384);
        Self {
            max_tokens,
            target_tokens: self.target_tokens.clamp(1, max_tokens),
            ..self
        }
    }

    /// What a piece of text weighs: its tokens, and a token per 32 bytes at least.
    fn weigh(&self, text: &str) -> usize {
        (self.count)(text).max(text.len().div_ceil(32)).max(1)
    }
}

/// A passage to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkDraft {
    /// Exactly `Extracted::text[bytes]`, without blank lines at its ends.
    pub text: String,
    /// Headings, keys or names, outermost first, that hold for all of the passage. Rows of a table that are cut from
    /// their head have its column names as last element.
    pub heading_path: Vec<String>,
    /// Lines of the extracted text.
    pub lines: LineRange,
    pub pages: Option<PageRange>,
    /// The fragment that leads to this place in the original.
    pub anchor: Option<String>,
    /// Bytes of the extracted text.
    pub bytes: Range<usize>,
    /// By the counter.
    pub tokens: usize,
}

/// Cuts a document. Sections are merged only where they are small and stand under a common heading; two top-level sections
/// never share a passage (see [`markdown`]).
pub fn chunk(document: &Extracted, options: &ChunkOptions) -> Vec<ChunkDraft> {
    let options = options.sound();
    let mut planner = planner(document);
    let mut chunks = Vec::new();
    for slice in Slices::new(&document.text) {
        if slice.lines.is_empty() {
            continue;
        }
        let mut plan = Plan::new(&slice);
        planner.plan(&slice, &mut plan);
        let atoms = atoms::of(&slice, plan.finish(&slice, &options), &options);
        for part in segment::cut(&atoms.list, &options) {
            segment::emit(&slice, &atoms, part, &options, &mut chunks);
        }
    }
    for chunk in &mut chunks {
        chunk.pages = document.marks.pages_of(chunk.lines);
        chunk.anchor = document.marks.anchor_at(chunk.lines.first).map(str::to_owned);
    }
    chunks
}

fn planner(document: &Extracted) -> Box<dyn Planner + '_> {
    match document.format {
        Format::Csv => Box::new(csv::CsvPlanner::new(&document.text)),
        Format::Json => Box::new(json::JsonPlanner::default()),
        Format::Rst => Box::new(rst::RstPlanner::default()),
        Format::Code => Box::new(code::CodePlanner::new(document.syntax.as_ref())),
        Format::PlainText => Box::new(plain::TextPlanner),
        Format::Markdown
        | Format::Html
        | Format::Pdf
        | Format::Docx
        | Format::Pptx
        | Format::Spreadsheet
        | Format::OpenDocument
        | Format::Epub
        | Format::Rtf
        | Format::Notebook
        | Format::Email
        | Format::MediaWiki
        | Format::DokuWiki => Box::new(markdown::MarkdownPlanner::default()),
    }
}
