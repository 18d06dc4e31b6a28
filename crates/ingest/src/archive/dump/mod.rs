//! A MediaWiki dump: one XML document with all pages, in one or many revisions. Read as a stream; one page is in memory.
//!
//! Of each page the newest revision is handed out, as a file of the page's title. Which pages are documents is decided by
//! their namespace ([`is_read`]); redirects lead to pages that are there, so they are passed over.

mod page;
mod path;
mod stream;

use std::io::{BufReader, Read};

use nexus_domain::ProblemCode;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::visit::{End, Step, Visitor};
use crate::provenance::{Link, Places, Provenance};
use page::{Page, Revision, Site};
use stream::Slow;

/// Whether data that begins so is a dump. Dumps are UTF-8; a declaration and comments may stand before the root.
pub(super) fn begins(head: &[u8]) -> bool {
    let mut rest = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    for (opening, closing) in [
        (&b"<?xml"[..], &b"?>"[..]),
        (b"<!--", b"-->"),
        (b"<!DOCTYPE", b">"),
    ] {
        if rest.starts_with(opening)
            && let Some(end) = memchr::memmem::find(rest, closing)
        {
            rest = rest[end + closing.len()..].trim_ascii_start();
        }
    }
    rest.strip_prefix(b"<mediawiki").is_some_and(|rest| {
        rest.first()
            .is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'>')
    })
}

/// Articles, the project's and help pages, and the wiki's own namespaces. Not: talk (odd numbers), users (2), files (6), the
/// interface (8), templates (10), categories (14, lists of what is read anyway), drafts (118), widgets (274), campaigns
/// (460), schemas and data (486, 640), subtitles (710), modules (828), translations (1198), gadgets (2300, 2302), topics
/// of discussions (2600).
pub(super) fn is_read(namespace: i64) -> bool {
    const LEFT_OUT: [i64; 16] = [
        2, 6, 8, 10, 14, 118, 274, 460, 486, 640, 710, 828, 1198, 2300, 2302, 2600,
    ];
    namespace >= 0 && namespace % 2 == 0 && !LEFT_OUT.contains(&namespace)
}

/// Walks a stream that is metered as a whole.
pub(super) fn walk(stream: impl Read, visitor: &mut Visitor<'_>) -> Step {
    let allowed = visitor.limits().file_bytes;
    let mut reader = Reader::from_reader(Slow::new(BufReader::new(stream), allowed));
    reader.config_mut().check_end_names = true;
    let mut dump = Dump {
        site: Site::default(),
        page: None,
        path: Vec::new(),
        ended: false,
        allowed,
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().allow();
        let event = reader
            .read_event_into(&mut buffer)
            .map_err(|error| broken(&error))?;
        let overflowed = reader.get_ref().has_overflowed();
        match event {
            Event::Eof => break,
            event => dump.event(&event, overflowed, visitor)?,
        }
    }
    if dump.ended {
        return Ok(());
    }
    let why = "The dump ends before its last page does";
    Err(End::Cut(ProblemCode::Truncated, why.into()))
}

fn broken(error: &quick_xml::Error) -> End {
    match error {
        quick_xml::Error::Io(error) => End::of(error),
        quick_xml::Error::Syntax(error) => {
            End::Cut(ProblemCode::Truncated, format!("The dump breaks off: {error}"))
        }
        other => End::Cut(ProblemCode::Corrupt, format!("The dump is damaged: {other}")),
    }
}

/// Elements of a dump that mean something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Root,
    Base,
    Namespace,
    Page,
    Title,
    Ns,
    Id,
    Redirect,
    Revision,
    Timestamp,
    Model,
    Text,
    Other,
}

impl Element {
    fn of(name: &str) -> Self {
        match name {
            "mediawiki" => Self::Root,
            "base" => Self::Base,
            "namespace" => Self::Namespace,
            "page" => Self::Page,
            "title" => Self::Title,
            "ns" => Self::Ns,
            "id" => Self::Id,
            "redirect" => Self::Redirect,
            "revision" => Self::Revision,
            "timestamp" => Self::Timestamp,
            "model" => Self::Model,
            "text" => Self::Text,
            _ => Self::Other,
        }
    }
}

