//! Cuts a text into parts of which Telegram takes each as one message.
//!
//! A part ends, in this order of preference, after a block, a line, a sentence, a word, each with the white space behind
//! it; code ends after a line. Only where none of these lies in reach, a word or code line is cut, between grapheme
//! clusters if possible. No part is blank, because runs of blank characters are bounded far below the smallest limit.

use std::ops::Range;

use unicode_segmentation::GraphemeCursor;

use super::breaks::Breaks;
use super::clean::is_blank;
use super::html;
use super::rich::{RichText, Span};

/// UTF-16 code units of a message "after entities parsing" (<https://core.telegram.org/bots/api#sendmessage>).
const MAX_UNITS: usize = 4_096;
/// Entities that Telegram keeps of a message (<https://core.telegram.org/api/entities>); it drops the others.
const MAX_ENTITIES: usize = 100;
/// Bytes of HTML that the Bot API server reads, before it parses anything (`Client::get_formatted_text` in
/// <https://github.com/tdlib/telegram-bot-api/blob/master/telegram-bot-api/Client.cpp>). Long addresses reach it.
const MAX_BYTES: usize = 1 << 15;
/// Below these, there might be parts without anything to show.
const MIN_UNITS: usize = 512;
const MIN_ENTITIES: usize = 50;
/// How far back from the limit a boundary of grapheme clusters is looked for, in characters: longer than any emoji.
const CLUSTER_SEARCH: usize = 256;

/// The most that one part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    units: usize,
    entities: usize,
}

impl Limits {
    /// The smallest that a part can be held to.
    pub const MIN: Self = Self {
        units: MIN_UNITS,
        entities: MIN_ENTITIES,
    };

    /// In UTF-16 code units (512 to 4,096) and entities (50 to 100); what lies outside is moved inside.
    pub fn new(units: usize, entities: usize) -> Self {
        Self {
            units: units.clamp(MIN_UNITS, MAX_UNITS),
            entities: entities.clamp(MIN_ENTITIES, MAX_ENTITIES),
        }
    }

    /// UTF-16 code units of the text without tags.
    pub const fn units(self) -> usize {
        self.units
    }

    /// Entities, as Telegram counts them after it has cut emphasis at other formats.
    pub const fn entities(self) -> usize {
        self.entities
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(MAX_UNITS, MAX_ENTITIES)
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// For `parse_mode` HTML.
    pub html: String,
    /// The same without formats, should Telegram refuse them.
    pub text: String,
}

pub(super) fn parts(rich: &RichText, limits: Limits) -> Vec<Part> {
    let breaks = Breaks::of(rich);
    let last_visible = rich.text.char_indices().rfind(|(_, c)| !is_blank(*c));
    let Some((last_visible, _)) = last_visible else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    let mut start = 0;
    while start < rich.text.len() {
        let end = match window(rich, start, limits) {
            end if end == rich.text.len() => end,
            // What is left over must show something, too.
            end => cut(rich, &breaks, start..end.min(last_visible)),
        };
        parts.push(Part {
            html: html::write(rich, start..end),
            text: rich.text[start..end].to_owned(),
        });
        start = end;
    }
    parts
}

/// Where a part that begins at `start` ends at the latest.
fn window(rich: &RichText, start: usize, limits: Limits) -> usize {
    let mut size = Size::default();
    rich.spans_in(start..start + 1).for_each(|span| size.add(span));
    let next = rich.spans.partition_point(|span| span.range.start <= start);
    let mut coming = rich.spans[next..].iter().peekable();
    for (at, c) in rich.text[start..].char_indices() {
        let at = start + at;
        while let Some(span) = coming.next_if(|span| span.range.start <= at) {
            size.add(span);
        }
        size.units += c.len_utf16();
        size.bytes += html::letter_bytes(c);
        if size.exceeds(limits) {
            return at;
        }
    }
    rich.text.len()
}

/// What a part takes so far.
#[derive(Debug, Default)]
struct Size {
    units: usize,
    entities: usize,
    bytes: usize,
}

impl Size {
    fn add(&mut self, span: &Span) {
        self.entities += span.entities;
        self.bytes += html::tag_bytes(&span.tag);
    }

    const fn exceeds(&self, limits: Limits) -> bool {
        self.units > limits.units || self.entities > limits.entities || self.bytes > MAX_BYTES
    }
}

/// The best place to cut. Both ends of the window lie on characters, and something before its end shows.
fn cut(rich: &RichText, breaks: &Breaks, window: Range<usize>) -> usize {
    breaks
        .best(rich, window.clone())
        .or_else(|| between_clusters(&rich.text, window.clone()))
        .unwrap_or(window.end)
}

fn between_clusters(text: &str, window: Range<usize>) -> Option<usize> {
    let (visible, c) = text[window.clone()].char_indices().find(|(_, c)| !is_blank(*c))?;
    let from = window.start + visible + c.len_utf8();
    let earlier = text[from..window.end].char_indices().rev();
    std::iter::once(window.end)
        .chain(earlier.map(|(at, _)| from + at))
        .take(CLUSTER_SEARCH)
        .find(|at| is_boundary(text, *at))
}

/// Whether a cut at `at` leaves all grapheme clusters whole.
pub(super) fn is_boundary(text: &str, at: usize) -> bool {
    // With the whole text at hand the cursor needs nothing more, so it cannot fail.
    GraphemeCursor::new(at, text.len(), true)
        .is_boundary(text, 0)
        .unwrap_or(false)
}
