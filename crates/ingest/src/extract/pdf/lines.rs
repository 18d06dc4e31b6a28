//! Letters to lines. The order in which a page draws is nearly always the order of reading, columns included; where it
//! jumps up and down, places decide.

use super::glyphs::Glyph;

/// A gap this wide, in sizes of the font, parts words.
const WORD_GAP: f64 = 0.2;

/// How far a letter may stand from the base line of its line: small letters above and below.
const BASE_SHIFT: f64 = 0.4;

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) base: f64,
    /// The largest of its letters.
    pub(super) size: f64,
    pub(super) is_turned: bool,
}

impl Line {
    fn of(glyph: Glyph) -> Self {
        Self {
            text: glyph.text,
            start: glyph.start,
            end: glyph.end,
            base: glyph.base,
            size: glyph.size,
            is_turned: glyph.is_turned,
        }
    }

    /// Whether something that starts there goes on with this line.
    fn goes_on(&self, start: f64, base: f64, size: f64, is_turned: bool) -> bool {
        let larger = self.size.max(size);
        self.is_turned == is_turned
            && (self.base - base).abs() < BASE_SHIFT * larger
            && start > self.end - larger
    }

    fn add(&mut self, text: &str, start: f64, end: f64, base: f64, size: f64) {
        let gap = start - self.end;
        let is_apart = gap > WORD_GAP * self.size.min(size);
        if is_apart && !self.text.ends_with(' ') && !text.starts_with(' ') && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.end = self.end.max(end);
        if size > self.size && !text.trim().is_empty() {
            self.size = size;
            self.base = base;
        }
    }
}

pub(super) fn of(glyphs: Vec<Glyph>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for glyph in glyphs {
        match lines.last_mut() {
            Some(line) if line.goes_on(glyph.start, glyph.base, glyph.size, glyph.is_turned) => {
                line.add(&glyph.text, glyph.start, glyph.end, glyph.base, glyph.size);
            }
            _ => lines.push(Line::of(glyph)),
        }
    }
    lines.retain(|line| !line.text.trim().is_empty());
    if is_jumbled(&lines) {
        by_place(lines)
    } else {
        lines
    }
}

/// Whether the page goes up again and again; columns do so once each.
fn is_jumbled(lines: &[Line]) -> bool {
    let ups = lines
        .windows(2)
        .filter(|pair| pair[1].base < pair[0].base - pair[0].size)
        .count();
    ups > 4 && ups > lines.len() / 4
}

/// From top to bottom, what stands side by side from left to right.
fn by_place(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|a, b| a.is_turned.cmp(&b.is_turned).then(a.base.total_cmp(&b.base)));
    let mut rows: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match rows.last_mut() {
            Some(row)
                if row.first().is_some_and(|first| {
                    first.is_turned == line.is_turned
                        && (first.base - line.base).abs() < BASE_SHIFT * first.size.max(line.size)
                }) =>
            {
                row.push(line);
            }
            _ => rows.push(vec![line]),
        }
    }
    let mut ordered = Vec::new();
    for mut row in rows {
        row.sort_by(|a, b| a.start.total_cmp(&b.start));
        let mut row = row.into_iter();
        let Some(mut whole) = row.next() else { continue };
        for line in row {
            whole.add(&line.text, line.start, line.end, line.base, line.size);
        }
        ordered.push(whole);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyphs(words: &[(&str, f64, f64)]) -> Vec<Glyph> {
        let mut all = Vec::new();
        for (word, x, y) in words {
            for (at, c) in word.chars().enumerate() {
                let start = x + 5.0 * at as f64;
                all.push(Glyph {
                    text: c.into(),
                    start,
                    end: start + 5.0,
                    base: *y,
                    size: 10.0,
                    is_turned: false,
                });
            }
        }
        all
    }

    fn texts(words: &[(&str, f64, f64)]) -> Vec<String> {
        of(glyphs(words)).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn words_are_parted_by_gaps_and_lines_by_places() {
        let lines = texts(&[
            ("one", 0.0, 10.0),
            ("two", 18.0, 10.0),
            ("x", 33.2, 9.0),
            ("new", 0.0, 22.0),
        ]);
        assert_eq!(lines, ["one twox", "new"]);
    }

    #[test]
    fn columns_are_read_one_after_the_other() {
        let words = [
            ("a1", 0.0, 10.0),
            ("a2", 0.0, 22.0),
            ("b1", 200.0, 10.0),
            ("b2", 200.0, 22.0),
        ];
        assert_eq!(texts(&words), ["a1", "a2", "b1", "b2"]);
    }

    #[test]
    fn a_page_that_is_drawn_in_no_order_is_read_by_places() {
        let mut words: Vec<(&str, f64, f64)> = Vec::new();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        for (at, name) in names.iter().enumerate().rev() {
            words.push((name, 100.0, 12.0 * at as f64));
            words.push(("x", 0.0, 12.0 * at as f64));
        }
        assert_eq!(texts(&words)[..3], ["x a", "x b", "x c"]);
    }
}
