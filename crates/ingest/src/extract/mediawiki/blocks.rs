//! The third pass: lines to Markdown's blocks.

use super::expand::Expanded;
use super::inline::{Inline, Place};
use super::list::{self, Lists};
use super::table::{self, Table};
use crate::extract::derived::Derived;
use crate::extract::wiki::{Ids, Mask, Masks, Sheet, escaped};

pub(super) fn markdown(page: Expanded, masks: &Masks) -> Derived {
    let mut blocks = Blocks {
        sheet: Sheet::default(),
        ids: Ids::default(),
        inline: Inline::new(masks, &page.notes),
        lists: Lists::default(),
        preformatted: Vec::new(),
        quotes: 0,
        table: None,
        budget: page.text.len(),
    };
    for line in page.text.split('\n') {
        blocks.line(line);
    }
    blocks.finish(&page.categories, page.title)
}

struct Blocks<'a> {
    sheet: Sheet,
    ids: Ids,
    inline: Inline<'a>,
    lists: Lists,
    /// Lines that began with a space.
    preformatted: Vec<String>,
    quotes: usize,
    table: Option<Table>,
    /// Bytes that cells may be repeated by.
    budget: usize,
}

impl Blocks<'_> {
    fn line(&mut self, line: &str) {
        let heading = heading(line);
        if let Some(table) = self.table.as_mut().filter(|_| heading.is_none()) {
            if let Some(behind) = table.line(line) {
                self.end_table();
                self.paragraph(behind);
            } else if table.is_full() {
                self.end_table();
                self.table = Some(Table::new());
            }
            return;
        }
        self.end_table();
        if !line.starts_with(' ') || line.trim().is_empty() || table::opens(line) {
            self.end_preformatted();
        }
        if let Some((level, text)) = heading {
            self.heading(level, text);
        } else if table::opens(line) {
            self.end_lists();
            self.table = Some(Table::new());
        } else if line.trim().is_empty() || line.starts_with("----") {
            self.end_lists();
            self.paragraph(line.trim_start_matches('-'));
        } else if let Some(change) = quote(line) {
            self.end_lists();
            self.quotes = if change {
                (self.quotes + 1).min(4)
            } else {
                self.quotes.saturating_sub(1)
            };
        } else if !list::signs(line).is_empty() {
            self.item(line);
        } else if line.starts_with(' ') && !line.contains('\u{1}') {
            self.end_lists();
            self.preformatted
                .push(line.get(1..).unwrap_or_default().to_owned());
        } else {
            self.end_lists();
            self.paragraph(unstructured(line));
        }
    }

    fn finish(mut self, categories: &[String], title: String) -> Derived {
        self.end_table();
        self.end_preformatted();
        self.end_section();
        if !categories.is_empty() {
            let names: Vec<String> = categories
                .iter()
                .map(|name| self.inline.text(name, Place::Heading))
                .collect();
            self.sheet.block(&format!("Categories: {}", names.join(", ")));
        }
        let title = self.inline.text(&title, Place::Heading);
        self.sheet.finish(title)
    }

    /// Footnotes stand at the end of their section.
    fn end_section(&mut self) {
        self.end_lists();
        self.quotes = 0;
        for note in self.inline.take_notes() {
            self.sheet.block(&note);
        }
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.end_section();
        let shown = self.inline.text(text, Place::Heading);
        if shown.is_empty() {
            return;
        }
        let id = anchor(&self.inline.text(text, Place::Anchor));
        let anchor = self.ids.unique(id, "_", 2);
        self.sheet.heading(level, &shown, anchor);
    }

    fn end_lists(&mut self) {
        if self.lists.is_open() {
            self.lists.close();
            self.sheet.gap();
        }
    }

    fn item(&mut self, line: &str) {
        let signs = list::signs(line);
        if !self.lists.is_open() {
            self.sheet.gap();
        }
        let marker = self.lists.item(signs);
        let text = line.get(signs.len()..).unwrap_or_default();
        let (before, code, behind) = match self.inline.masks().code(text) {
            Some((before, mask, behind)) => (before, Some(mask), behind),
            None => (text, None, ""),
        };
        let shown = self.inline.text(before, Place::Paragraph);
        if !shown.is_empty() {
            let shown = match shown.split_once(" : ").filter(|_| marker.is_term) {
                Some((term, meaning)) => format!("**{term}**: {meaning}"),
                None if marker.is_term && !shown.contains("**") => format!("**{shown}**"),
                None => shown,
            };
            let indented = escaped(&shown).replace('\n', &format!("\n{}", marker.rest));
            self.put(&format!("{}{indented}", marker.first));
        }
        if let Some(mask) = code {
            self.code(mask);
            self.paragraph(behind);
        }
    }

    /// A line of a paragraph, with the blocks of code in it.
    fn paragraph(&mut self, line: &str) {
        let mut rest = line;
        while let Some((before, mask, behind)) = self.inline.masks().code(rest) {
            self.text(before);
            self.code(mask);
            rest = behind;
        }
        self.text(rest);
    }

    fn text(&mut self, text: &str) {
        let shown = self.inline.text(text, Place::Paragraph);
        if shown.is_empty() {
            self.sheet.gap();
        } else {
            self.put(&escaped(&shown));
        }
    }

    /// Lines, behind the marks of the quotes that are open.
    fn put(&mut self, text: &str) {
        if self.quotes == 0 {
            return self.sheet.line(text);
        }
        let marks = "> ".repeat(self.quotes);
        self.sheet
            .line(&format!("{marks}{}", text.replace('\n', &format!("\n{marks}"))));
    }

    fn code(&mut self, mask: &Mask) {
        if let Mask::Code { language, text } = mask {
            self.sheet.fence(language, text);
        }
    }

    fn end_preformatted(&mut self) {
        let lines = std::mem::take(&mut self.preformatted);
        if lines.is_empty() {
            return;
        }
        let shown: Vec<String> = lines
            .iter()
            .map(|line| {
                let indent = line.len() - line.trim_start().len();
                format!("{}{}", " ".repeat(indent), self.inline.text(line, Place::Heading))
            })
            .collect();
        self.sheet.fence("", &shown.join("\n"));
    }

    fn end_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        let (captions, rows) = table.finish(&mut self.budget, |text| self.inline.text(text, Place::Cell));
        for caption in captions.iter().filter(|caption| !caption.is_empty()) {
            self.sheet.block(&escaped(caption));
        }
        self.sheet.table(&rows);
    }
}

/// The level and text of a heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_end();
    let before = line.bytes().take_while(|byte| *byte == b'=').count();
    let behind = line.bytes().rev().take_while(|byte| *byte == b'=').count();
    if before == 0 || behind == 0 || before == line.len() {
        return None;
    }
    let level = before.min(behind).min(6);
    Some((level, line.get(level..line.len() - level)?.trim()))
}

/// `true`: a quotation begins; `false`: it ends.
fn quote(line: &str) -> Option<bool> {
    match line.trim() {
        "<blockquote>" => Some(true),
        "</blockquote>" => Some(false),
        _ => None,
    }
}

/// What is left of a table whose begin is missing.
fn unstructured(line: &str) -> &str {
    match line.strip_prefix('|') {
        Some(rest) if rest.starts_with('-') => "",
        Some(rest) => rest.trim_start_matches(['}', '|']),
        None => line,
    }
}

/// A heading's fragment as MediaWiki makes it since 1.30: spaces become `_`, all else stays.
fn anchor(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == '_')
        .filter(|word| !word.is_empty())
        .collect();
    words.join("_")
}
