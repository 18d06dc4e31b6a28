//! Looking for what closes something that was opened, in linear time however often it is opened.

use std::collections::HashMap;

use memchr::memmem;

/// Finds needles in a text from places that only go up: what was found once is not looked for again.
#[derive(Debug)]
pub(in crate::extract) struct Seek<'t> {
    text: &'t str,
    found: HashMap<&'static str, Option<usize>>,
}

impl<'t> Seek<'t> {
    pub(in crate::extract) fn new(text: &'t str) -> Self {
        Self {
            text,
            found: HashMap::new(),
        }
    }

    /// The first place of `needle` at or behind `from`, which is not before the last `from` of this needle.
    pub(in crate::extract) fn next(&mut self, needle: &'static str, from: usize) -> Option<usize> {
        match self.found.get(needle) {
            Some(None) => return None,
            Some(Some(at)) if *at >= from => return Some(*at),
            _ => {}
        }
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let at = memmem::find(rest, needle.as_bytes()).map(|at| from + at);
        self.found.insert(needle, at);
        at
    }
}
