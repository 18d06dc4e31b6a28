//! Excel (`xlsx`, `xlsm`, `xls`): a section per sheet, its rows as a table. What cells show is written, never formulas.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use calamine::{Data, DataRef, ExcelDateTime, Reader as _, Sheet, SheetType, Xls, XlsError, Xlsx, XlsxError};
use nexus_domain::{Format, ProblemCode};

use super::blocks::Blocks;
use super::package::Package;
use super::{Extracted, Progress, Refusal, ooxml};
use crate::limits::Limits;

const EMPTY: &str = "The sheets hold no text";

/// The package tells the title, and that no part is a bomb: the library unpacks on its own.
pub(super) fn read_xlsx(
    bytes: &[u8],
    package: &mut Package<'_>,
    progress: &mut Progress<'_>,
) -> Result<Extracted, Refusal> {
    let limits = package.limits();
    let title = ooxml::title(package)?;
    for part in package.names() {
        if part.starts_with("xl/") && (part.ends_with(".xml") || part.ends_with(".rels")) {
            package.measure(&part)?;
        }
    }
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(|error| xlsx_refusal(&error))?;
    let sheets = book.sheets_metadata().to_vec();
    let mut writer = Writer::new(&sheets, limits)?;
    for sheet in sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet) {
        let mut grid = Grid::default();
        let mut cells = book
            .worksheet_cells_reader(&sheet.name)
            .map_err(|error| xlsx_refusal(&error))?;
        while let Some(cell) = cells.next_cell().map_err(|error| xlsx_refusal(&error))? {
            writer.count()?;
            let text = match cell.get_value() {
                DataRef::SharedString(text) => (*text).to_owned(),
                other => shown(&Data::from(other.clone())),
            };
            grid.put(cell.get_position(), text);
        }
        writer.sheet(sheet, &grid);
        progress();
    }
    writer.blocks.finish(Format::Spreadsheet, &title, EMPTY)
}

pub(super) fn read_xls(
    bytes: &[u8],
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Result<Extracted, Refusal> {
    let mut book = Xls::new(Cursor::new(bytes)).map_err(|error| match error {
        XlsError::Password => (ProblemCode::Encrypted, "The workbook is encrypted".into()),
        error => (
            ProblemCode::ParseFailed,
            format!("The workbook cannot be read: {error}"),
        ),
    })?;
    let sheets = book.sheets_metadata().to_vec();
    let mut writer = Writer::new(&sheets, limits)?;
    for sheet in sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet) {
        let range = book.worksheet_range(&sheet.name).map_err(|error| {
            (
                ProblemCode::ParseFailed,
                format!("The workbook cannot be read: {error}"),
            )
        })?;
        let (top, left) = range.start().unwrap_or_default();
        let mut grid = Grid::default();
        for (row, column, value) in range.used_cells() {
            writer.count()?;
            let at = (top.saturating_add(row as u32), left.saturating_add(column as u32));
            grid.put(at, shown(value));
        }
        writer.sheet(sheet, &grid);
        progress();
    }
    writer.blocks.finish(Format::Spreadsheet, "", EMPTY)
}

fn xlsx_refusal(error: &XlsxError) -> Refusal {
    match error {
        XlsxError::Password => (ProblemCode::Encrypted, "The workbook is encrypted".into()),
        error => (
            ProblemCode::ParseFailed,
            format!("The workbook cannot be read: {error}"),
        ),
    }
}

/// Cells that hold something, wherever they stand.
#[derive(Debug, Default)]
struct Grid {
    rows: BTreeMap<u32, BTreeMap<u32, String>>,
    columns: BTreeSet<u32>,
}

impl Grid {
    fn put(&mut self, (row, column): (u32, u32), text: String) {
        if !text.trim().is_empty() {
            self.columns.insert(column);
            self.rows.entry(row).or_default().insert(column, text);
        }
    }
}

struct Writer {
    blocks: Blocks,
    cells: u64,
    max_cells: u64,
}

impl Writer {
    fn new(sheets: &[Sheet], limits: &Limits) -> Result<Self, Refusal> {
        if sheets.len() as u64 > limits.pages {
            let why = format!("{} sheets, {} are allowed", sheets.len(), limits.pages);
            return Err((ProblemCode::TooManyPages, why));
        }
        Ok(Self {
            blocks: Blocks::new(limits),
            cells: 0,
            max_cells: limits.cells,
        })
    }

    fn count(&mut self) -> Result<(), Refusal> {
        self.cells += 1;
        if self.cells > self.max_cells || self.blocks.is_full() {
            let why = format!("More than the {} cells allowed", self.max_cells);
            return Err((ProblemCode::TooLarge, why));
        }
        Ok(())
    }

    /// Rows and columns that are empty throughout are left out.
    fn sheet(&mut self, sheet: &Sheet, grid: &Grid) {
        if grid.rows.is_empty() {
            return;
        }
        self.blocks.heading(1, &sheet.name);
        let rows = grid.rows.values().map(|row| {
            let last = row.keys().next_back().copied().unwrap_or_default();
            let columns = grid.columns.range(..=last);
            columns.map(|column| row.get(column).map(String::as_str).unwrap_or_default())
        });
        self.blocks.rows(rows, grid.columns.len());
    }
}

/// What people see in the cell, as far as the file tells.
fn shown(value: &Data) -> String {
    match value {
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(at) => date(at),
        Data::Error(error) => error.to_string(),
        Data::Empty => String::new(),
    }
}

/// ISO 8601, as far as there is something to tell: a date, a time, or both.
fn date(at: &ExcelDateTime) -> String {
    if at.is_duration() {
        let seconds = (at.as_f64() * 86_400.0).round() as i64;
        let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.unsigned_abs());
        return format!(
            "{sign}{}:{:02}:{:02}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        );
    }
    let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
    let time = match (hour, minute, second) {
        (0, 0, 0) => String::new(),
        (_, _, 0) => format!("{hour:02}:{minute:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}"),
    };
    match (at.as_f64() < 1.0, time.is_empty()) {
        (true, false) => time,
        (_, true) => format!("{year:04}-{month:02}-{day:02}"),
        (false, false) => format!("{year:04}-{month:02}-{day:02} {time}"),
    }
}
