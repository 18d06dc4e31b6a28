//! What is open while a page is read.

use crate::extract::mediawiki::template::Argument;

#[derive(Debug)]
pub(super) enum Kind {
    Page,
    /// `{{`
    Template,
    /// `{{{`
    Parameter,
    /// `[[`
    Link,
    /// `<ref>`, and where it ends.
    Note {
        number: usize,
        end: usize,
    },
}

/// Something open.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Whether it begins a line.
    pub(super) starts_line: bool,
    pub(super) parts: Vec<Argument>,
    pub(super) part: Argument,
}

impl Frame {
    pub(super) fn new(kind: Kind, starts_line: bool) -> Self {
        Self {
            kind,
            starts_line,
            parts: Vec::new(),
            part: Argument::default(),
        }
    }

    pub(super) fn next_part(&mut self) {
        self.parts.push(std::mem::take(&mut self.part));
    }

    pub(super) fn into_parts(mut self) -> Vec<Argument> {
        self.next_part();
        self.parts
    }

    /// What it was before it was read as something.
    pub(super) fn into_text(self, opening: &str) -> String {
        let parts: Vec<String> = self.into_parts().into_iter().map(|part| part.text).collect();
        format!("{opening}{}", parts.join("|"))
    }
}
