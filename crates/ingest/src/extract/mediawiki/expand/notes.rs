//! Footnotes: their text is taken out of the page, a sign refers to it.

use super::{Kind, Pass};
use crate::extract::Refusal;
use crate::extract::mediawiki::strip::attribute;
use crate::extract::wiki::Mask;

/// Most references to footnotes on one page.
const REFERENCES: usize = 20_000;

impl Pass<'_> {
    /// A footnote's tag, or the sign alone.
    pub(super) fn tag(&mut self) -> Result<(), Refusal> {
        let rest = self.rest();
        let head: String = rest.chars().take(13).collect::<String>().to_ascii_lowercase();
        let is = |name: &str| {
            let behind = head.strip_prefix(name);
            behind.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        let known = ["<ref", "</ref", "<references", "</references"]
            .into_iter()
            .find(|name| is(name));
        let gt = self.seek.next(">", self.at);
        let (Some(name), Some(gt)) = (known, gt) else {
            self.keep(1);
            return Ok(());
        };
        let begins = std::mem::replace(&mut self.at, gt + 1);
        let attributes = self.text.get(begins + name.len()..gt).unwrap_or_default();
        let is_empty = attributes.ends_with('/');
        match name {
            "<ref" => self.note(attributes.trim_end_matches('/'), is_empty)?,
            "</ref" => self.end_open_note(begins),
            "<references" => self.in_list = !is_empty,
            _ => self.in_list = false,
        }
        Ok(())
    }

    fn note(&mut self, attributes: &str, is_empty: bool) -> Result<(), Refusal> {
        let in_note = self
            .stack
            .iter()
            .any(|frame| matches!(frame.kind, Kind::Note { .. }));
        let close = if is_empty {
            None
        } else {
            self.seek.next("</ref", self.at)
        };
        if in_note || (!is_empty && close.is_none()) {
            return Ok(());
        }
        let notes = &mut self.out.notes;
        let name = attribute(attributes, "name")
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let number = match name {
            None if is_empty => return Ok(()),
            Some(name) => *self.page_notes.entry(name.to_owned()).or_insert(notes.len()),
            None => notes.len(),
        };
        if number == notes.len() {
            notes.push(String::new());
        }
        match close {
            Some(end) => self.open(Kind::Note { number, end }),
            None => {
                self.refer(number);
                Ok(())
            }
        }
    }

    /// Whatever was left open inside of the footnote ends with it.
    fn end_open_note(&mut self, at: usize) {
        let note = self
            .stack
            .iter()
            .rposition(|frame| matches!(frame.kind, Kind::Note { end, .. } if end <= at));
        if let Some(depth) = note {
            while self.stack.len() > depth {
                self.close_as_text();
            }
        }
    }

    pub(super) fn end_note(&mut self, number: usize, text: String) {
        if let Some(note) = self.out.notes.get_mut(number)
            && note.is_empty()
        {
            *note = text;
        }
        self.refer(number);
    }

    fn refer(&mut self, number: usize) {
        if !self.in_list && self.references < REFERENCES {
            self.references += 1;
            let sign = self.masks.put(Mask::Note(number));
            self.put(&sign);
        }
    }
}
