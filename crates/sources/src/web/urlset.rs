//! One file of a sitemap: what it lists, and nothing that it declares.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::xml::character;

const MOST_TEXT: usize = 4_096;

/// One `<url>` or `<sitemap>`, or one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) loc: String,
    pub(super) lastmod: Option<String>,
    pub(super) is_sitemap: bool,
}

/// Hands out the entries of one file: XML, or an address in each line. What a document type declares is never expanded.
pub(super) fn read(bytes: &[u8], each: &mut dyn FnMut(Entry)) -> Result<(), String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let begins = bytes.trim_ascii_start().first();
    if begins.is_some_and(|byte| *byte != b'<') {
        return read_lines(bytes, each);
    }
    let mut reader = Reader::from_reader(bytes);
    let mut state = State::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => state.start(tag.name().as_ref())?,
            Event::End(tag) => {
                if let Some(entry) = state.end(tag.name().as_ref()) {
                    each(entry);
                }
            }
            Event::Text(text) => state.text(&text),
            Event::CData(text) => state.text(&text),
            Event::GeneralRef(reference) => {
                if let Some(c) = character(&reference) {
                    state.text(c.encode_utf8(&mut [0; 4]));
                }
            }
            Event::Eof if state.root.is_none() => return Err("it holds no list".into()),
            Event::Eof if state.is_open => return Err("it ends early".into()),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn read_lines(bytes: &[u8], each: &mut dyn FnMut(Entry)) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is neither XML nor text")?;
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .peekable();
    if !lines.peek().is_some_and(|line| line.starts_with("http")) {
        return Err("it holds no list".into());
    }
    for line in lines {
        each(Entry {
            loc: line.to_owned(),
            ..Entry::default()
        });
    }
    Ok(())
}

/// Where the reader of XML is.
#[derive(Default)]
struct State {
    /// The prefix of the root element, with its colon: elements of other namespaces (images, videos) have addresses too.
    root: Option<String>,
    is_open: bool,
    entry: Option<Entry>,
    /// What the text goes to.
    field: Field,
    text: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Field {
    Loc,
    Lastmod,
    #[default]
    None,
}

impl State {
    fn start(&mut self, name: &str) -> Result<(), String> {
        let Some(prefix) = &self.root else {
            let colon = name.find(':').map_or(0, |at| at + 1);
            let (prefix, local) = name.split_at(colon);
            if !matches!(local, "urlset" | "sitemapindex") {
                let name = name.chars().take(40).collect::<String>();
                return Err(format!("it is a <{name}>, no list of pages"));
            }
            self.root = Some(prefix.to_owned());
            self.is_open = true;
            return Ok(());
        };
        self.text.clear();
        self.field = Field::None;
        match name.strip_prefix(prefix.as_str()) {
            Some("url") => self.entry = Some(Entry::default()),
            Some("sitemap") => {
                self.entry = Some(Entry {
                    is_sitemap: true,
                    ..Entry::default()
                });
            }
            Some("loc") => self.field = Field::Loc,
            Some("lastmod") => self.field = Field::Lastmod,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if self.field != Field::None && self.text.len() + text.len() <= MOST_TEXT {
            self.text.push_str(text);
        }
    }

    fn end(&mut self, name: &str) -> Option<Entry> {
        let local = name.strip_prefix(self.root.as_deref()?)?;
        let text = self.text.trim();
        match (&mut self.entry, std::mem::take(&mut self.field)) {
            (Some(entry), Field::Loc) => text.clone_into(&mut entry.loc),
            (Some(entry), Field::Lastmod) => entry.lastmod = Some(text.to_owned()),
            _ => {}
        }
        self.text.clear();
        match local {
            "url" | "sitemap" => self.entry.take().filter(|entry| !entry.loc.is_empty()),
            "urlset" | "sitemapindex" => {
                self.is_open = false;
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(xml: &str) -> Result<Vec<(String, Option<String>, bool)>, String> {
        let mut all = Vec::new();
        read(xml.as_bytes(), &mut |entry| {
            all.push((entry.loc, entry.lastmod, entry.is_sitemap));
        })?;
        Ok(all)
    }

    #[test]
    fn pages_and_parts_are_listed() {
        let pages = entries(
            "<?xml version=\"1.0\"?><urlset xmlns=\"s\" xmlns:image=\"i\"><url><loc> https://x.org/?a=1&amp;b=2 </loc>\
             <image:image><image:loc>https://x.org/a.png</image:loc></image:image><lastmod>2026-01-02</lastmod></url>\
             <url><loc><![CDATA[https://x.org/b]]></loc></url><url></url></urlset>",
        );
        let page = |loc: &str, lastmod: Option<&str>| (loc.to_owned(), lastmod.map(str::to_owned), false);
        assert_eq!(
            pages.unwrap(),
            [
                page("https://x.org/?a=1&b=2", Some("2026-01-02")),
                page("https://x.org/b", None)
            ]
        );
        let index = entries(
            "<s:sitemapindex xmlns:s=\"s\"><s:sitemap><s:loc>/1.xml</s:loc></s:sitemap></s:sitemapindex>",
        );
        assert_eq!(index.unwrap(), [("/1.xml".to_owned(), None, true)]);
        assert_eq!(entries("https://x.org/a\r\nhttps://x.org/b\n").unwrap().len(), 2);
    }

    #[test]
    fn what_a_document_type_declares_is_not_expanded() {
        let mut bomb = "<!DOCTYPE u [<!ENTITY a \"aaaaaaaaaa\">".to_owned();
        for (name, inner) in "bcdefghij".chars().zip("abcdefghi".chars()) {
            bomb.push_str(&format!(
                "<!ENTITY {name} \"{}\">",
                format!("&{inner};").repeat(10)
            ));
        }
        bomb.push_str(
            "<!ENTITY x SYSTEM \"file:///etc/passwd\">]><urlset><url><loc>/p&j;&x;</loc></url></urlset>",
        );
        assert_eq!(entries(&bomb).unwrap(), [("/p".to_owned(), None, false)]);
    }

    #[test]
    fn what_is_no_list_is_told() {
        assert!(
            entries("<html><body></body></html>")
                .unwrap_err()
                .contains("<html>")
        );
        assert!(
            entries("<urlset><url><loc>/a</loc></url>")
                .unwrap_err()
                .contains("ends early")
        );
        assert!(entries("").is_err());
        assert!(entries("hello").is_err());
    }
}
