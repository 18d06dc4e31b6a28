//! A table while it is read, line by line. Tables inside of it become text of their cells.

use super::list;
use super::strip::attribute;

/// Most columns that one cell spans, and rows.
const SPAN: usize = 64;
/// Most cells of a row; those behind them are text of the last one.
const COLUMNS: usize = 1_000;
/// Rows and cells from which on a table is cut in two.
const SIZE: usize = 100_000;

#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
    captions: Vec<String>,
    /// Tables that are open inside of the cell.
    nested: usize,
    /// Rows and cells.
    size: usize,
    /// A caption is open, not a cell.
    in_caption: bool,
}

#[derive(Debug, Default)]
struct Cell {
    /// Its lines.
    text: String,
    columns: usize,
    rows: usize,
}

/// Whether a line opens a table.
pub(super) fn opens(line: &str) -> bool {
    line.trim_start_matches([':', ' ']).starts_with("{|")
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            rows: Vec::new(),
            captions: Vec::new(),
            nested: 0,
            size: 0,
            in_caption: false,
        }
    }

    /// Whether it should not grow any more.
    pub(super) const fn is_full(&self) -> bool {
        self.size >= SIZE && self.nested == 0
    }

    /// Takes a line. `Some`: the table ended with it, and this is what stands behind it.
    pub(super) fn line<'t>(&mut self, line: &'t str) -> Option<&'t str> {
        let trimmed = line.trim();
        if let Some(behind) = trimmed.strip_prefix("|}") {
            if self.nested == 0 {
                return Some(behind);
            }
            self.nested -= 1;
        } else if opens(line) {
            self.nested = self.nested.saturating_add(1);
        } else if self.nested > 0 {
            self.nested_line(trimmed);
        } else if let Some(caption) = trimmed.strip_prefix("|+") {
            self.in_caption = true;
            self.captions.push(content(caption).1.trim().to_owned());
        } else if trimmed.starts_with("|-") {
            self.in_caption = false;
            self.size += 1;
            self.rows.push(Vec::new());
        } else if let Some(cells) = trimmed.strip_prefix('|') {
            cells.split("||").for_each(|cell| self.cell(cell));
        } else if let Some(cells) = trimmed.strip_prefix('!') {
            let cells = cells.split("!!").flat_map(|cells| cells.split("||"));
            cells.for_each(|cell| self.cell(cell));
        } else {
            self.more(trimmed);
        }
        None
    }

    fn nested_line(&mut self, line: &str) {
        if line.starts_with("|-") {
            return;
        }
        let text = match line.strip_prefix(['|', '!']) {
            Some(cells) => {
                let cells: Vec<&str> = cells.split("||").map(|cell| content(cell).1.trim()).collect();
                cells.join("; ")
            }
            None => line.to_owned(),
        };
        self.more(&text);
    }

    fn cell(&mut self, text: &str) {
        self.in_caption = false;
        let (attributes, text) = content(text);
        let span = |name| {
            let value = attribute(attributes, name).and_then(|value| value.trim().parse().ok());
            value.unwrap_or(1_usize).clamp(1, SPAN)
        };
        let cell = Cell {
            text: text.trim().to_owned(),
            columns: span("colspan"),
            rows: span("rowspan"),
        };
        self.size += 1;
        if self.rows.last().is_some_and(|row| row.len() >= COLUMNS) {
            return self.more(&cell.text);
        }
        match self.rows.last_mut() {
            Some(row) => row.push(cell),
            None => self.rows.push(vec![cell]),
        }
    }

    /// A further line of what is open.
    fn more(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        let cell = self.rows.last_mut().and_then(|row| row.last_mut());
        match (cell, self.captions.last_mut()) {
            (_, Some(caption)) if self.in_caption => {
                caption.push(' ');
                caption.push_str(line);
            }
            (Some(cell), _) => {
                cell.text.push('\n');
                cell.text.push_str(line);
            }
            _ => {}
        }
    }

    /// The captions, and rows whose cells stand in their columns. Cells are read by `read`. What a cell spans is filled as
    /// long as `budget` bytes last.
    pub(super) fn finish(
        self,
        budget: &mut usize,
        mut read: impl FnMut(&str) -> String,
    ) -> (Vec<String>, Vec<Vec<String>>) {
        let captions = self.captions.iter().map(|caption| read(caption)).collect();
        let mut rows = Vec::with_capacity(self.rows.len());
        // For each column, a cell of a row above that reaches further down, and how many rows.
        let mut above: Vec<(usize, String)> = Vec::new();
        for cells in self.rows.into_iter().filter(|row| !row.is_empty()) {
            let mut row = Vec::with_capacity(cells.len());
            let mut cells = cells.into_iter();
            loop {
                if fill(&mut above, &mut row, budget) {
                    continue;
                }
                let Some(cell) = cells.next() else { break };
                let text = joined(&cell.text, &mut read);
                if cell.rows > 1 {
                    reach(&mut above, row.len(), cell.rows - 1, &text);
                }
                row.push(text);
                for _ in 1..cell.columns {
                    if spend(budget, 3) {
                        row.push(String::new());
                    }
                }
            }
            rows.push(row);
        }
        (captions, rows)
    }
}

/// Puts the cell from above that reaches into the next column, if one does.
fn fill(above: &mut [(usize, String)], row: &mut Vec<String>, budget: &mut usize) -> bool {
    let Some((rows, text)) = above.get_mut(row.len()).filter(|(rows, _)| *rows > 0) else {
        return false;
    };
    if !spend(budget, text.len() + 3) {
        *rows = 0;
        return false;
    }
    *rows -= 1;
    row.push(text.clone());
    true
}

fn reach(above: &mut Vec<(usize, String)>, column: usize, rows: usize, text: &str) {
    if column >= SPAN {
        return;
    }
    if above.len() <= column {
        above.resize(column + 1, (0, String::new()));
    }
    if let Some(slot) = above.get_mut(column) {
        *slot = (rows, text.to_owned());
    }
}

fn spend(budget: &mut usize, bytes: usize) -> bool {
    let left = budget.checked_sub(bytes);
    *budget = left.unwrap_or(0);
    left.is_some()
}

/// A cell's attributes and its text.
fn content(cell: &str) -> (&str, &str) {
    match cell.split_once('|') {
        Some((attributes, text)) if !attributes.contains(['[', '<', '\u{1}']) => (attributes, text),
        _ => ("", cell),
    }
}

/// A cell's lines as one, items of lists with semicolons between them.
fn joined(text: &str, read: &mut impl FnMut(&str) -> String) -> String {
    let mut out = String::new();
    for line in text.split('\n') {
        let signs = list::signs(line);
        let text = read(line.get(signs.len()..).unwrap_or_default());
        if text.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push_str(if signs.is_empty() { " " } else { "; " });
        }
        out.push_str(&text);
    }
    out
}
