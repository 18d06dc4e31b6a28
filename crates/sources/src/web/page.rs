//! What a page says about itself and where it leads: links, its canonical address, wishes to robots. One pass over the
//! tokens, no tree.

use std::convert::Infallible;

use html5gum::emitters::callback::{Callback, CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// Links that are taken from one page, and bytes of one.
const MOST_LINKS: usize = 10_000;
const MOST_LINK_BYTES: usize = 4_096;

/// As written in the page: nothing is resolved against its address yet.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) links: Vec<String>,
    pub(crate) base: Option<String>,
    pub(crate) canonical: Option<String>,
    /// MediaWiki's pointer to its API.
    pub(crate) edit_uri: Option<String>,
    /// The encoding that the page names.
    pub(crate) charset: Option<String>,
    pub(crate) wishes: Wishes,
}

/// What robots are asked to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) noindex: bool,
    pub(crate) nofollow: bool,
}

impl Wishes {
    /// Reads a comma-separated list; `agent: …` before it limits it to that agent.
    pub(crate) fn add(&mut self, text: &str) {
        for wish in text.split(',') {
            let mut wish = wish.trim();
            if let Some((name, rest)) = wish.split_once(':') {
                let name = name.trim().to_ascii_lowercase();
                match name.as_str() {
                    "nexusknowledge" => wish = rest.trim(),
                    // Directives that take a value.
                    "unavailable_after" | "max-snippet" | "max-image-preview" | "max-video-preview" => {
                        continue;
                    }
                    // What follows is for another robot.
                    _ => return,
                }
            }
            let is = |name: &str| wish.eq_ignore_ascii_case(name);
            self.noindex |= is("noindex") || is("none");
            self.nofollow |= is("nofollow") || is("none");
        }
    }
}

impl Page {
    pub(crate) fn read(html: &str) -> Self {
        let mut reader = Reader::default();
        let mut emitter = CallbackEmitter::new(Pen(&mut reader));
        emitter.naively_switch_states(true);
        // Reading from a string cannot fail, and the pen gives nothing back.
        let _infallible = Tokenizer::new_with_emitter(html, emitter).finish();
        reader.page
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Element {
    Anchor,
    Frame,
    Base,
    Link,
    Meta,
    #[default]
    Other,
}

/// The attributes of the element that is open.
#[derive(Debug, Default)]
struct Attributes {
    address: String,
    rel: String,
    name: String,
    content: String,
    charset: String,
}

#[derive(Debug, Default)]
struct Reader {
    page: Page,
    element: Element,
    attribute: Vec<u8>,
    attributes: Attributes,
}

struct Pen<'a>(&'a mut Reader);

impl Callback<Infallible, ()> for Pen<'_> {
    fn handle_event(&mut self, event: CallbackEvent<'_>, _span: Span<()>) -> Option<Infallible> {
        self.0.event(&event);
        None
    }
}

