//! Picks the part of a passage that a question is answered by: a run of whole units, byte for byte.

use std::collections::HashSet;
use std::ops::Range;

use nexus_domain::{Chunk, LineRange};

use super::relevance::Match;
use super::units::{Kind, Unit, units};

/// A match in a heading says what follows; the same match in the body answers.
const HEADING_SHARE: f32 = 0.4;
/// What a unit without a new match costs, so that of two runs with equal matches the shorter one wins.
const UNIT_COST: f32 = 0.02;
/// A shorter quote, as a share of the longest one, is continued: a bare sentence seldom stands alone.
const SHORT_QUOTE: f32 = 0.5;

/// The byte range of `text` to quote, at most `max_chars` long; `None` if the text is blank.
///
/// `matches` are the places of the question's terms, in order.
pub(crate) fn best_span(text: &str, matches: &[Match], max_chars: usize) -> Option<Range<usize>> {
    let units = units(text, max_chars);
    if units.is_empty() {
        return None;
    }
    let page = Page::new(text, &units, max_chars);
    let core = page.core(matches);
    let run = page.grown(core);
    Some(page.span(&run))
}

/// The lines that `span` of a chunk's text stands on, within the chunk's own.
pub(crate) fn lines_of(chunk: &Chunk, span: &Range<usize>) -> LineRange {
    let breaks = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
    let last_line = chunk.lines.last.max(chunk.lines.first);
    let first = chunk
        .lines
        .first
        .saturating_add(breaks(&chunk.text[..span.start]))
        .min(last_line);
    let last = first
        .saturating_add(breaks(&chunk.text[span.clone()]))
        .min(last_line);
    LineRange { first, last }
}

/// A text in units, with their places in characters.
struct Page<'a> {
    units: &'a [Unit],
    /// Characters before each unit, and in it.
    chars: Vec<(usize, usize)>,
    max_chars: usize,
}

impl<'a> Page<'a> {
    fn new(text: &str, units: &'a [Unit], max_chars: usize) -> Self {
        let (mut at, mut before) = (0, 0);
        let chars = units
            .iter()
            .map(|unit| {
                before += text[at..unit.span.start].chars().count();
                let length = text[unit.span.clone()].chars().count();
                let place = (before, length);
                before += length;
                at = unit.span.end;
                place
            })
            .collect();
        Self {
            units,
            chars,
            max_chars,
        }
    }

    fn span(&self, run: &Range<usize>) -> Range<usize> {
        self.units[run.start].span.start..self.units[run.end - 1].span.end
    }

    fn chars(&self, run: &Range<usize>) -> usize {
        let (last, length) = self.chars[run.end - 1];
        last + length - self.chars[run.start].0
    }

    fn fits(&self, run: &Range<usize>) -> bool {
        self.chars(run) <= self.max_chars
    }

    /// The run of units that holds most of the question; the first of equals.
    fn core(&self, matches: &[Match]) -> Range<usize> {
        let per_unit = self.matches_per_unit(matches);
        let start = self.first_body_unit();
        let (mut best, mut best_score) = (start..start + 1, 0.0);
        for start in 0..self.units.len() {
            let mut seen = HashSet::new();
            let mut score = 0.0;
            for end in start + 1..=self.units.len() {
                if !self.fits(&(start..end)) {
                    break;
                }
                let share = if self.units[end - 1].kind == Kind::Heading {
                    HEADING_SHARE
                } else {
                    1.0
                };
                score -= UNIT_COST;
                for found in &per_unit[end - 1] {
                    if seen.insert((found.term, self.units[end - 1].kind == Kind::Heading)) {
                        score += found.weight * share;
                    }
                }
                if score > best_score + 1e-6 {
                    (best, best_score) = (start..end, score);
                }
            }
        }
        best
    }

    fn matches_per_unit<'m>(&self, matches: &'m [Match]) -> Vec<Vec<&'m Match>> {
        let mut per_unit = vec![Vec::new(); self.units.len()];
        for found in matches {
            // The last unit that starts at or before the match; a match that a cut divides belongs to its start.
            let place = self
                .units
                .partition_point(|unit| unit.span.start <= found.span.start);
            if let Some(unit) = place.checked_sub(1) {
                per_unit[unit].push(found);
            }
        }
        per_unit
    }

    /// Where nothing matches, the text's own beginning is quoted, behind its headings.
    fn first_body_unit(&self) -> usize {
        self.units
            .iter()
            .position(|unit| unit.kind != Kind::Heading)
            .unwrap_or(0)
    }

    /// The core with what belongs to it: its whole blocks if they fit, what a heading announces, and, if it is
    /// still short, what follows and what precedes.
    fn grown(&self, core: Range<usize>) -> Range<usize> {
        let mut run = core;
        let blocks = self.block_start(run.start)..self.block_end(run.end - 1);
        if self.fits(&blocks) {
            run = blocks;
        } else {
            run.end = self.extended(&run, self.block_end(run.end - 1));
        }
        while run.end < self.units.len() && self.units[run.end - 1].kind == Kind::Heading {
            let end = self.extended(&run, self.block_end(run.end));
            if end == run.end {
                break;
            }
            run.end = end;
        }
        while run.end < self.units.len() && (self.chars(&run) as f32) < self.max_chars as f32 * SHORT_QUOTE {
            let next = run.end..self.block_end(run.end);
            if self.units[next.start].kind == Kind::Heading || !self.fits(&(run.start..next.end)) {
                break;
            }
            run.end = next.end;
        }
        while run.start > 0 && (self.chars(&run) as f32) < self.max_chars as f32 * SHORT_QUOTE {
            let start = self.block_start(run.start - 1);
            if self.units[start].kind == Kind::Heading || !self.fits(&(start..run.end)) {
                break;
            }
            run.start = start;
        }
        run
    }

    /// Where the run ends with the units before `limit` that still fit.
    fn extended(&self, run: &Range<usize>, limit: usize) -> usize {
        (run.end..limit)
            .take_while(|unit| self.fits(&(run.start..unit + 1)))
            .last()
            .map_or(run.end, |unit| unit + 1)
    }

    fn block_start(&self, unit: usize) -> usize {
        let block = self.units[unit].block;
        self.units[..unit]
            .iter()
            .rposition(|unit| unit.block != block)
            .map_or(0, |before| before + 1)
    }

    fn block_end(&self, unit: usize) -> usize {
        let block = self.units[unit].block;
        let after = self.units[unit..].iter().position(|unit| unit.block != block);
        after.map_or(self.units.len(), |after| unit + after)
    }
}
