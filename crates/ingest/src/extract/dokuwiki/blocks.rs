//! Lines to Markdown's blocks.

use unicode_normalization::UnicodeNormalization as _;

use super::inline::Inline;
use super::resolve::Page;
use crate::extract::derived::Derived;
use crate::extract::wiki::{Ids, Mask, Masks, Sheet, escaped};

/// Most cells of a row; what is behind them is text of the last one.
const COLUMNS: usize = 1_000;
/// Rows from which on a table is cut in two.
const ROWS: usize = 10_000;
/// Lists and quotes that indent; deeper ones add nothing.
const INDENTING: usize = 8;

pub(super) fn markdown(page: &Page, masks: &Masks) -> Derived {
    let mut blocks = Blocks {
        sheet: Sheet::default(),
        ids: Ids::default(),
        inline: Inline::new(masks, &page.notes),
        title: String::new(),
        numbers: Vec::new(),
        preformatted: Vec::new(),
        rows: Vec::new(),
        budget: page.text.len(),
    };
    for line in page.text.split('\n') {
        blocks.line(line);
    }
    blocks.finish(&page.tags)
}

struct Blocks<'a> {
    sheet: Sheet,
    ids: Ids,
    inline: Inline<'a>,
    title: String,
    /// The number of the last item of each open list.
    numbers: Vec<u32>,
    /// Lines that began with two spaces.
    preformatted: Vec<String>,
    /// Of the open table.
    rows: Vec<Vec<String>>,
    /// Bytes that cells may be repeated by.
    budget: usize,
}

impl Blocks<'_> {
    fn line(&mut self, line: &str) {
        let item = item(line);
        let is_row = line.starts_with(['^', '|']);
        let is_indented = line.starts_with("  ") || line.starts_with('\t');
        let is_preformatted =
            is_indented && item.is_none() && !line.trim().is_empty() && !line.contains('\u{1}');
        if !is_row {
            self.end_table();
        }
        if !is_preformatted {
            self.end_preformatted();
        }
        if item.is_none() && !self.numbers.is_empty() {
            self.numbers.clear();
            self.sheet.gap();
        }
        if let Some((level, text)) = heading(line) {
            self.heading(level, text);
        } else if let Some((depth, numbered, text)) = item {
            self.item(depth, numbered, text);
        } else if is_row {
            self.row(line);
        } else if is_preformatted {
            let line = line.strip_prefix("  ").or_else(|| line.strip_prefix('\t'));
            self.preformatted.push(line.unwrap_or_default().to_owned());
        } else if line.starts_with('>') {
            let depth = line.bytes().take_while(|byte| *byte == b'>').count();
            let text = self.inline.text(line.get(depth..).unwrap_or_default());
            let marks = "> ".repeat(depth.min(INDENTING));
            self.sheet
                .line(&format!("{marks}{}", text.replace('\n', &format!("\n{marks}"))));
        } else {
            self.paragraph(line);
        }
    }

    fn finish(mut self, tags: &[String]) -> Derived {
        self.end_table();
        self.end_preformatted();
        self.end_section();
        if !tags.is_empty() {
            self.sheet.block(&format!("Tags: {}", tags.join(", ")));
        }
        self.sheet.finish(self.title)
    }

    /// Footnotes stand at the end of their section.
    fn end_section(&mut self) {
        for note in self.inline.take_notes() {
            self.sheet.block(&note);
        }
    }

    fn heading(&mut self, level: usize, text: &str) {
        self.end_section();
        let shown = self.inline.on_one_line(text);
        if shown.is_empty() {
            return;
        }
        if self.title.is_empty() {
            shown.clone_into(&mut self.title);
        }
        let anchor = self.ids.unique(section_id(&shown), "", 1);
        self.sheet.heading(level, &shown, anchor);
    }

    fn item(&mut self, depth: usize, numbered: bool, text: &str) {
        if self.numbers.is_empty() {
            self.sheet.gap();
        }
        let depth = depth.clamp(1, INDENTING);
        self.numbers.resize(depth, 0);
        let marker = match self.numbers.last_mut() {
            Some(number) if numbered => {
                *number = number.saturating_add(1);
                format!("{number}. ")
            }
            _ => "- ".to_owned(),
        };
        let indent = "   ".repeat(depth - 1);
        let (before, code, behind) = match self.inline.masks().code(text) {
            Some((before, mask, behind)) => (before, Some(mask), behind),
            None => (text, None, ""),
        };
        let shown = escaped(&self.inline.text(before));
        let further = format!("\n{indent}{}", " ".repeat(marker.len()));
        self.sheet
            .line(&format!("{indent}{marker}{}", shown.replace('\n', &further)));
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
        let is_rule = text.len() >= 4 && text.bytes().all(|byte| byte == b'-');
        let shown = if is_rule {
            String::new()
        } else {
            self.inline.text(text)
        };
        if shown.is_empty() {
            self.sheet.gap();
        } else {
            self.sheet.line(&escaped(&shown));
        }
    }

    fn code(&mut self, mask: &Mask) {
        if let Mask::Code { language, text } = mask {
            self.sheet.fence(language, text);
        }
    }

    fn end_preformatted(&mut self) {
        let lines = std::mem::take(&mut self.preformatted);
        if !lines.is_empty() {
            self.sheet.fence("", &lines.join("\n"));
        }
    }

    /// Cells end with `|` or `^`; `:::` stands for the cell above.
    fn row(&mut self, line: &str) {
        let line = line.trim_end();
        let cells = line.get(1..).unwrap_or_default();
        let cells = cells.strip_suffix(['|', '^']).unwrap_or(cells);
        let mut row: Vec<String> = Vec::new();
        for cell in cells.splitn(COLUMNS, ['|', '^']) {
            let shown = if cell.trim() == ":::" {
                self.cell_above(row.len())
            } else {
                self.inline.on_one_line(cell)
            };
            row.push(shown);
        }
        self.rows.push(row);
        if self.rows.len() >= ROWS {
            self.end_table();
        }
    }

    fn cell_above(&mut self, column: usize) -> String {
        let above = self.rows.last().and_then(|row| row.get(column));
        let Some((above, left)) = above.and_then(|cell| Some((cell, self.budget.checked_sub(cell.len())?)))
        else {
            return String::new();
        };
        self.budget = left;
        above.clone()
    }

    fn end_table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() {
            self.sheet.table(&rows);
        }
    }
}