struct Dump {
    site: Site,
    page: Option<Page>,
    /// Elements that are open.
    path: Vec<Element>,
    /// The root was closed.
    ended: bool,
    allowed: u64,
}

/// Elements that a dump nests; what goes beyond is none.
const DEPTH: usize = 32;

impl Dump {
    fn event(&mut self, event: &Event<'_>, overflowed: bool, visitor: &mut Visitor<'_>) -> Step {
        match event {
            Event::Start(tag) => {
                if self.path.len() >= DEPTH {
                    let why = format!("The dump nests deeper than {DEPTH} elements");
                    return Err(End::Cut(ProblemCode::NestedTooDeep, why));
                }
                let element = Element::of(tag.local_name().as_ref());
                self.path.push(element);
                self.start(element, tag);
            }
            Event::Empty(tag) => {
                let element = Element::of(tag.local_name().as_ref());
                self.start(element, tag);
            }
            Event::End(_) => self.end(visitor)?,
            Event::Text(text) => self.text(text, overflowed),
            Event::CData(text) => self.text(text, overflowed),
            Event::GeneralRef(reference) => {
                let name: &str = reference;
                match stream::reference(name) {
                    Some(character) => self.text(character.encode_utf8(&mut [0; 4]), overflowed),
                    None => self.text(&format!("&{name};"), overflowed),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, element: Element, tag: &quick_xml::events::BytesStart<'_>) {
        match (element, &mut self.page) {
            (Element::Page, _) => self.page = Some(Page::default()),
            (Element::Redirect, Some(page)) => page.redirects = true,
            (Element::Revision, Some(page)) => page.revision = Some(Revision::default()),
            (Element::Namespace, None) => self.site.begin_namespace(tag),
            (Element::Text, Some(page)) => {
                if let Some(revision) = &mut page.revision {
                    revision.is_deleted = tag
                        .try_get_attribute("deleted")
                        .is_ok_and(|deleted| deleted.is_some());
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, overflowed: bool) {
        let parent = self
            .path
            .len()
            .checked_sub(2)
            .and_then(|at| self.path.get(at))
            .copied();
        let Some(element) = self.path.last().copied() else {
            return;
        };
        match &mut self.page {
            Some(page) => page.text(
                element,
                parent == Some(Element::Revision),
                text,
                overflowed,
                self.allowed,
            ),
            None => self.site.text(element, text),
        }
    }

    fn end(&mut self, visitor: &mut Visitor<'_>) -> Step {
        match self.path.pop() {
            Some(Element::Root) => self.ended = self.path.is_empty(),
            Some(Element::Namespace) => self.site.end_namespace(),
            Some(Element::Revision) => {
                if let Some(page) = &mut self.page {
                    page.end_revision();
                }
            }
            Some(Element::Page) => {
                if let Some(page) = self.page.take() {
                    return self.hand_out(page, visitor);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn hand_out(&self, page: Page, visitor: &mut Visitor<'_>) -> Step {
        visitor.count_entry()?;
        let namespace = page
            .namespace
            .unwrap_or_else(|| self.site.namespace_of(&page.title));
        let Some(newest) = page.newest.filter(|_| !page.redirects && is_read(namespace)) else {
            return Ok(());
        };
        let is_wikitext = newest.model.is_empty() || newest.model == "wikitext";
        if page.title.is_empty() || newest.is_deleted || !is_wikitext {
            return Ok(());
        }
        let name = path::of_title(&page.title);
        let Some(path) = visitor.path(Some(name), page.title.as_bytes())? else {
            return Ok(());
        };
        if newest.is_too_large {
            let why = format!(
                "The page has more than {} bytes, which are allowed for one file",
                self.allowed
            );
            return visitor.problem(path, ProblemCode::TooLarge, why);
        }
        let provenance = Provenance {
            link: self.site.link(&page.title).map(|url| Link {
                url,
                places: Places::Anchors,
            }),
            fingerprint: (newest.id > 0).then(|| format!("rev:{}", newest.id)),
            title: Some(page.title),
        };
        visitor.page(path, newest.text.into_bytes(), provenance)
    }
}
