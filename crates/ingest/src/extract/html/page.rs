//! The Markdown that grows: gaps between texts, markers, indentation by what is open. Knows no elements.

use nexus_domain::ProblemCode;

use crate::extract::Refusal;
use crate::limits::Limits;

/// Containers that indent; deeper ones add nothing, so that no page can grow by its indentation.
const INDENTING: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    List { numbered: bool, items: u32 },
    Item,
    Quote,
}

/// How far the next text is from the text before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    None,
    Space,
    Line,
    Block,
}

#[derive(Debug)]
pub(super) struct Page {
    nesting: usize,
    max_bytes: u64,
    out: String,
    /// Number of the line that grows.
    line: u32,
    pub(super) open: Vec<Open>,
    gap: Gap,
    /// Marker of the item or heading that was just opened.
    marker: Option<String>,
    refusal: Option<Refusal>,
}

impl Page {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            nesting: limits.nesting,
            max_bytes: limits.file_bytes.saturating_mul(2),
            out: String::new(),
            line: 1,
            open: Vec::new(),
            gap: Gap::None,
            marker: None,
            refusal: None,
        }
    }

    pub(super) fn finish(self) -> Result<String, Refusal> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(self.out),
        }
    }

    pub(super) const fn line_number(&self) -> u32 {
        self.line
    }

    /// Bytes written so far.
    pub(super) const fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// Words, one space apart. White space at the ends counts as a space to the neighbours.
    pub(super) fn text(&mut self, text: &str) {
        if text.starts_with(char::is_whitespace) {
            self.gap(Gap::Space);
        }
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            self.word(word);
            if words.peek().is_some() || text.ends_with(char::is_whitespace) {
                self.gap(Gap::Space);
            }
        }
    }

    /// Writes something that holds no line end, after the gap that is due.
    pub(super) fn put(&mut self, text: &str) {
        if self.out.len() as u64 > self.max_bytes {
            let why = format!("The page's text passes {} bytes", self.max_bytes);
            self.refusal.get_or_insert((ProblemCode::TooLarge, why));
            return;
        }
        let starts_line = self.starts_line() || self.marker.is_some();
        match self.gap {
            _ if self.out.is_empty() => {}
            Gap::None if self.marker.is_none() => {}
            Gap::Space if self.marker.is_none() => self.out.push(' '),
            Gap::Block => self.break_lines("\n\n"),
            _ => self.break_lines("\n"),
        }
        self.gap = Gap::None;
        let marker = self.marker.take();
        if starts_line {
            self.indent(marker.is_some());
        }
        self.out.push_str(marker.as_deref().unwrap_or_default());
        self.out.push_str(text);
    }

    /// A line as it stands, right under the one before it.
    pub(super) fn line(&mut self, line: &str) {
        self.break_lines("\n");
        self.indent(false);
        self.out.push_str(line);
    }

    fn break_lines(&mut self, ends: &str) {
        self.out.push_str(ends);
        self.line = self.line.saturating_add(ends.len() as u32);
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    pub(super) fn mark(&mut self, marker: Option<String>) {
        self.marker = marker;
    }

    pub(super) fn push(&mut self, open: Open) {
        if self.open.len() >= self.nesting {
            let why = format!("Lists and quotes nest deeper than {} levels", self.nesting);
            self.refusal.get_or_insert((ProblemCode::NestedTooDeep, why));
            return;
        }
        self.open.push(open);
    }

    /// Closes the innermost container of a kind, and what was left open inside of it.
    pub(super) fn close(&mut self, kind: impl Fn(&Open) -> bool) {
        if let Some(at) = self.open.iter().rposition(kind) {
            self.open.truncate(at);
        }
        self.marker = None;
    }

    /// At the begin of a line, what would read as a heading or a fence is kept text by a backslash.
    fn word(&mut self, word: &str) {
        if self.starts_line() && self.marker.is_none() && looks_like_markup(word) {
            self.put(&format!("\\{word}"));
        } else {
            self.put(word);
        }
    }

    fn starts_line(&self) -> bool {
        self.out.is_empty() || self.gap >= Gap::Line
    }

    /// `at_marker`: the innermost item's own indentation is its marker.
    fn indent(&mut self, at_marker: bool) {
        let containers = self
            .open
            .iter()
            .filter(|open| !matches!(open, Open::List { .. }))
            .take(INDENTING);
        let mut indent: Vec<&str> = containers
            .map(|open| if *open == Open::Quote { "> " } else { "  " })
            .collect();
        if at_marker && indent.last() == Some(&"  ") {
            indent.pop();
        }
        indent.iter().for_each(|part| self.out.push_str(part));
    }
}

fn looks_like_markup(word: &str) -> bool {
    let hashes = word.bytes().take_while(|byte| *byte == b'#').count();
    ((1..=6).contains(&hashes) && hashes == word.len()) || word.starts_with("```") || word.starts_with("~~~")
}
