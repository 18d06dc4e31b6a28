//! Footnotes: referred to where they stand, told at the end of their section.

#[derive(Debug)]
pub(in crate::extract) struct Notes<'a> {
    texts: &'a [String],
    told: Vec<bool>,
    /// Referred to and not told yet.
    due: Vec<usize>,
}

impl<'a> Notes<'a> {
    pub(in crate::extract) fn new(texts: &'a [String]) -> Self {
        Self {
            texts,
            told: vec![false; texts.len()],
            due: Vec::new(),
        }
    }

    /// The reference to a footnote, unless that says nothing.
    pub(in crate::extract) fn refer(&mut self, number: usize) -> Option<String> {
        self.texts.get(number).filter(|text| !text.trim().is_empty())?;
        if !std::mem::replace(self.told.get_mut(number)?, true) {
            self.due.push(number);
        }
        Some(format!("[^{}]", number + 1))
    }

    /// The footnotes that are due: what a line of each begins with, and its text.
    pub(in crate::extract) fn take(&mut self) -> Vec<(String, &'a str)> {
        let texts = self.texts;
        let due = std::mem::take(&mut self.due);
        due.into_iter()
            .filter_map(|number| Some((format!("[^{}]: ", number + 1), texts.get(number)?.as_str())))
            .collect()
    }
}
