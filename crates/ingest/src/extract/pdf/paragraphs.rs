//! Lines to paragraphs, list items and headings.

use std::collections::HashMap;

use super::PageText;
use super::lines::Line;
use crate::extract::blocks::Blocks;

/// How much larger than the body a line has to be to be a heading, and of which level: ratios from the first level on.
const HEADINGS: [(f64, usize); 3] = [(1.7, 1), (1.35, 2), (1.15, 3)];

/// No heading is longer, in characters.
const HEADING: usize = 200;

const BULLETS: [char; 9] = ['•', '◦', '▪', '‣', '●', '○', '■', '□', '·'];

/// The size that most of the text has.
pub(super) fn body_size(pages: &[PageText]) -> f64 {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for line in pages.iter().flat_map(|page| &page.lines) {
        // Halves of a point are what sizes differ by.
        *counts.entry((line.size * 2.0).round() as i64).or_default() += line.text.chars().count();
    }
    let most = counts.into_iter().max_by_key(|(size, count)| (*count, *size));
    most.map_or(1.0, |(size, _)| size as f64 / 2.0)
}

pub(super) fn write(page: &PageText, body: f64, blocks: &mut Blocks) {
    let spacing = spacing(&page.lines);
    let right = page.lines.iter().map(|line| line.end).fold(f64::MIN, f64::max);
    let mut open: Option<Paragraph<'_>> = None;
    for line in &page.lines {
        match &mut open {
            Some(paragraph) if paragraph.goes_on(line, spacing, right) => paragraph.add(line),
            _ => {
                if let Some(paragraph) = open.replace(Paragraph::new(line)) {
                    paragraph.write(body, blocks);
                }
            }
        }
    }
    if let Some(paragraph) = open {
        paragraph.write(body, blocks);
    }
}

/// The distance of lines of one paragraph on this page, in sizes of their font.
fn spacing(lines: &[Line]) -> f64 {
    let mut distances: Vec<f64> = lines
        .windows(2)
        .map(|pair| (pair[1].base - pair[0].base) / pair[0].size)
        .filter(|distance| (0.5..3.0).contains(distance))
        .collect();
    distances.sort_by(f64::total_cmp);
    // Below the middle: pages of short paragraphs have more gaps between them than lines in them.
    distances.get(distances.len() / 3).copied().unwrap_or(1.2)
}

#[derive(Debug)]
struct Paragraph<'l> {
    text: String,
    last: &'l Line,
    is_item: bool,
    lines: usize,
}

impl<'l> Paragraph<'l> {
    fn new(line: &'l Line) -> Self {
        Self {
            text: line.text.trim().to_owned(),
            last: line,
            is_item: begins_item(&line.text),
            lines: 1,
        }
    }

    fn goes_on(&self, line: &Line, spacing: f64, right: f64) -> bool {
        let last = self.last;
        let size = last.size.max(line.size);
        let distance = (line.base - last.base) / size;
        let is_near = distance > 0.0 && distance < spacing * 1.3;
        let is_alike = (last.size - line.size).abs() < 0.12 * size && last.is_turned == line.is_turned;
        if !is_near || !is_alike || begins_item(&line.text) || is_led_to_page(&last.text) {
            return false;
        }
        let is_centred = (last.start + last.end - line.start - line.end).abs() < size;
        // What is set in begins a paragraph; below an item's marker it goes on.
        let is_set_in = line.start > last.start + 0.8 * size && !is_centred;
        let is_below_marker = self.is_item && self.lines == 1;
        if is_set_in && !is_below_marker {
            return false;
        }
        let is_short = last.end < right - 0.25 * (right - last.start);
        !(is_short && last.text.trim_end().ends_with(['.', '!', '?', ':', ';']))
    }

    fn add(&mut self, line: &'l Line) {
        let next = line.text.trim();
        if self.is_hyphenated() && next.starts_with(char::is_lowercase) {
            self.text.pop();
        } else {
            self.text.push(' ');
        }
        self.text.push_str(next);
        self.last = line;
        self.lines += 1;
    }

    /// Ends with a word that is cut at the line's end.
    fn is_hyphenated(&self) -> bool {
        let mut ends = self.text.chars().rev();
        matches!(ends.next(), Some('-' | '\u{2010}' | '\u{AD}'))
            && ends.next().is_some_and(char::is_alphabetic)
    }

    fn write(self, body: f64, blocks: &mut Blocks) {
        let ratio = self.last.size / body;
        let level = HEADINGS.iter().find(|(least, _)| ratio >= *least);
        let is_short = self.text.chars().nth(HEADING).is_none();
        let has_words = self.text.chars().any(char::is_alphabetic);
        match (level, self.text.strip_prefix(BULLETS)) {
            (Some((_, level)), _) if is_short && has_words && !self.last.is_turned => {
                blocks.heading(*level, &self.text);
            }
            (_, Some(item)) => blocks.item(0, None, item),
            _ => blocks.paragraph(&self.text),
        }
    }
}

/// An entry of a table of contents: dots that lead to the number of a page.
fn is_led_to_page(text: &str) -> bool {
    let before = text.trim_end().trim_end_matches(|c: char| c.is_ascii_digit());
    before.len() < text.trim_end().len()
        && (before.trim_end().ends_with("..") || before.trim_end().ends_with(". ."))
}

/// A bullet, a dash, or a number with a dot or bracket.
fn begins_item(text: &str) -> bool {
    let text = text.trim_start();
    if text.starts_with(BULLETS) {
        return true;
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.len() - rest.len();
    let is_numbered = (1..=3).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") "));
    is_numbered || text.starts_with("- ") || text.starts_with("– ") || text.starts_with("— ")
}
