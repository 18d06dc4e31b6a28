//! Blocks that make their own room: code, list items, tables.

use pulldown_cmark::CodeBlockKind;

use super::{Page, Place, code};
use crate::render::tag::Tag;

impl Page<'_> {
    pub(super) fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
        self.block_of_its_own();
        let language = match kind {
            CodeBlockKind::Fenced(info) => code::language(info),
            CodeBlockKind::Indented => None,
        };
        self.out.open(Tag::Pre { language });
        self.code = Some(String::new());
    }

    /// Makes room for a block that begins a line, and whose lines are not indented with their list.
    pub(super) fn block_of_its_own(&mut self) {
        if self.lists.depth() > 0 {
            self.place = Place::Between;
            self.out.gap(1);
        } else {
            self.block();
        }
    }

    pub(super) fn end_code(&mut self) {
        let code = self.code.take().unwrap_or_default();
        self.out.text(code.trim_end_matches(['\n', '\r']));
        self.out.close();
        self.place = Place::Between;
    }

    pub(super) fn start_item(&mut self) {
        let begins = self.lists.begins();
        // A list that begins a quote stands on the quote's first line.
        if !(begins && self.place == Place::Here) {
            let apart = begins && self.place == Place::Between;
            self.out.gap(if apart { 2 } else { 1 });
        }
        let item = self.lists.item();
        self.out.text(&item);
        self.place = Place::Here;
    }

    pub(super) fn start_cell(&mut self) {
        if let Some(table) = &mut self.table {
            table.set_aside(std::mem::take(&mut self.out));
        }
    }

    pub(super) fn end_cell(&mut self) {
        if let Some(table) = &mut self.table {
            let cell = std::mem::take(&mut self.out);
            self.out = table.add(cell);
        }
    }

    pub(super) fn end_table(&mut self) {
        if let Some(table) = self.table.take() {
            self.block_of_its_own();
            table.write(&mut self.out, self.reading.table_columns);
            self.place = Place::Between;
        }
    }
}
