//! A sheet while it is read. Cells and rows are said once and repeated by a number.

use nexus_domain::ProblemCode;

use crate::extract::Refusal;
use crate::limits::Limits;

/// Repeated cells and rows are written out up to this many; beyond it they are the empty rest of a sheet.
const REPEATED: u64 = 1_000;

#[derive(Debug, Default)]
pub(super) struct Sheet {
    name: String,
    /// Tables in its cells that are open; their cells are its own.
    pub(super) inside: usize,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: String,
    in_cell: bool,
    repeat_cell: u64,
    repeat_row: u64,
    cells: u64,
    bytes: u64,
}

impl Sheet {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn start_row(&mut self, repeated: u64) {
        self.repeat_row = repeated;
    }

    pub(super) fn start_cell(&mut self, repeated: u64) {
        self.repeat_cell = repeated;
        self.in_cell = true;
    }

    pub(super) fn start_paragraph(&mut self) {
        if !self.cell.is_empty() {
            self.cell.push(' ');
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.in_cell && (!text.trim().is_empty() || !self.cell.is_empty()) {
            self.cell.push_str(text);
        }
    }

    pub(super) fn end_cell(&mut self, limits: &Limits) -> Result<(), Refusal> {
        let text = std::mem::take(&mut self.cell);
        self.in_cell = false;
        let count = match text.trim().is_empty() {
            // The empty rest of a row is said once, as thousands of cells.
            true if self.repeat_cell > REPEATED => 0,
            _ => self.repeat_cell.clamp(1, REPEATED),
        };
        self.count(count, count * text.len() as u64, limits)?;
        self.row.extend((0..count).map(|_| text.clone()));
        Ok(())
    }

    pub(super) fn end_row(&mut self, limits: &Limits) -> Result<(), Refusal> {
        let mut row = std::mem::take(&mut self.row);
        while row.last().is_some_and(|cell| cell.trim().is_empty()) {
            row.pop();
        }
        if row.is_empty() {
            return Ok(());
        }
        let bytes = row.iter().map(|cell| cell.len() as u64).sum();
        for _ in 1..self.repeat_row.clamp(1, REPEATED) {
            self.count(row.len() as u64, bytes, limits)?;
            self.rows.push(row.clone());
        }
        self.rows.push(row);
        Ok(())
    }

    fn count(&mut self, cells: u64, bytes: u64, limits: &Limits) -> Result<(), Refusal> {
        self.cells += cells;
        self.bytes += bytes;
        if self.cells > limits.cells {
            let why = format!("More than the {} cells allowed", limits.cells);
            return Err((ProblemCode::TooLarge, why));
        }
        if self.bytes > limits.document_text_bytes {
            let why = format!(
                "A sheet passes the {} bytes of text allowed for one document",
                limits.document_text_bytes
            );
            return Err((ProblemCode::TooLarge, why));
        }
        Ok(())
    }

    pub(super) fn without_empty_columns(&self) -> Vec<Vec<String>> {
        let width = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut used = vec![false; width];
        for row in &self.rows {
            for (cell, used) in row.iter().zip(&mut used) {
                *used |= !cell.trim().is_empty();
            }
        }
        let kept = |row: &Vec<String>| {
            let cells = row.iter().zip(&used).filter(|(_, used)| **used);
            cells.map(|(cell, _)| cell.clone()).collect()
        };
        self.rows.iter().map(kept).collect()
    }
}
