//! The Markdown of a derived text while it grows: block by block, with its pages marked. Knows no format.
//!
//! What is written is bounded; once the bound is passed nothing more is taken, and [`Blocks::finish`] refuses.

use nexus_domain::{Format, ProblemCode};

use super::{Extracted, Marks, Refusal, markdown};
use crate::limits::Limits;

/// Deepest list level that is indented.
const LIST_LEVELS: usize = 8;

#[derive(Debug)]
pub(super) struct Blocks {
    out: String,
    /// Line ends in `out`.
    lines: u32,
    max_bytes: u64,
    marks: Marks,
    /// Begins with the next block.
    page: Option<u32>,
    /// The last block is a list item.
    in_list: bool,
    is_full: bool,
}

impl Blocks {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            out: String::new(),
            lines: 0,
            max_bytes: limits.document_text_bytes,
            marks: Marks::default(),
            page: None,
            in_list: false,
            is_full: false,
        }
    }

    /// Whether more was written than is allowed: reading on is of no use.
    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// From here on text stands on this page.
    pub(super) fn page(&mut self, number: u32) {
        self.page = Some(number);
    }

    /// Levels 1 to 6.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        let text = one_line(text);
        if text.is_empty() {
            return;
        }
        self.begin(false);
        self.put(&"######"[..level.clamp(1, 6)]);
        self.put(" ");
        self.put(&text);
    }

    /// Lines stay lines; blank ones are left out.
    pub(super) fn paragraph(&mut self, text: &str) {
        let lines: Vec<String> = text
            .lines()
            .map(one_line)
            .filter(|line| !line.is_empty())
            .collect();
        for (at, line) in lines.iter().enumerate() {
            if at == 0 {
                self.begin(false);
            } else {
                self.put("\n");
            }
            if looks_like_markup(line) {
                self.put("\\");
            }
            self.put(line);
        }
    }

    /// `level` counts from 0.
    pub(super) fn item(&mut self, level: usize, number: Option<u64>, text: &str) {
        let text = one_line(text);
        if text.is_empty() {
            return;
        }
        self.begin(true);
        self.put(&"                "[..2 * level.min(LIST_LEVELS)]);
        match number {
            Some(number) => self.put(&format!("{number}. ")),
            None => self.put("- "),
        }
        self.put(&text);
    }

    /// What is said about the text beside it.
    pub(super) fn quote(&mut self, text: &str) {
        let text = one_line(text);
        if !text.is_empty() {
            self.begin(false);
            self.put("> ");
            self.put(&text);
        }
    }

    pub(super) fn note(&mut self, label: &str, text: &str) {
        self.begin(false);
        self.put(&format!("[^{label}]: "));
        self.put(&one_line(text));
    }

    /// The first row is the head. A table of one column or one row lays out, it does not relate: it becomes paragraphs.
    pub(super) fn table(&mut self, rows: &[Vec<String>]) {
        let is_blank = |row: &&Vec<String>| row.iter().any(|cell| !cell.trim().is_empty());
        let rows: Vec<&Vec<String>> = rows.iter().filter(is_blank).collect();
        let width = rows.iter().map(|row| row.len()).max().unwrap_or_default();
        if width < 2 || rows.len() < 2 {
            for cell in rows.into_iter().flatten() {
                self.paragraph(cell);
            }
            return;
        }
        let cells = |row: &'_ Vec<String>| row.clone().into_iter();
        self.rows(rows.into_iter().map(cells), width);
    }

    /// A table that is made row by row; the first row is its head, `width` columns wide. One column is no table.
    pub(super) fn rows<C>(&mut self, rows: impl Iterator<Item = C>, width: usize)
    where
        C: Iterator<Item: AsRef<str>>,
    {
        for (at, row) in rows.enumerate() {
            if self.is_full {
                return;
            }
            if width < 2 {
                row.for_each(|cell| self.paragraph(cell.as_ref()));
                continue;
            }
            let mut line = String::from("|");
            let mut columns = 0;
            for cell in row {
                line.push(' ');
                line.push_str(&one_line(cell.as_ref()).replace('|', "\\|"));
                line.push_str(" |");
                columns += 1;
            }
            if at == 0 {
                self.begin(false);
                line.push_str(&"  |".repeat(width.saturating_sub(columns)));
                line.push_str("\n|");
                line.push_str(&" --- |".repeat(width));
            } else {
                self.put("\n");
            }
            self.put(&line);
        }
    }

    /// A block of code as it stands.
    pub(super) fn code(&mut self, language: &str, text: &str) {
        let text = text.trim_matches('\n').trim_end();
        if text.trim().is_empty() {
            return;
        }
        let fence = if text.contains("```") { "~~~~" } else { "```" };
        self.begin(false);
        self.put(fence);
        self.put(language);
        self.put("\n");
        self.put(text);
        self.put("\n");
        self.put(fence);
    }

    /// Markdown as it stands.
    pub(super) fn markdown(&mut self, text: &str) {
        let text = text.trim_matches('\n').trim_end();
        if !text.trim().is_empty() {
            self.begin(false);
            self.put(text);
        }
    }

    /// The text as an extraction, called by its first heading or else by `title`. `empty` says why there is no text.
    pub(super) fn finish(self, format: Format, title: &str, empty: &str) -> Result<Extracted, Refusal> {
        if self.is_full {
            let why = format!(
                "Its text passes {} bytes, which are allowed for one document",
                self.max_bytes
            );
            return Err((ProblemCode::TooLarge, why));
        }
        if self.out.trim().is_empty() {
            return Err((ProblemCode::Empty, empty.to_owned()));
        }
        let mut text = self.out;
        text.push('\n');
        Ok(Extracted {
            title: markdown::title(&text).unwrap_or_else(|| title.to_owned()),
            format,
            language: None,
            syntax: None,
            unparsed: None,
            text,
            marks: self.marks,
        })
    }

    fn begin(&mut self, item: bool) {
        if !self.out.is_empty() {
            self.put(if item && self.in_list { "\n" } else { "\n\n" });
        }
        self.in_list = item;
        if let Some(page) = self.page.take() {
            self.marks.pages.push((self.lines.saturating_add(1), page));
        }
    }

    /// Control characters say nothing, and some of them no database stores.
    fn put(&mut self, text: &str) {
        if self.is_full || self.out.len() as u64 + text.len() as u64 > self.max_bytes {
            self.is_full = true;
            return;
        }
        if text.chars().any(is_dropped) {
            self.out.extend(text.chars().filter(|c| !is_dropped(*c)));
        } else {
            self.out.push_str(text);
        }
        let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count();
        self.lines = self
            .lines
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
    }
}

