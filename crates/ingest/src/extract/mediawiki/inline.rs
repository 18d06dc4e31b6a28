//! What stands within a line: emphasis, links to other sites, tags, character references, masks.

use super::emphasis::{Emphasis, marks};
use crate::extract::wiki::{Mask, Masks, Notes, OPEN, Seek, character};

/// Tags that are looked through. All others are text: `List<String>`, `<your name>`.
const TAGS: [&str; 52] = [
    "abbr",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "hr",
    "i",
    "includeonly",
    "ins",
    "kbd",
    "li",
    "mark",
    "noinclude",
    "ol",
    "p",
    "q",
    "rb",
    "ref",
    "references",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "templatestyles",
    "translate",
    "tt",
    "tvar",
    "u",
    "var",
];
/// Longest tag, in bytes.
const TAG: usize = 1_000;

/// Where a text stands, which decides what may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Paragraph,
    /// One line; emphasis and footnotes stay out.
    Heading,
    /// As a heading, without anything that Markdown adds: what its anchor is made of.
    Anchor,
    /// One line.
    Cell,
}

pub(super) struct Inline<'a> {
    masks: &'a Masks,
    notes: Notes<'a>,
}

impl<'a> Inline<'a> {
    pub(super) fn new(masks: &'a Masks, notes: &'a [String]) -> Self {
        Self {
            masks,
            notes: Notes::new(notes),
        }
    }

    pub(super) const fn masks(&self) -> &'a Masks {
        self.masks
    }

    /// Lines that tell the footnotes that are due.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        let due = self.notes.take();
        due.into_iter()
            .map(|(begin, text)| {
                let words = self.text(text, Place::Cell);
                begin + &words.split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    /// The text in Markdown, without white space at its ends.
    pub(super) fn text(&mut self, text: &str, place: Place) -> String {
        let mut line = Line {
            text,
            seek: Seek::new(text),
            place,
            emphasis: Emphasis::of(text, place),
            link: None,
            out: String::with_capacity(text.len()),
            at: 0,
        };
        while let Some(byte) = line.keep_until_sign() {
            match byte {
                b'\'' => line.apostrophes(),
                b'[' => line.open_link(),
                b']' => line.close_link(),
                b'<' => line.tag(),
                b'&' => line.reference(),
                _ => self.mask(&mut line),
            }
        }
        line.out.trim().to_owned()
    }

    fn mask(&mut self, line: &mut Line<'_>) {
        let Some((mask, length)) = self.masks.at(line.rest()) else {
            line.at += 1;
            return;
        };
        line.at += length;
        match mask {
            Mask::Text(text) if line.place == Place::Paragraph => line.out.push_str(text),
            Mask::Text(text) => line.out.push_str(&text.replace('\n', " ")),
            Mask::Code { text, .. } => {
                let words: Vec<&str> = text.split_whitespace().collect();
                line.out.push_str(&format!("`{}`", words.join(" ")));
            }
            Mask::Note(_) if matches!(line.place, Place::Heading | Place::Anchor) => {}
            Mask::Note(number) => {
                let reference = self.notes.refer(*number);
                line.out.push_str(&reference.unwrap_or_default());
            }
        }
    }
}

struct Line<'t> {
    text: &'t str,
    seek: Seek<'t>,
    place: Place,
    emphasis: Emphasis,
    /// Where the open link ends, and where it leads.
    link: Option<(usize, &'t str)>,
    out: String,
    at: usize,
}

impl<'t> Line<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn keep(&mut self, bytes: usize) {
        self.out.push_str(self.rest().get(..bytes).unwrap_or_default());
        self.at += bytes;
    }

    fn keep_until_sign(&mut self) -> Option<u8> {
        let rest = self.rest();
        let sign = rest
            .bytes()
            .position(|byte| matches!(byte, b'\'' | b'[' | b']' | b'<' | b'&') || byte == OPEN as u8);
        self.keep(sign.unwrap_or(rest.len()));
        self.rest().bytes().next()
    }

    fn apostrophes(&mut self) {
        let run = self.rest().bytes().take_while(|byte| *byte == b'\'').count();
        let (bold, italic) = marks(run);
        let signs = 3 * usize::from(bold) + 2 * usize::from(italic);
        self.keep(run.saturating_sub(signs));
        self.at += signs.min(run);
        if bold && self.emphasis.bold {
            self.out.push_str("**");
        }
        if italic && self.emphasis.italic {
            self.out.push('*');
        }
    }

    /// `[https://a.example text]`
    fn open_link(&mut self) {
        const SCHEMES: [&str; 6] = ["http://", "https://", "//", "ftp://", "mailto:", "tel:"];
        let inner = self.rest().get(1..).unwrap_or_default();
        let end = self.seek.next("]", self.at);
        let (Some(end), true) = (end, SCHEMES.iter().any(|scheme| inner.starts_with(scheme))) else {
            return self.keep(1);
        };
        if self.link.is_some() {
            return self.keep(1);
        }
        let inner = self.text.get(self.at + 1..end).unwrap_or_default();
        let length = inner
            .find(|c: char| c.is_whitespace() || matches!(c, OPEN | '<' | '"'))
            .unwrap_or(inner.len());
        let (url, label) = inner.split_at_checked(length).unwrap_or((inner, ""));
        self.at += 1 + length;
        if label.trim().is_empty() {
            self.out.push_str(url);
            self.at = end + 1;
            return;
        }
        self.at += label.len() - label.trim_start().len();
        if self.place != Place::Anchor {
            self.out.push('[');
        }
        self.link = Some((end, url));
    }

    fn close_link(&mut self) {
        match self.link {
            Some((end, _)) if end == self.at && self.place == Place::Anchor => {
                self.link = None;
                self.at += 1;
            }
            Some((end, url)) if end == self.at => {
                let url = url.replace('(', "%28").replace(')', "%29");
                self.out.push_str("](");
                self.out.push_str(&url);
                self.out.push(')');
                self.link = None;
                self.at += 1;
            }
            _ => self.keep(1),
        }
    }

    fn tag(&mut self) {
        let inner = self.rest().get(1..).unwrap_or_default();
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        let length = inner
            .bytes()
            .take(20)
            .take_while(u8::is_ascii_alphanumeric)
            .count();
        let name = inner.get(..length).unwrap_or_default().to_ascii_lowercase();
        let ends = inner
            .get(length..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/'));
        let gt = self.seek.next(">", self.at).filter(|gt| gt - self.at <= TAG);
        let known = TAGS.contains(&name.as_str()) || is_heading(&name);
        let (Some(gt), true) = (gt, known && ends) else {
            return self.keep(1);
        };
        // A link or a mask inside of a tag was no tag.
        if self.link.is_some_and(|(end, _)| end < gt) {
            return self.keep(1);
        }
        let opens = !self.rest().starts_with("</");
        self.at = gt + 1;
        match name.as_str() {
            "br" if self.place == Place::Paragraph => self.out.push('\n'),
            "br" | "p" | "div" | "hr" | "caption" => self.out.push(' '),
            _ if self.place == Place::Anchor => {}
            "code" | "tt" | "kbd" | "samp" => self.out.push('`'),
            "sup"
                if opens
                    && self
                        .rest()
                        .starts_with(|c: char| c.is_ascii_digit() || "-−+".contains(c)) =>
            {
                self.out.push('^');
            }
            _ => {}
        }
    }

    fn reference(&mut self) {
        match character(self.rest()) {
            Some((resolved, length)) => {
                self.out.push_str(&resolved);
                self.at += length;
            }
            None => self.keep(1),
        }
    }
}

fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}
