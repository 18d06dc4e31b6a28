//! Text with formats: what a message is before it is cut and written as HTML.

use std::ops::Range;

use super::html;
use super::split::{self, Limits, Part};
use super::tag::Tag;

/// A format and the bytes that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) tag: Tag,
    /// How many entities Telegram may make of it: emphasis is cut where another format within it begins and ends.
    pub(super) entities: usize,
    /// Of spans with the same range, the one with the smaller number is the outer one.
    pub(super) order: usize,
}

/// Text with properly nested formats, made by a [`Writer`](super::Writer).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RichText {
    pub(super) text: String,
    /// By start, outer ones first.
    pub(super) spans: Vec<Span>,
    /// Ends of headings: what follows one should not stand in another part.
    pub(super) glued: Vec<usize>,
}

impl RichText {
    /// What Telegram shows, without formats.
    pub fn plain(&self) -> &str {
        &self.text
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The whole as Telegram HTML, however long.
    pub fn html(&self) -> String {
        html::write(self, 0..self.text.len())
    }

    /// Parts that Telegram takes as one message each; none if there is no text.
    pub fn parts(&self, limits: Limits) -> Vec<Part> {
        split::parts(self, limits)
    }

    /// The spans that cover a part of a range.
    pub(super) fn spans_in(&self, range: Range<usize>) -> impl Iterator<Item = &Span> {
        let end = self.spans.partition_point(|span| span.range.start < range.end);
        self.spans[..end]
            .iter()
            .filter(move |span| span.range.end > range.start)
    }
}
