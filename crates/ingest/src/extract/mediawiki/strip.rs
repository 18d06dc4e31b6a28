//! The first pass: comments go, what holds no wiki markup becomes a mask, and HTML's blocks become the wiki's.

use crate::extract::wiki::{CLOSE, Mask, Masks, OPEN, Seek, decoded};

/// Longest tag, in bytes.
const TAG: usize = 2_000;

/// Extensions whose content is no text of the page, by how they end.
const DROPPED: [(&str, &str); 17] = [
    ("includeonly", "</includeonly"),
    ("score", "</score"),
    ("timeline", "</timeline"),
    ("graph", "</graph"),
    ("mapframe", "</mapframe"),
    ("maplink", "</maplink"),
    ("templatedata", "</templatedata"),
    ("templatestyles", "</templatestyles"),
    ("hiero", "</hiero"),
    ("imagemap", "</imagemap"),
    ("inputbox", "</inputbox"),
    ("indicator", "</indicator"),
    ("categorytree", "</categorytree"),
    ("dynamicpagelist", "</dynamicpagelist"),
    ("style", "</style"),
    ("script", "</script"),
    ("rss", "</rss"),
];

pub(super) fn strip(text: &str, masks: &mut Masks) -> String {
    let lower = text.to_ascii_lowercase();
    let mut strip = Strip {
        text,
        lower: &lower,
        seek: Seek::new(&lower),
        masks,
        out: String::with_capacity(text.len()),
        at: 0,
    };
    strip.run();
    strip.out
}

struct Strip<'t> {
    text: &'t str,
    /// The text in lower case, byte for byte.
    lower: &'t str,
    seek: Seek<'t>,
    masks: &'t mut Masks,
    out: String,
    at: usize,
}

/// A tag that begins at [`Strip::at`].
struct Tag<'t> {
    name: &'t str,
    closes: bool,
    /// `<name/>`
    is_empty: bool,
    attributes: &'t str,
    /// Behind its `>`.
    end: usize,
}

impl<'t> Strip<'t> {
    fn run(&mut self) {
        let (open, close) = (OPEN as u8, CLOSE as u8);
        while let Some(found) = memchr::memchr3(b'<', open, close, self.rest(self.at).as_bytes()) {
            let found = self.at + found;
            self.keep_until(found);
            if !self.rest(found).starts_with('<') {
                self.at = found + 1;
            } else if self.rest(found).starts_with("<!--") {
                self.comment();
            } else {
                self.tag();
            }
        }
        self.keep_until(self.text.len());
    }

