//! Writes down which letters a page draws, and where.

use std::collections::HashSet;

use hayro_interpret::font::{Glyph as Drawn, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::object::{self, Dict, Name};
use hayro_interpret::kurbo::{Affine, BezPath, Point};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};

use super::strings;

/// Units of a glyph's own space to the size of its font.
const EM: f64 = 1_000.0;

/// Letters of one page beyond this many are the work of a program that draws, not writes.
const GLYPHS: usize = 2_000_000;

/// A letter, or several that one glyph draws. Coordinates run along and across the line of writing.
#[derive(Clone, Debug)]
pub(super) struct Glyph {
    pub(super) text: String,
    /// Where it starts and ends along the line.
    pub(super) start: f64,
    pub(super) end: f64,
    /// The base line; grows downwards.
    pub(super) base: f64,
    pub(super) size: f64,
    /// Written upwards or downwards instead of across.
    pub(super) is_turned: bool,
}

#[derive(Debug)]
pub(super) struct Recorder {
    glyphs: Vec<Glyph>,
    /// What was drawn where: bold text may be drawn twice.
    seen: HashSet<(i64, i64, String)>,
    marked: Vec<Marked>,
    bytes: u64,
    max_bytes: u64,
    images: u64,
    unknown: u64,
    is_full: bool,
}

/// Content between marks.
#[derive(Debug, Default)]
struct Marked {
    /// A running header or footer, by its own account.
    is_running: bool,
    /// What its glyphs stand for, until the first of them took it.
    replaced: Option<String>,
    is_replaced: bool,
}

impl Recorder {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            glyphs: Vec::new(),
            seen: HashSet::new(),
            marked: Vec::new(),
            bytes: 0,
            max_bytes,
            images: 0,
            unknown: 0,
            is_full: false,
        }
    }

    pub(super) fn into_glyphs(self) -> Vec<Glyph> {
        self.glyphs
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn images(&self) -> u64 {
        self.images
    }

    pub(super) const fn unknown(&self) -> u64 {
        self.unknown
    }

    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }

    fn record(&mut self, drawn: &Drawn<'_>, place: Affine) {
        if self.is_full || self.marked.iter().any(|marked| marked.is_running) {
            return;
        }
        let Some(text) = self.text_of(drawn) else { return };
        let advance = match drawn {
            Drawn::Outline(glyph) => glyph.advance_width(),
            Drawn::Type3(glyph) => glyph.advance_width(),
        };
        let advance = f64::from(advance.unwrap_or(500.0));
        let origin = place * Point::ORIGIN;
        let end = place * Point::new(advance, 0.0);
        let along = place * Point::new(EM, 0.0) - origin;
        let size = (place * Point::new(0.0, EM) - origin).hypot();
        let is_sound = [origin.x, origin.y, end.x, end.y, size]
            .iter()
            .all(|number| number.is_finite());
        if !is_sound || size < 0.01 {
            return;
        }
        let is_turned = along.y.abs() > along.x.abs();
        let (start, end, base) = match (is_turned, along.y < 0.0) {
            (false, _) => (origin.x, end.x, origin.y),
            (true, true) => (-origin.y, -end.y, origin.x),
            (true, false) => (origin.y, end.y, -origin.x),
        };
        let key = |number: f64| (number / (size * 0.1)).round() as i64;
        if !text.trim().is_empty() && !self.seen.insert((key(start), key(base), text.clone())) {
            return;
        }
        self.bytes += text.len() as u64;
        self.is_full = self.bytes > self.max_bytes || self.glyphs.len() >= GLYPHS;
        self.glyphs.push(Glyph {
            text,
            start: start.min(end),
            end: start.max(end),
            base,
            size,
            is_turned,
        });
    }

    /// `None` where nothing is known of what the glyph stands for.
    fn text_of(&mut self, drawn: &Drawn<'_>) -> Option<String> {
        if let Some(marked) = self.marked.iter_mut().rev().find(|marked| marked.is_replaced) {
            return Some(marked.replaced.take().unwrap_or_default());
        }
        let text = match drawn.as_unicode() {
            Some(BfString::Char(c)) => plain(c),
            Some(BfString::String(text)) => text.chars().map(plain).collect(),
            None => {
                self.unknown += 1;
                return None;
            }
        };
        Some(text)
    }
}

/// A letter as it is written without ligatures; bullets of the Symbol font, which have no character of their own.
fn plain(c: char) -> String {
    match c {
        '\u{FB00}' => "ff".into(),
        '\u{FB01}' => "fi".into(),
        '\u{FB02}' => "fl".into(),
        '\u{FB03}' => "ffi".into(),
        '\u{FB04}' => "ffl".into(),
        '\u{FB05}' | '\u{FB06}' => "st".into(),
        '\u{F0B7}' | '\u{F0A7}' | '\u{F0D8}' => "•".into(),
        '\u{A0}' => " ".into(),
        '\u{E000}'..='\u{F8FF}' | '\u{FFFD}' => String::new(),
        c if c.is_control() => String::new(),
        c => c.into(),
    }
}

impl<'a> Device<'a> for Recorder {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.record(glyph, props.transform * glyph.transform());
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.images += 1;
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        let is_running = tag == b"Artifact"
            && properties
                .and_then(|properties| properties.get::<Name<'_>>("Type"))
                .is_some_and(|kind| &*kind == b"Pagination");
        let replaced = properties
            .and_then(|properties| properties.get::<object::String<'_>>("ActualText"))
            .map(|text| strings::decode(text.as_bytes()));
        self.marked.push(Marked {
            is_running,
            is_replaced: replaced.is_some(),
            replaced,
        });
    }

    fn end_marked_content(&mut self) {
        self.marked.pop();
    }
}
