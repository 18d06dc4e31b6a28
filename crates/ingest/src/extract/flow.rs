//! Text that flows through paragraphs, cells and boxes which hold each other, as office formats have it. What stands in a
//! table goes to its cell, what stands in a box within a paragraph follows the paragraph, the rest is a block.

use super::Refusal;
use super::blocks::Blocks;
use crate::limits::Limits;
use nexus_domain::ProblemCode;

/// Widest cell that is kept apart, in columns.
const SPAN: u64 = 64;

/// What a paragraph is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Heading(usize),
    Item {
        level: usize,
        number: Option<u64>,
    },
    /// Not content: a table of contents, a page number.
    Dropped,
}

#[derive(Debug, Default)]
struct Paragraph {
    kind: Kind,
    text: String,
    /// Texts of boxes that hang on it.
    boxes: Vec<String>,
}

#[derive(Debug, Default)]
struct Table {
    rows: Vec<Vec<String>>,
    in_cell: bool,
    /// That the open cell takes; 0 where it was not said.
    columns: u64,
    is_row_dropped: bool,
}

#[derive(Debug)]
enum Frame {
    Paragraph(Paragraph),
    Table(Table),
    /// A note: its text is set aside.
    Note(Vec<String>),
}

#[derive(Debug)]
pub(super) struct Flow {
    pub(super) blocks: Blocks,
    open: Vec<Frame>,
    /// Notes that were met in the block that is open, by their labels.
    notes: Vec<(String, String)>,
    cells: u64,
    max_cells: u64,
    /// Bytes that are held back in open frames; they count before they are written.
    held: u64,
    max_bytes: u64,
}