    fn rest(&self, from: usize) -> &'t str {
        self.text.get(from..).unwrap_or_default()
    }

    fn keep_until(&mut self, end: usize) {
        self.out.push_str(self.text.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// A comment that fills a line goes with its line.
    fn comment(&mut self) {
        self.at = self
            .seek
            .next("-->", self.at + 4)
            .map_or(self.text.len(), |end| end + 3);
        if (self.out.is_empty() || self.out.ends_with('\n')) && self.rest(self.at).starts_with('\n') {
            self.at += 1;
        }
    }

    fn parse(&mut self) -> Option<Tag<'t>> {
        let inner = self.lower.get(self.at + 1..)?;
        let (closes, inner) = match inner.strip_prefix('/') {
            Some(inner) => (true, inner),
            None => (false, inner),
        };
        let length = inner
            .bytes()
            .take(24)
            .take_while(u8::is_ascii_alphanumeric)
            .count();
        let name = inner.get(..length).filter(|name| !name.is_empty())?;
        if !inner
            .get(length..)?
            .starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
        {
            return None;
        }
        let gt = self.seek.next(">", self.at)?;
        let from = self.at + 1 + usize::from(closes) + length;
        let attributes = self.text.get(from..gt).filter(|_| gt - self.at <= TAG)?;
        if attributes.contains([OPEN, CLOSE]) {
            return None;
        }
        Some(Tag {
            name,
            closes,
            is_empty: attributes.ends_with('/'),
            attributes,
            end: gt + 1,
        })
    }

    fn tag(&mut self) {
        let Some(tag) = self.parse() else {
            return self.keep_until(self.at + 1);
        };
        let instead = match (tag.name, tag.closes) {
            ("noinclude" | "onlyinclude", _) => "",
            ("li", false) => "\n* ",
            ("ul" | "ol" | "dl" | "dt" | "dd" | "tr" | "table", _) => "\n",
            ("td" | "th", false) => " ",
            ("blockquote", false) => "\n<blockquote>\n",
            ("blockquote", true) => "\n</blockquote>\n",
            ("h2" | "h3" | "h4" | "h5" | "h6", closes) => return self.heading(&tag, closes),
            (_, false) if !tag.is_empty => return self.extension(&tag),
            _ => return self.keep_until(tag.end),
        };
        self.out.push_str(instead);
        self.at = tag.end;
    }

    fn heading(&mut self, tag: &Tag<'_>, closes: bool) {
        let level = usize::from(tag.name.as_bytes().get(1).map_or(2, |digit| digit - b'0'));
        let signs = "=".repeat(level);
        let heading = if closes {
            format!("{signs}\n")
        } else {
            format!("\n{signs}")
        };
        self.out.push_str(&heading);
        self.at = tag.end;
    }

    /// Takes an extension's content, if it has an end. Tags of HTML and footnotes are kept for the passes behind.
    fn extension(&mut self, tag: &Tag<'t>) {
        let closing = match tag.name {
            "nowiki" => "</nowiki",
            "pre" => "</pre",
            "syntaxhighlight" => "</syntaxhighlight",
            "source" => "</source",
            "math" => "</math",
            "chem" => "</chem",
            "ce" => "</ce",
            "gallery" => "</gallery",
            "poem" => "</poem",
            name => match DROPPED.iter().find(|(dropped, _)| *dropped == name) {
                Some((_, closing)) => closing,
                None => return self.keep_until(tag.end),
            },
        };
        let Some(close) = self.seek.next(closing, tag.end) else {
            // Without an end it is a mistake, and what follows is text.
            self.at = tag.end;
            return;
        };
        let content = self.text.get(tag.end..close).unwrap_or_default();
        self.at = self.seek.next(">", close).map_or(self.text.len(), |end| end + 1);
        let content: String = content.chars().filter(|c| !matches!(*c, OPEN | CLOSE)).collect();
        self.take(tag, &content);
    }

    fn take(&mut self, tag: &Tag<'_>, content: &str) {
        let mask = match tag.name {
            "nowiki" => Mask::Text(decoded(content)),
            "pre" => Mask::Code {
                language: String::new(),
                text: decoded(&content.replace("<nowiki>", "").replace("</nowiki>", "")),
            },
            "syntaxhighlight" | "source" if attribute(tag.attributes, "inline").is_some() => {
                Mask::Text(format!("`{}`", content.trim()))
            }
            "syntaxhighlight" | "source" => Mask::Code {
                language: attribute(tag.attributes, "lang")
                    .unwrap_or_default()
                    .to_ascii_lowercase(),
                text: content.to_owned(),
            },
            "math" | "chem" | "ce" => {
                let words: Vec<&str> = content.split_whitespace().collect();
                Mask::Text(format!("${}$", words.join(" ")))
            }
            "gallery" => return self.gallery(content),
            "poem" => {
                let lines = content.trim_matches('\n').replace('\n', "<br>\n");
                return self.out.push_str(&lines);
            }
            _ => return,
        };
        let sign = self.masks.put(mask);
        self.out.push_str(&sign);
    }

    /// Pictures go, their captions stay.
    fn gallery(&mut self, content: &str) {
        self.out.push('\n');
        for line in content.lines() {
            if let Some((_, caption)) = line.split_once('|')
                && !caption.trim().is_empty()
            {
                self.out.push_str("* ");
                self.out.push_str(caption.trim());
                self.out.push('\n');
            }
        }
    }
}

/// The value of an attribute, without its quotes; empty where it has none.
pub(super) fn attribute<'t>(attributes: &'t str, name: &str) -> Option<&'t str> {
    let lower = attributes.to_ascii_lowercase();
    for (at, _) in lower.match_indices(name) {
        let before = attributes.get(..at)?.chars().next_back();
        if before.is_some_and(|c| !c.is_whitespace() && c != '"' && c != '\'') {
            continue;
        }
        let Some(value) = attributes.get(at + name.len()..)?.trim_start().strip_prefix('=') else {
            return Some("");
        };
        let value = value.trim_start();
        return match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..)?.split(quote).next(),
            _ => value
                .split(|c: char| c.is_whitespace() || c == '/' || c == '>')
                .next(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::attribute;

    #[test]
    fn attributes_are_read_with_and_without_quotes() {
        assert_eq!(attribute(" lang=\"rust\" line", "lang"), Some("rust"));
        assert_eq!(attribute(" xlang=no lang=c/", "lang"), Some("c"));
        assert_eq!(attribute(" line='1'", "lang"), None);
        assert_eq!(attribute(" lang=x inline", "inline"), Some(""));
    }
}
