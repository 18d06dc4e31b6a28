//! Tables: aligned in monospaced text where they are narrow, line by line where they are not.

use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr;

use crate::render::rich::RichText;
use crate::render::tag::Tag;
use crate::render::writer::Writer;

/// Between two columns.
const SEPARATOR: &str = " │ ";
/// Below the names of the columns.
const CROSS: &str = "─┼─";
const LINE: &str = "─";

/// A table as it is read.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Alignment>,
    cells: Vec<RichText>,
    /// What is written around the table while one of its cells is written.
    aside: Writer,
}

impl Table {
    pub(super) fn new(columns: Vec<Alignment>) -> Self {
        Self {
            columns,
            cells: Vec::new(),
            aside: Writer::new(),
        }
    }

    pub(super) fn set_aside(&mut self, out: Writer) {
        self.aside = out;
    }

    /// Takes a cell, and gives back what was set aside.
    pub(super) fn add(&mut self, cell: Writer) -> Writer {
        self.cells.push(cell.finish());
        std::mem::take(&mut self.aside)
    }

    /// The first row is the names of the columns; every row has as many cells as there are columns.
    pub(super) fn write(&self, out: &mut Writer, max_columns: usize) {
        let widths = self.widths();
        let total = widths.iter().sum::<usize>() + SEPARATOR.width() * widths.len().saturating_sub(1);
        if total <= max_columns && !self.has_lines() {
            self.write_aligned(out, &widths);
        } else {
            self.write_by_line(out);
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[RichText]> {
        self.cells.chunks(self.columns.len().max(1))
    }

    /// Columns on the screen that each column of the table takes.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.columns.len()];
        for row in self.rows() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.plain().width());
            }
        }
        widths
    }

    fn has_lines(&self) -> bool {
        self.cells.iter().any(|cell| cell.plain().contains('\n'))
    }

    fn write_aligned(&self, out: &mut Writer, widths: &[usize]) {
        out.open(Tag::Pre { language: None });
        for (number, row) in self.rows().enumerate() {
            if number > 0 {
                out.text("\n");
            }
            let cells = row.iter().zip(widths).zip(&self.columns);
            let cells: Vec<_> = cells
                .map(|((cell, width), side)| aligned(cell, *width, *side))
                .collect();
            out.text(cells.join(SEPARATOR).trim_end());
            if number == 0 {
                let lines: Vec<_> = widths.iter().map(|width| LINE.repeat(*width)).collect();
                out.text("\n");
                out.text(&lines.join(CROSS));
            }
        }
        out.close();
    }

    /// Each row as a block: its first cell in bold, the others behind the names of their columns.
    fn write_by_line(&self, out: &mut Writer) {
        let mut rows = self.rows();
        let names = rows.next().unwrap_or_default();
        let mut any = false;
        for row in rows {
            out.gap(if any { 2 } else { 0 });
            any = true;
            for (place, (name, cell)) in names.iter().zip(row).enumerate() {
                if cell.is_empty() {
                    continue;
                }
                if !name.is_empty() {
                    out.text(name.plain());
                    out.text(": ");
                }
                if place == 0 {
                    out.open(Tag::Bold);
                }
                out.rich(cell);
                if place == 0 {
                    out.close();
                }
                out.gap(1);
            }
        }
        if !any {
            let names: Vec<_> = names.iter().map(RichText::plain).collect();
            out.tagged(Tag::Bold, &names.join(" · "));
        }
    }
}

fn aligned(cell: &RichText, width: usize, side: Alignment) -> String {
    let text = cell.plain();
    let room = width.saturating_sub(text.width());
    let before = match side {
        Alignment::Right => room,
        Alignment::Center => room / 2,
        Alignment::Left | Alignment::None => 0,
    };
    [&" ".repeat(before), text, &" ".repeat(room - before)].concat()
}
