//! The dump's bytes. An XML reader takes a text into memory whole, so what one event may take is bounded here.

use std::io::{self, BufRead, Read};

/// Allowance for what follows a text that was too long: tags.
const TAGS: u64 = 64 << 10;

/// A reader that gives so many bytes for each event. Of a text that is longer the rest is passed over, up to the next tag:
/// the page is told as too large, and the pages behind it are read.
#[derive(Debug)]
pub(super) struct Slow<R> {
    inner: R,
    allowed: u64,
    left: u64,
    has_overflowed: bool,
}

impl<R: BufRead> Slow<R> {
    pub(super) const fn new(inner: R, allowed: u64) -> Self {
        Self {
            inner,
            allowed,
            left: allowed,
            has_overflowed: false,
        }
    }

    /// The next event begins.
    pub(super) const fn allow(&mut self) {
        self.left = self.allowed;
        self.has_overflowed = false;
    }

    /// Whether the event lost a part of its text.
    pub(super) const fn has_overflowed(&self) -> bool {
        self.has_overflowed
    }

    fn pass_over(&mut self) -> io::Result<()> {
        self.left = TAGS;
        loop {
            let bytes = self.inner.fill_buf()?;
            let tag = memchr::memchr(b'<', bytes);
            let passed = tag.unwrap_or(bytes.len());
            self.inner.consume(passed);
            self.has_overflowed |= passed > 0;
            if tag.is_some() || passed == 0 {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Read for Slow<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Slow<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.pass_over()?;
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let bytes = self.inner.fill_buf()?;
        Ok(bytes.get(..most).unwrap_or(bytes))
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count as u64);
        self.inner.consume(count);
    }
}

/// What a reference stands for: one of XML's own, or a character's number. What a DTD declares is never resolved.
pub(super) fn reference(name: &str) -> Option<char> {
    let number = match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?).filter(|c| *c != '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_passed_over_up_to_the_next_tag() {
        let text = format!("{}</text><text>b", "a".repeat(100));
        let mut slow = Slow::new(io::BufReader::with_capacity(7, text.as_bytes()), 10);
        let mut read = String::new();
        slow.read_to_string(&mut read).unwrap();
        assert_eq!(read, "aaaaaaaaaa</text><text>b");
        assert!(slow.has_overflowed());
    }

    #[test]
    fn only_references_of_xml_itself_are_resolved() {
        assert_eq!(reference("lt"), Some('<'));
        assert_eq!(reference("#1103"), Some('я'));
        assert_eq!(reference("#x44F"), Some('я'));
        assert_eq!(reference("lol9"), None);
        assert_eq!(reference("#0"), None);
    }
}
