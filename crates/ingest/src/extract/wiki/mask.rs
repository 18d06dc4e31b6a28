//! Pieces of a page that no markup is read in. While the rest is read, a sign of control characters stands for each.

/// What a sign begins and ends with. Both are taken out of the text before the first sign is made.
pub(in crate::extract) const OPEN: char = '\u{1}';
pub(in crate::extract) const CLOSE: char = '\u{2}';

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::extract) enum Mask {
    /// Text as it stands.
    Text(String),
    /// A block of code.
    Code { language: String, text: String },
    /// A reference to the footnote of this number, from 0.
    Note(usize),
}

#[derive(Debug, Default)]
pub(in crate::extract) struct Masks(Vec<Mask>);

impl Masks {
    /// The sign that stands for it from here on.
    pub(in crate::extract) fn put(&mut self, mask: Mask) -> String {
        self.0.push(mask);
        format!("{OPEN}{}{CLOSE}", self.0.len() - 1)
    }

    /// What the sign at the start of `text` stands for, and the sign's length.
    pub(in crate::extract) fn at(&self, text: &str) -> Option<(&Mask, usize)> {
        let rest = text.strip_prefix(OPEN)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = rest.get(..digits)?.parse().ok()?;
        rest.get(digits..)?.strip_prefix(CLOSE)?;
        Some((self.0.get(number)?, digits + 2))
    }

    /// The first block of code whose sign stands in a line: what is before it, the block, what is behind it.
    pub(in crate::extract) fn code<'t>(&self, line: &'t str) -> Option<(&'t str, &Mask, &'t str)> {
        line.match_indices(OPEN).find_map(|(at, _)| {
            let (before, rest) = line.split_at_checked(at)?;
            let (mask, length) = self.at(rest)?;
            let behind = rest.get(length..)?;
            matches!(mask, Mask::Code { .. }).then_some((before, mask, behind))
        })
    }
}