fn is_dropped(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{AD}' || c == '\u{FEFF}'
}

/// Words one space apart.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// A line of text that Markdown would take for a heading, a fence or the underline of a heading.
fn looks_like_markup(line: &str) -> bool {
    let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
    let is_heading = (1..=6).contains(&hashes) && line[hashes..].starts_with([' ', '\t']);
    let is_underline = line.bytes().all(|byte| byte == b'=') || line.bytes().all(|byte| byte == b'-');
    is_heading
        || hashes == line.len() && hashes <= 6
        || is_underline
        || line.starts_with("```")
        || line.starts_with("~~~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Blocks)) -> Extracted {
        let mut blocks = Blocks::new(&Limits::default());
        write(&mut blocks);
        blocks.finish(Format::Docx, "Called so", "nothing").unwrap()
    }

    #[test]
    fn blocks_stand_apart_and_items_together() {
        let document = written(|blocks| {
            blocks.paragraph("# not a heading\n---\n\nmore   of it");
            blocks.item(0, None, "one\ntwo");
            blocks.item(1, Some(3), "three");
            blocks.table(&[
                vec!["a|b".into(), "c\nd".into()],
                vec!["1".into()],
                vec![String::new()],
            ]);
            blocks.code("rust", "fn a() {}\n");
        });
        assert_eq!(
            document.text,
            "\\# not a heading\n\\---\nmore of it\n\n- one two\n  3. three\n\n| a\\|b | c d |\n| --- | --- |\n| 1 |\n\n\
             ```rust\nfn a() {}\n```\n"
        );
        assert_eq!(document.title, "Called so");
    }

    #[test]
    fn pages_begin_at_their_first_block() {
        let document = written(|blocks| {
            blocks.page(1);
            blocks.paragraph("first\nline");
            blocks.page(2);
            blocks.page(3);
            blocks.heading(1, "third");
        });
        assert_eq!(document.marks.pages, [(1, 1), (4, 3)]);
        assert_eq!(document.text.lines().nth(3), Some("# third"));
        assert_eq!(document.title, "third");
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let limits = Limits {
            document_text_bytes: 10,
            ..Limits::default()
        };
        let mut blocks = Blocks::new(&limits);
        blocks.paragraph("longer than ten bytes");
        assert!(blocks.is_full());
        let refusal = blocks.finish(Format::Docx, "", "").unwrap_err();
        assert_eq!(refusal.0, ProblemCode::TooLarge);
        assert!(refusal.1.contains("10 bytes"), "{}", refusal.1);
    }
}