/// Six signs make the highest level.
fn heading(line: &str) -> Option<(usize, &str)> {
    let line = line.trim();
    let before = line.bytes().take_while(|byte| *byte == b'=').count();
    let behind = line.bytes().rev().take_while(|byte| *byte == b'=').count();
    if before < 2 || behind < 2 || before == line.len() {
        return None;
    }
    let text = line.get(before..line.len() - behind)?;
    Some((7 - before.min(6), text.trim()))
}

/// Depth, whether it is numbered, text.
fn item(line: &str) -> Option<(usize, bool, &str)> {
    let text = line.trim_start_matches([' ', '\t']);
    let blanks = line.get(..line.len() - text.len())?;
    let width: usize = blanks.bytes().map(|byte| if byte == b'\t' { 2 } else { 1 }).sum();
    if width < 2 {
        return None;
    }
    if let Some(text) = text.strip_prefix('*') {
        return Some((width / 2, false, text));
    }
    text.strip_prefix('-').map(|text| (width / 2, true, text))
}

/// A heading's fragment as DokuWiki makes it by default (`deaccent` 1: Latin letters lose their accents, other scripts
/// stay): the text becomes a page's name, and loses its colons and full stops and the digits in front.
fn section_id(text: &str) -> String {
    let mut id = String::with_capacity(text.len());
    for c in text.trim().chars().flat_map(char::to_lowercase) {
        let behind_colon = id.ends_with(':');
        match c {
            ':' | ';' if !behind_colon => id.push(':'),
            '.' | '-' if !behind_colon => id.push(c),
            c if c.is_alphanumeric() => plain(c, &mut id),
            ':' | ';' | '.' | '-' => {}
            _ if !behind_colon && !id.ends_with('_') => id.push('_'),
            _ => {}
        }
    }
    let id = id.trim_matches([':', '.', '_', '-']).replace([':', '.'], "");
    let rest = id.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_' || c == '-');
    if rest.is_empty() {
        let digits: String = id.chars().filter(char::is_ascii_digit).collect();
        format!("section{digits}")
    } else {
        rest.to_owned()
    }
}

/// A Latin letter without its accent.
fn plain(c: char, out: &mut String) {
    match c {
        'ä' | 'æ' => out.push_str("ae"),
        'ö' => out.push_str("oe"),
        'ü' => out.push_str("ue"),
        'ß' => out.push_str("ss"),
        'å' => out.push_str("aa"),
        'ø' => out.push('o'),
        'ł' => out.push('l'),
        'đ' => out.push('d'),
        c => {
            let base = std::iter::once(c).nfd().next().filter(char::is_ascii_alphabetic);
            out.push(base.unwrap_or(c));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_called_as_dokuwiki_calls_them() {
        for (heading, id) in [
            ("Настройка шлюза", "настройка_шлюза"),
            ("2. Réseau / Überblick!", "reseau_ueberblick"),
            ("C++ & C#", "c_c"),
            ("2024", "section2024"),
            ("v1.2-beta", "v12-beta"),
            ("Шаг 3: проверка", "шаг_3проверка"),
        ] {
            assert_eq!(section_id(heading), id, "{heading}");
        }
    }
}
