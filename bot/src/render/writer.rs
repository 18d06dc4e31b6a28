//! Builds a [`RichText`] piece by piece. Holds what Telegram demands of nesting and characters, so that whoever writes
//! need not know it.

use super::clean::{Cleaned, clean, is_blank};
use super::rich::{RichText, Span};
use super::tag::Tag;

/// Blank characters in a row, in UTF-16 units, at most; more are dropped. Bounded, so that every part of a text can be
/// given something to show. Wider than any indentation.
const MAX_BLANK_RUN: usize = 128;

#[derive(Debug)]
struct Open {
    tag: Tag,
    /// Where its text begins; `None` until it has some.
    start: Option<usize>,
    order: usize,
}

/// Writes text, opens and closes formats. A format that may not stand where it is opened is left out, its text is not.
#[derive(Debug, Default)]
pub struct Writer {
    rich: RichText,
    live: Vec<Open>,
    /// For every format that was opened and not closed, whether it is live.
    opened: Vec<bool>,
    orders: usize,
    /// Line ends due before the next text.
    gap: usize,
    /// UTF-16 units since the last character that shows.
    blank_run: usize,
}

impl Writer {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text as it is, but for what Telegram would not show.
    pub fn text(&mut self, text: &str) {
        let in_code = self.in_code();
        let mut previous = None;
        for c in text.chars() {
            match clean(c, previous, in_code) {
                Cleaned::Dropped => {}
                Cleaned::Kept(c) => self.put(c),
                Cleaned::Spaces(spaces) => spaces.chars().for_each(|c| self.put(c)),
            }
            previous = Some(c);
        }
    }

    /// Begins a format; [`close`](Self::close) ends it.
    pub fn open(&mut self, tag: Tag) {
        let allowed = self.live.iter().all(|outer| tag.may_stand_in(&outer.tag));
        self.opened.push(allowed);
        if !allowed {
            return;
        }
        if tag.is_code() {
            for place in 0..self.live.len() {
                if self.live[place].tag.is_emphasis() {
                    self.end_segment(place);
                }
            }
        }
        self.orders += 1;
        self.live.push(Open {
            tag,
            start: None,
            order: self.orders,
        });
    }

    /// Opens no format, for a [`close`](Self::close) that will come.
    pub(super) fn open_nothing(&mut self) {
        self.opened.push(false);
    }

    /// Ends the format that was opened last.
    pub fn close(&mut self) {
        if self.opened.pop() == Some(true) {
            self.end_segment(self.live.len() - 1);
            self.live.pop();
        }
    }

    /// Text in one format.
    pub fn tagged(&mut self, tag: Tag, text: &str) {
        self.open(tag);
        self.text(text);
        self.close();
    }

    /// At least so many line ends before the next text, if any text stands before it.
    pub fn gap(&mut self, lines: usize) {
        self.gap = self.gap.max(lines);
    }

    /// What follows belongs to what stands here: a cut in between is avoided.
    pub fn glue(&mut self) {
        self.rich.glued.push(self.rich.text.len());
    }

    /// Adds a finished text with its formats.
    pub fn rich(&mut self, rich: &RichText) {
        let mut ends = Vec::new();
        let mut at = 0;
        for span in &rich.spans {
            while let Some(end) = ends.pop_if(|end| *end <= span.range.start) {
                self.text(&rich.text[at..end]);
                self.close();
                at = end;
            }
            self.text(&rich.text[at..span.range.start]);
            at = span.range.start;
            self.open(span.tag.clone());
            ends.push(span.range.end);
        }
        while let Some(end) = ends.pop() {
            self.text(&rich.text[at..end]);
            self.close();
            at = end;
        }
        self.text(&rich.text[at..]);
    }

    /// Bytes that stand there.
    pub fn len(&self) -> usize {
        self.rich.text.len()
    }

    /// Whether no text stands there.
    pub fn is_empty(&self) -> bool {
        self.rich.text.is_empty()
    }

    /// The text without white space at its end. Formats that show nothing are gone.
    pub fn finish(mut self) -> RichText {
        while !self.opened.is_empty() {
            self.close();
        }
        let mut rich = self.rich;
        rich.text.truncate(rich.text.trim_end().len());
        for span in &mut rich.spans {
            span.range.end = span.range.end.min(rich.text.len());
            span.range.start = span.range.start.min(span.range.end);
        }
        let text = &rich.text;
        rich.spans
            .retain(|span| !text[span.range.clone()].chars().all(is_blank));
        rich.spans
            .sort_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end), span.order));
        if rich.text.chars().all(is_blank) {
            return RichText::default();
        }
        rich
    }

    fn in_code(&self) -> bool {
        self.live.last().is_some_and(|open| open.tag.is_code())
    }

    fn put(&mut self, c: char) {
        if self.rich.text.is_empty() {
            // Telegram trims it, but not where a format covers it.
            if c.is_whitespace() && !self.in_code() {
                return;
            }
            self.gap = 0;
        }
        // The gap is there already; more lines would only add to it.
        if self.gap > 0 && c == '\n' && !self.in_code() {
            return;
        }
        // Before any format begins that has no text yet: the gap belongs to none of them.
        for _ in 0..std::mem::take(&mut self.gap) {
            self.push('\n');
        }
        self.begin_formats();
        self.push(c);
    }

    fn begin_formats(&mut self) {
        let in_code = self.in_code();
        let at = self.rich.text.len();
        for open in &mut self.live {
            if open.start.is_none() && !(in_code && open.tag.is_emphasis()) {
                open.start = Some(at);
            }
        }
    }

    fn push(&mut self, c: char) {
        self.blank_run = if is_blank(c) {
            self.blank_run + c.len_utf16()
        } else {
            0
        };
        if self.blank_run <= MAX_BLANK_RUN {
            self.rich.text.push(c);
        }
    }

    /// Ends what a live format covers so far. It may begin again with the next text.
    fn end_segment(&mut self, place: usize) {
        let end = self.rich.text.len();
        let emphasis = self.live[..place]
            .iter()
            .filter(|outer| outer.tag.is_emphasis())
            .count();
        let open = &mut self.live[place];
        if let Some(start) = open.start.take().filter(|start| *start < end) {
            self.rich.spans.push(Span {
                range: start..end,
                tag: open.tag.clone(),
                entities: 1 + 2 * emphasis,
                order: open.order,
            });
        }
    }
}