impl Flow {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            blocks: Blocks::new(limits),
            open: Vec::new(),
            notes: Vec::new(),
            cells: 0,
            max_cells: limits.cells,
            held: 0,
            max_bytes: limits.document_text_bytes,
        }
    }

    pub(super) fn start_paragraph(&mut self, kind: Kind) {
        self.open.push(Frame::Paragraph(Paragraph {
            kind,
            ..Paragraph::default()
        }));
    }

    /// Says what the open paragraph is, once that is known.
    pub(super) fn set_kind(&mut self, kind: Kind) {
        if let Some(Frame::Paragraph(paragraph)) = self.open.last_mut() {
            paragraph.kind = kind;
        }
    }

    /// Text of the open paragraph; between paragraphs there is none.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Refusal> {
        if let Some(Frame::Paragraph(paragraph)) = self.open.last_mut() {
            paragraph.text.push_str(text);
            self.held += text.len() as u64;
        }
        if self.held > self.max_bytes || self.blocks.is_full() {
            let why = format!(
                "Its text passes {} bytes, which are allowed for one document",
                self.max_bytes
            );
            return Err((ProblemCode::TooLarge, why));
        }
        Ok(())
    }

    pub(super) fn end_paragraph(&mut self) {
        let Some(Frame::Paragraph(_)) = self.open.last() else {
            return;
        };
        let Some(Frame::Paragraph(paragraph)) = self.open.pop() else {
            return;
        };
        if paragraph.kind == Kind::Dropped {
            return;
        }
        match self.open.last_mut() {
            None => {
                let text = paragraph.text.trim();
                match paragraph.kind {
                    Kind::Heading(level) => self.blocks.heading(level, text),
                    Kind::Item { level, number } => self.blocks.item(level, number, text),
                    Kind::Text | Kind::Dropped => self.blocks.paragraph(text),
                }
                paragraph
                    .boxes
                    .iter()
                    .for_each(|text| self.blocks.paragraph(text));
                self.settle();
            }
            Some(_) => {
                self.pass_up(paragraph.text);
                paragraph.boxes.into_iter().for_each(|text| self.pass_up(text));
            }
        }
    }

    pub(super) fn start_table(&mut self) {
        self.open.push(Frame::Table(Table::default()));
    }

    pub(super) fn start_row(&mut self) {
        if let Some(Frame::Table(table)) = self.open.last_mut() {
            table.rows.push(Vec::new());
            table.in_cell = false;
            table.is_row_dropped = false;
        }
    }

    /// The row was deleted by a change that is tracked.
    pub(super) fn drop_row(&mut self) {
        if let Some(Frame::Table(table)) = self.open.last_mut() {
            table.is_row_dropped = true;
        }
    }

    pub(super) fn end_row(&mut self) {
        if let Some(Frame::Table(table)) = self.open.last_mut() {
            if table.is_row_dropped {
                table.rows.pop();
                table.is_row_dropped = false;
            }
            table.in_cell = false;
        }
    }

    pub(super) fn start_cell(&mut self) -> Result<(), Refusal> {
        self.add_cells(1)
    }

    /// Sets how many columns the open cell takes.
    pub(super) fn span(&mut self, columns: u64) {
        if let Some(Frame::Table(table)) = self.open.last_mut() {
            table.columns = columns.clamp(1, SPAN);
        }
    }

    pub(super) fn add_cells(&mut self, count: u64) -> Result<(), Refusal> {
        self.cells += count;
        if self.cells > self.max_cells {
            let why = format!("More than the {} cells allowed", self.max_cells);
            return Err((ProblemCode::TooLarge, why));
        }
        if let Some(Frame::Table(table)) = self.open.last_mut() {
            if table.rows.is_empty() {
                table.rows.push(Vec::new());
            }
            if let Some(row) = table.rows.last_mut() {
                row.extend((0..count).map(|_| String::new()));
                table.in_cell = true;
            }
        }
        Ok(())
    }

    pub(super) fn end_cell(&mut self) -> Result<(), Refusal> {
        let Some(Frame::Table(table)) = self.open.last_mut() else {
            return Ok(());
        };
        let more = std::mem::take(&mut table.columns).saturating_sub(1);
        self.add_cells(more)?;
        if let Some(Frame::Table(table)) = self.open.last_mut() {
            table.in_cell = false;
        }
        Ok(())
    }

    pub(super) fn end_table(&mut self) {
        let Some(Frame::Table(_)) = self.open.last() else {
            return;
        };
        let Some(Frame::Table(table)) = self.open.pop() else {
            return;
        };
        if self.open.is_empty() {
            self.blocks.table(&table.rows);
            self.settle();
            return;
        }
        for row in table.rows {
            let cells: Vec<&str> = row
                .iter()
                .map(|cell| cell.trim())
                .filter(|cell| !cell.is_empty())
                .collect();
            self.pass_up(cells.join(", "));
        }
    }

    /// Puts a mark for a note into the open paragraph, and its text behind the block that is open.
    pub(super) fn note(&mut self, label: &str, text: &str) -> Result<(), Refusal> {
        self.text(&format!("[^{label}]"))?;
        if !text.trim().is_empty() {
            self.notes.push((label.to_owned(), text.trim().to_owned()));
        }
        Ok(())
    }

    pub(super) fn start_note(&mut self) {
        self.open.push(Frame::Note(Vec::new()));
    }

    /// The text of the note that ends here.
    pub(super) fn end_note(&mut self) -> String {
        match self.open.pop() {
            Some(Frame::Note(texts)) => texts.join(" "),
            Some(other) => {
                self.open.push(other);
                String::new()
            }
            None => String::new(),
        }
    }

    /// Whether text of this place becomes a block of its own.
    pub(super) fn is_outermost(&self) -> bool {
        self.open.is_empty()
    }

    fn pass_up(&mut self, text: String) {
        if text.trim().is_empty() {
            return;
        }
        match self.open.last_mut() {
            Some(Frame::Paragraph(paragraph)) => paragraph.boxes.push(text),
            Some(Frame::Note(texts)) => texts.push(text),
            Some(Frame::Table(table)) if table.in_cell => {
                if let Some(cell) = table.rows.last_mut().and_then(|row| row.last_mut()) {
                    if !cell.is_empty() {
                        cell.push(' ');
                    }
                    cell.push_str(&text);
                }
            }
            Some(Frame::Table(_)) | None => {}
        }
    }

    /// Nothing is open: notes follow, and nothing is held back.
    fn settle(&mut self) {
        for (label, text) in std::mem::take(&mut self.notes) {
            self.blocks.note(&label, &text);
        }
        self.held = 0;
    }
}
