//! A text in slices, and a slice's lines.

/// Longest slice. What spans two slices (a table of a megabyte) is cut there; plans stay small.
pub(super) const SLICE: usize = 1 << 20;

/// A line that is not blank. Offsets are bytes in the slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) start: u32,
    /// Without the line end.
    pub(super) end: u32,
    /// From 0, in the slice; blank lines count.
    pub(super) row: u32,
    /// Leading spaces (a tab is four), at most 255.
    pub(super) indent: u8,
    /// A blank line stands before it.
    pub(super) after_blank: bool,
}

#[derive(Debug)]
pub(super) struct Slice<'a> {
    pub(super) text: &'a str,
    /// Where it begins in the document: bytes, and lines from 1.
    pub(super) offset: usize,
    pub(super) first_line: u32,
    pub(super) lines: Vec<Line>,
}

impl<'a> Slice<'a> {
    fn new(text: &'a str, offset: usize, first_line: u32) -> Self {
        Self {
            text,
            offset,
            first_line,
            lines: lines(text),
        }
    }

    pub(super) fn text_of(&self, line: usize) -> &'a str {
        self.lines
            .get(line)
            .map_or("", |line| &self.text[line.start as usize..line.end as usize])
    }

    /// The line that holds a byte, or the next one that is not blank. May be one behind the last.
    pub(super) fn line_at(&self, byte: usize) -> usize {
        self.lines
            .partition_point(|line| (line.end as usize) <= byte && (line.start as usize) < byte)
    }

    /// The first line at or behind a row. May be one behind the last.
    pub(super) fn line_of_row(&self, row: usize) -> usize {
        self.lines.partition_point(|line| (line.row as usize) < row)
    }
}

fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut after_blank = false;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain(std::iter::once(text.len()));
    for (row, end) in ends.enumerate() {
        let line = &text[start..end];
        if line.trim_start().is_empty() {
            after_blank = true;
        } else {
            lines.push(Line {
                start: start as u32,
                end: end as u32,
                row: row as u32,
                indent: indent(line),
                after_blank,
            });
            after_blank = false;
        }
        start = end + 1;
    }
    lines
}

fn indent(line: &str) -> u8 {
    let spaces = line
        .bytes()
        .take(255)
        .take_while(|byte| matches!(byte, b' ' | b'\t'));
    spaces.fold(0_u8, |indent, byte| {
        indent.saturating_add(if byte == b'\t' { 4 } else { 1 })
    })
}

/// The slices of a text, cut at blank lines, else at line ends, else (a line of a megabyte) between characters.
#[derive(Debug)]
pub(super) struct Slices<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
}

impl<'a> Slices<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
        }
    }
}

impl<'a> Iterator for Slices<'a> {
    type Item = Slice<'a>;

    fn next(&mut self) -> Option<Slice<'a>> {
        let rest = self.text.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let (text, _) = rest.split_at(slice_end(rest));
        let slice = Slice::new(text, self.offset, self.line);
        self.offset += text.len();
        self.line = self
            .line
            .saturating_add(memchr::memchr_iter(b'\n', text.as_bytes()).count() as u32);
        Some(slice)
    }
}

fn slice_end(rest: &str) -> usize {
    if rest.len() <= SLICE {
        return rest.len();
    }
    let end = rest.floor_char_boundary(SLICE);
    let bytes = &rest.as_bytes()[..end];
    let from = end / 2;
    memchr::memmem::rfind(&bytes[from..], b"\n\n")
        .map(|at| from + at + 2)
        .or_else(|| memchr::memrchr(b'\n', bytes).map(|at| at + 1))
        .unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_finds_its_line_and_a_blank_one_the_next() {
        let slice = Slice::new("a\n\nbc\nd", 0, 1);
        assert_eq!(slice.lines.len(), 3);
        assert_eq!(
            [0, 1, 2, 3, 4, 6].map(|byte| slice.line_at(byte)),
            [0, 1, 1, 1, 1, 2]
        );
        assert!(slice.lines[1].after_blank);
        assert_eq!(slice.line_of_row(1), 1);
    }

    #[test]
    fn slices_join_to_the_text_and_count_its_lines() {
        let text = format!("{}\n\n{}", "word ".repeat(300_000), "line\n".repeat(300_000));
        let slices: Vec<Slice<'_>> = Slices::new(&text).collect();
        assert_eq!(slices.iter().map(|slice| slice.text).collect::<String>(), text);
        assert!(slices.iter().all(|slice| slice.text.len() <= SLICE));
        let last = slices.last().unwrap();
        let before = &text[..last.offset];
        assert_eq!(last.first_line as usize, 1 + before.matches('\n').count());
    }
}