impl Reader {
    fn event(&mut self, event: &CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.element = element(name);
                self.attributes = Attributes::default();
                self.attribute.clear();
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute.clear();
                self.attribute.extend_from_slice(name.get(..16).unwrap_or(name));
            }
            CallbackEvent::AttributeValue { value } if self.element != Element::Other => {
                self.attribute(value);
            }
            CallbackEvent::CloseStartTag { .. } => self.close(),
            _ => {}
        }
    }

    fn attribute(&mut self, value: &[u8]) {
        let slot = match (self.element, self.attribute.as_slice()) {
            (Element::Anchor | Element::Base | Element::Link, b"href") | (Element::Frame, b"src") => {
                &mut self.attributes.address
            }
            (_, b"rel") => &mut self.attributes.rel,
            (_, b"name" | b"http-equiv") => &mut self.attributes.name,
            (_, b"content") => &mut self.attributes.content,
            (_, b"charset") => &mut self.attributes.charset,
            _ => return,
        };
        if slot.is_empty() && value.len() <= MOST_LINK_BYTES {
            *slot = String::from_utf8_lossy(value).trim().to_owned();
        }
    }

    fn close(&mut self) {
        let element = std::mem::take(&mut self.element);
        let found = std::mem::take(&mut self.attributes);
        let rel = |name: &str| {
            found
                .rel
                .split_whitespace()
                .any(|rel| rel.eq_ignore_ascii_case(name))
        };
        match element {
            Element::Anchor if !rel("nofollow") => self.link(found.address),
            Element::Frame => self.link(found.address),
            Element::Base if self.page.base.is_none() && !found.address.is_empty() => {
                self.page.base = Some(found.address);
            }
            Element::Link if rel("canonical") && !found.address.is_empty() => {
                self.page.canonical.get_or_insert(found.address);
            }
            Element::Link if rel("EditURI") => {
                self.page.edit_uri.get_or_insert(found.address);
            }
            Element::Link if rel("next") || rel("prev") => self.link(found.address),
            Element::Meta => self.meta(&found),
            _ => {}
        }
    }

    fn meta(&mut self, found: &Attributes) {
        if !found.charset.is_empty() {
            self.page.charset.get_or_insert_with(|| found.charset.clone());
        }
        match found.name.to_ascii_lowercase().as_str() {
            "robots" | "nexusknowledge" => self.page.wishes.add(&found.content),
            "content-type" => {
                if let Some(charset) = super::content::charset(&found.content) {
                    self.page.charset.get_or_insert(charset);
                }
            }
            "refresh" => {
                let target = found.content.split_once('=').map(|(_, target)| target);
                let target = target.unwrap_or_default().trim_matches(['\'', '"', ' ']);
                self.link(target.to_owned());
            }
            _ => {}
        }
    }

    fn link(&mut self, address: String) {
        if !address.is_empty() && !address.starts_with('#') && self.page.links.len() < MOST_LINKS {
            self.page.links.push(address);
        }
    }
}

fn element(name: &[u8]) -> Element {
    match name {
        b"a" | b"area" => Element::Anchor,
        b"frame" | b"iframe" => Element::Frame,
        b"base" => Element::Base,
        b"link" => Element::Link,
        b"meta" => Element::Meta,
        _ => Element::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_wishes_are_read() {
        let page = Page::read(
            r##"<!doctype html><html><head><base href="/docs/"><meta charset="windows-1251">
            <meta name="Robots" content="noarchive, NOFOLLOW"><link rel="canonical" href="/docs/a">
            <link rel="EditURI" href="//x.org/w/api.php?action=rsd"></head><body>
            <a href="b">b</a><a rel="external nofollow" href="c">c</a><a href="#here">d</a>
            <script>document.write('<a href="e">')</script><!-- <a href="f"> -->
            <map><area href='g'></map><iframe src=h></iframe></body></html>"##,
        );
        assert_eq!(page.links, ["b", "g", "h"]);
        assert_eq!(page.base.as_deref(), Some("/docs/"));
        assert_eq!(page.canonical.as_deref(), Some("/docs/a"));
        assert_eq!(page.edit_uri.as_deref(), Some("//x.org/w/api.php?action=rsd"));
        assert_eq!(page.charset.as_deref(), Some("windows-1251"));
        assert!(page.wishes.nofollow && !page.wishes.noindex);
    }

    #[test]
    fn wishes_to_other_robots_are_not_ours() {
        let wishes = |text: &str| {
            let mut wishes = Wishes::default();
            wishes.add(text);
            (wishes.noindex, wishes.nofollow)
        };
        assert_eq!(wishes("none"), (true, true));
        assert_eq!(wishes("otherbot: noindex, nofollow"), (false, false));
        assert_eq!(wishes("NexusKnowledge: noindex"), (true, false));
        assert_eq!(
            wishes("unavailable_after: 25 Jun 2030 15:00:00 PST, nofollow"),
            (false, true)
        );
    }

    #[test]
    fn a_page_of_links_is_bounded() {
        let page = Page::read(&"<a href=x>".repeat(50_000));
        assert_eq!(page.links.len(), MOST_LINKS);
    }
}
