//! Tables in text: whole records, under the names of their columns.

use super::lines::Slice;
use super::plan::{Plan, Planner, cut};
use crate::extract::{delimiter, record};

/// Most columns that are named.
const COLUMNS: usize = 24;

#[derive(Debug)]
pub(super) struct CsvPlanner {
    /// Column names, if the first record looks like names.
    columns: Option<String>,
    in_quotes: bool,
    first_slice: bool,
}

impl CsvPlanner {
    pub(super) fn new(text: &str) -> Self {
        let head = text.get(..text.floor_char_boundary(64 << 10)).unwrap_or(text);
        let cells = record(head, delimiter(head));
        let name = |cell: &String| !cell.is_empty() && cell.len() < 64 && cell.parse::<f64>().is_err();
        let named = cells.len() > 1 && cells.iter().all(name);
        let columns = named.then(|| cells[..cells.len().min(COLUMNS)].join(", "));
        Self {
            columns,
            in_quotes: false,
            first_slice: true,
        }
    }
}

impl Planner for CsvPlanner {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan) {
        let place = self
            .columns
            .as_ref()
            .map_or(0, |columns| plan.outline.add(0, columns));
        let mut after_head = if self.first_slice { None } else { Some(0) };
        for at in 0..slice.lines.len() {
            plan.cut(at, if self.in_quotes { cut::WORD } else { cut::BLOCK });
            if !self.in_quotes && at > 0 {
                after_head.get_or_insert(at);
            }
            if memchr::memchr_iter(b'"', slice.text_of(at).as_bytes()).count() % 2 == 1 {
                self.in_quotes = !self.in_quotes;
            }
        }
        if let Some(first) = after_head {
            plan.places(&[(first, place)]);
            if self.first_slice && self.columns.is_some() {
                plan.tie(first, cut::TIED);
            }
        }
        self.first_slice = false;
    }
}
