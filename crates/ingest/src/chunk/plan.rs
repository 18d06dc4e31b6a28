//! What a planner says about the lines of a slice. Costs share one scale with the size costs of [`super::segment`]:
//! 0 is free, 100 is what a passage of almost nothing costs.

use super::ChunkOptions;
use super::lines::Slice;
use super::outline::{Outline, Place};

/// Cutting costs by what begins at the line.
pub(super) mod cut {
    /// A section.
    pub(in crate::chunk) const SECTION: u16 = 0;
    /// A paragraph, or any block at the outer level.
    pub(in crate::chunk) const BLOCK: u16 = 8;
    /// A list item at the outer level; deeper ones cost [`DEEPER`] more each.
    pub(in crate::chunk) const ITEM: u16 = 12;
    pub(in crate::chunk) const DEEPER: u16 = 6;
    /// A table's row.
    pub(in crate::chunk) const ROW: u16 = 20;
    /// A line in a code block, after a blank line and not.
    pub(in crate::chunk) const CODE_PART: u16 = 25;
    pub(in crate::chunk) const CODE_LINE: u16 = 45;
    /// A line within a paragraph.
    pub(in crate::chunk) const CONTINUED: u16 = 40;
    /// Within a line: at a sentence, a word, anywhere.
    pub(in crate::chunk) const SENTENCE: u16 = 35;
    pub(in crate::chunk) const WORD: u16 = 60;
    pub(in crate::chunk) const CHARACTER: u16 = 70;
    /// Added where the line belongs to the one before it (a heading, "as follows:", a table's head).
    pub(in crate::chunk) const TIED: u16 = 120;
    pub(in crate::chunk) const LED_IN: u16 = 25;
    /// Added within what should stay whole, where it fits.
    pub(in crate::chunk) const WHOLE: u16 = 150;
}

/// What a line is to the line before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Cost of a passage that begins here.
    pub(super) cut: u16,
    /// Cost of a passage that runs over this boundary.
    pub(super) cross: u16,
    /// No passage runs over this boundary.
    pub(super) hard: bool,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) outline: Outline,
    pub(super) marks: Vec<Mark>,
    /// First and last lines of what should stay whole.
    whole: Vec<(usize, usize)>,
}

/// Says what it knows about a slice. Slices come in order, so a planner may carry its headings from one to the next.
pub(super) trait Planner {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan);
}

impl Plan {
    pub(super) fn new(slice: &Slice<'_>) -> Self {
        let mark = Mark {
            cut: cut::CONTINUED,
            cross: 0,
            hard: false,
            place: 0,
        };
        Self {
            outline: Outline::default(),
            marks: vec![mark; slice.lines.len()],
            whole: Vec::new(),
        }
    }

    pub(super) fn cut(&mut self, line: usize, cost: u16) {
        if let Some(mark) = self.marks.get_mut(line) {
            mark.cut = cost;
        }
    }

    /// Several things may begin at a line: the cheapest cut counts.
    pub(super) fn cut_at_most(&mut self, line: usize, cost: u16) {
        if let Some(mark) = self.marks.get_mut(line) {
            mark.cut = mark.cut.min(cost);
        }
    }

    pub(super) fn tie(&mut self, line: usize, cost: u16) {
        if let Some(mark) = self.marks.get_mut(line) {
            mark.cut = mark.cut.saturating_add(cost);
        }
    }

    pub(super) fn cross(&mut self, line: usize, cost: u16) {
        if let Some(mark) = self.marks.get_mut(line) {
            mark.cross = cost;
        }
    }

    pub(super) fn hard(&mut self, line: usize) {
        if let Some(mark) = self.marks.get_mut(line) {
            mark.hard = true;
        }
    }

    /// Lines `first..=last` should not be cut if they fit into a passage.
    pub(super) fn whole(&mut self, first: usize, last: usize) {
        if last > first && last < self.marks.len() {
            self.whole.push((first, last));
        }
    }

    /// Places by where they begin, in order.
    pub(super) fn places(&mut self, begins: &[(usize, Place)]) {
        for (at, (line, place)) in begins.iter().enumerate() {
            let end = begins
                .get(at + 1)
                .map_or(self.marks.len(), |(next, _)| *next)
                .min(self.marks.len());
            for mark in self.marks.get_mut(*line..end).unwrap_or_default() {
                mark.place = *place;
            }
        }
    }

    /// The plan with what should stay whole made expensive to cut, and each line's weight.
    pub(super) fn finish(mut self, slice: &Slice<'_>, options: &ChunkOptions) -> (Self, Vec<u32>) {
        let weights: Vec<u32> = (0..slice.lines.len())
            .map(|line| u32::try_from(options.weigh(slice.text_of(line))).unwrap_or(u32::MAX))
            .collect();
        for (first, last) in std::mem::take(&mut self.whole) {
            let mut sum = 0_u64;
            let fits = weights[first..=last].iter().all(|weight| {
                sum += u64::from(*weight);
                sum <= options.max_tokens as u64
            });
            if fits {
                (first + 1..=last).for_each(|line| self.tie(line, cut::WHOLE));
            }
        }
        (self, weights)
    }
}
