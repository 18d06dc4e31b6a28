//! A table while it is read: rows of cells, written as a pipe table when it ends.

#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    in_cell: bool,
}

impl Table {
    pub(super) fn row(&mut self) {
        self.in_cell = false;
        if self.rows.last().is_none_or(|row| !row.is_empty()) {
            self.rows.push(Vec::new());
        }
    }

    pub(super) fn cell(&mut self) {
        if self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        if let Some(row) = self.rows.last_mut() {
            row.push(String::new());
            self.in_cell = true;
        }
    }

    pub(super) fn end_cell(&mut self) {
        self.in_cell = false;
    }

    /// Text of the cell that is open. `false`: it stands between cells (a caption).
    pub(super) fn text(&mut self, text: &str) -> bool {
        let cell = self
            .rows
            .last_mut()
            .and_then(|row| row.last_mut())
            .filter(|_| self.in_cell);
        let Some(cell) = cell else { return false };
        for (at, word) in text.split_ascii_whitespace().enumerate() {
            let glued = at == 0 && !text.starts_with(|c: char| c.is_ascii_whitespace());
            if !cell.is_empty() && !cell.ends_with(' ') && !glued {
                cell.push(' ');
            }
            cell.push_str(&word.replace('|', "\\|"));
        }
        if text.ends_with(|c: char| c.is_ascii_whitespace()) && !cell.is_empty() && !cell.ends_with(' ') {
            cell.push(' ');
        }
        true
    }

    /// The cells' texts in reading order, for a table that only lays out a page.
    pub(super) fn into_cells(self) -> impl Iterator<Item = String> {
        self.rows
            .into_iter()
            .flatten()
            .filter(|cell| !cell.trim().is_empty())
    }

    /// Lines of a pipe table; the first row is its head. `None` for a table of one column or row: it lays out, it does not
    /// relate.
    pub(super) fn lines(&self) -> Option<Vec<String>> {
        let rows: Vec<&Vec<String>> = self
            .rows
            .iter()
            .filter(|row| row.iter().any(|cell| !cell.trim().is_empty()))
            .collect();
        let head = rows.first()?;
        if head.len() < 2 || rows.len() < 2 {
            return None;
        }
        let line = |row: &[String]| {
            let mut line = String::from("|");
            for cell in row {
                line.push(' ');
                line.push_str(cell.trim());
                line.push_str(" |");
            }
            line
        };
        let mut lines = vec![line(head), format!("|{}", " --- |".repeat(head.len()))];
        lines.extend(rows.iter().skip(1).map(|row| line(row)));
        Some(lines)
    }
}
