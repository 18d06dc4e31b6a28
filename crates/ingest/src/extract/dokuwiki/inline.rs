//! What stands within a line: emphasis, line breaks, tags of plugins, masks.

use crate::extract::wiki::{Mask, Masks, Notes, OPEN, Seek};

/// Tags that are looked through: DokuWiki's own and those of the plugins that most wikis have.
const TAGS: [&str; 28] = [
    "sub",
    "sup",
    "del",
    "wrap",
    "note",
    "color",
    "fc",
    "fs",
    "box",
    "hidden",
    "callout",
    "panel",
    "well",
    "alert",
    "label",
    "button",
    "accordion",
    "tabs",
    "grid",
    "col",
    "row",
    "columns",
    "block",
    "center",
    "html",
    "php",
    "nspages",
    "sortable",
];
/// Longest tag, in bytes.
const TAG: usize = 500;

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
            .map(|(begin, text)| begin + &self.on_one_line(text))
            .collect()
    }

    pub(super) fn on_one_line(&mut self, text: &str) -> String {
        let text = self.text(text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The text in Markdown, without white space at its ends.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut line = Line {
            text,
            seek: Seek::new(text),
            pairs: Pairs::of(text),
            out: String::with_capacity(text.len()),
            at: 0,
        };
        while let Some(byte) = line.keep_until_sign() {
            match byte {
                b'<' => line.tag(),
                b'\\' => line.line_break(),
                b'/' | b'\'' | b'_' => line.emphasis(byte),
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
            Mask::Text(text) => line.out.push_str(text),
            Mask::Code { text, .. } => {
                let words: Vec<&str> = text.split_whitespace().collect();
                line.out.push_str(&format!("`{}`", words.join(" ")));
            }
            Mask::Note(number) => {
                let reference = self.notes.refer(*number);
                line.out.push_str(&reference.unwrap_or_default());
            }
        }
    }
}

/// Which signs of emphasis come in pairs; those that do not are text.
#[derive(Clone, Copy, Debug)]
struct Pairs {
    italic: bool,
    code: bool,
    underlined: bool,
}

impl Pairs {
    fn of(text: &str) -> Self {
        let even = |sign: u8| {
            let bytes = text.as_bytes();
            let (mut count, mut at) = (0_usize, 0);
            while at + 1 < bytes.len() {
                let is_sign = is_emphasis(bytes, at, sign);
                count += usize::from(is_sign);
                at += if is_sign { 2 } else { 1 };
            }
            count.is_multiple_of(2)
        };
        Self {
            italic: even(b'/'),
            code: even(b'\''),
            underlined: even(b'_'),
        }
    }
}

/// Two equal signs; slashes behind a colon are part of an address.
fn is_emphasis(bytes: &[u8], at: usize, sign: u8) -> bool {
    let address = sign == b'/' && at > 0 && bytes.get(at - 1) == Some(&b':');
    bytes.get(at) == Some(&sign) && bytes.get(at + 1) == Some(&sign) && !address
}

struct Line<'t> {
    text: &'t str,
    seek: Seek<'t>,
    pairs: Pairs,
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
            .position(|byte| matches!(byte, b'<' | b'\\' | b'/' | b'\'' | b'_') || byte == OPEN as u8);
        self.keep(sign.unwrap_or(rest.len()));
        self.rest().bytes().next()
    }

    fn emphasis(&mut self, sign: u8) {
        let (paired, instead) = match sign {
            b'/' => (self.pairs.italic, "*"),
            b'\'' => (self.pairs.code, "`"),
            _ => (self.pairs.underlined, ""),
        };
        if !is_emphasis(self.text.as_bytes(), self.at, sign) {
            return self.keep(1);
        }
        if paired {
            self.out.push_str(instead);
            self.at += 2;
        } else {
            self.keep(2);
        }
    }

    /// `\\`, with white space or the end of the line behind it.
    fn line_break(&mut self) {
        let behind = self.rest().strip_prefix("\\\\");
        if behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(char::is_whitespace)) {
            self.out.truncate(self.out.trim_end_matches(' ').len());
            self.out.push('\n');
            self.at += 2 + usize::from(behind.is_some_and(|behind| behind.starts_with(' ')));
        } else {
            self.keep(1);
        }
    }

    fn tag(&mut self) {
        let rest = self.rest();
        let inner = rest.get(1..).unwrap_or_default();
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        let length = inner.bytes().take(20).take_while(u8::is_ascii_alphabetic).count();
        let name = inner.get(..length).unwrap_or_default().to_ascii_lowercase();
        let gt = self.seek.next(">", self.at).filter(|gt| gt - self.at <= TAG);
        let ends = inner
            .get(length..)
            .is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c == '/' || c.is_ascii_whitespace()));
        match gt {
            Some(gt) if ends && TAGS.contains(&name.as_str()) => self.at = gt + 1,
            _ => self.keep(1),
        }
    }
}
