//! What a dump tells of its wiki and of one page.

use quick_xml::events::BytesStart;

use super::{Element, path};

/// Longest name, address or title that is kept, in bytes. MediaWiki's own titles have 255 at most.
const NAME: usize = 2_048;
/// Most namespaces that are kept.
const NAMESPACES: usize = 1_000;

/// What stands in `<siteinfo>`.
#[derive(Debug, Default)]
pub(super) struct Site {
    /// The address of the main page.
    base: String,
    /// Number and name.
    namespaces: Vec<(i64, String)>,
    open: Option<(i64, String)>,
}

impl Site {
    pub(super) fn begin_namespace(&mut self, tag: &BytesStart<'_>) {
        let key = tag.try_get_attribute("key").ok().flatten();
        let number = key.and_then(|key| key.value.trim().parse().ok());
        self.open = number.map(|number| (number, String::new()));
    }

    pub(super) fn end_namespace(&mut self) {
        if let Some(namespace) = self.open.take()
            && self.namespaces.len() < NAMESPACES
        {
            self.namespaces.push(namespace);
        }
    }

    pub(super) fn text(&mut self, element: Element, text: &str) {
        match (element, &mut self.open) {
            (Element::Base, _) => append(&mut self.base, text),
            (Element::Namespace, Some((_, name))) => append(name, text),
            _ => {}
        }
    }

    /// By the title's beginning: old dumps do not number the namespaces of their pages.
    pub(super) fn namespace_of(&self, title: &str) -> i64 {
        let Some((name, _)) = title.split_once(':') else {
            return 0;
        };
        let named = self
            .namespaces
            .iter()
            .find(|(_, known)| !known.is_empty() && known == name);
        named.map_or(0, |(number, _)| *number)
    }

    pub(super) fn link(&self, title: &str) -> Option<String> {
        path::link(self.base.trim(), title)
    }
}

#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) title: String,
    namespace_text: String,
    pub(super) namespace: Option<i64>,
    pub(super) redirects: bool,
    /// The one that is read.
    pub(super) revision: Option<Revision>,
    pub(super) newest: Option<Revision>,
}

#[derive(Debug, Default)]
pub(super) struct Revision {
    id_text: String,
    pub(super) id: u64,
    timestamp: String,
    pub(super) model: String,
    pub(super) text: String,
    pub(super) is_deleted: bool,
    /// Its text passes what is allowed and was not kept.
    pub(super) is_too_large: bool,
}

impl Page {
    /// Text of an element; `in_revision`: directly in a revision, not in its contributor or a slot.
    pub(super) fn text(
        &mut self,
        element: Element,
        in_revision: bool,
        text: &str,
        overflowed: bool,
        allowed: u64,
    ) {
        let Some(revision) = &mut self.revision else {
            match element {
                Element::Title => append(&mut self.title, text),
                Element::Ns => {
                    append(&mut self.namespace_text, text);
                    self.namespace = self.namespace_text.trim().parse().ok();
                }
                _ => {}
            }
            return;
        };
        match element {
            Element::Text if in_revision => revision.append(text, overflowed, allowed),
            Element::Id if in_revision => append(&mut revision.id_text, text),
            Element::Timestamp if in_revision => append(&mut revision.timestamp, text),
            Element::Model if in_revision => append(&mut revision.model, text),
            _ => {}
        }
    }

    /// Revisions come in any order: the latest time counts, then the largest number.
    pub(super) fn end_revision(&mut self) {
        let Some(mut revision) = self.revision.take() else {
            return;
        };
        revision.id = revision.id_text.trim().parse().unwrap_or(0);
        let age = |revision: &Revision| (revision.timestamp.trim().to_owned(), revision.id);
        if self
            .newest
            .as_ref()
            .is_none_or(|newest| age(newest) <= age(&revision))
        {
            self.newest = Some(revision);
        }
    }
}

impl Revision {
    fn append(&mut self, text: &str, overflowed: bool, allowed: u64) {
        let fits = (self.text.len() as u64).saturating_add(text.len() as u64) <= allowed;
        if self.is_too_large || overflowed || !fits {
            self.is_too_large = true;
            self.text = String::new();
        } else {
            self.text.push_str(text);
        }
    }
}

/// Appends what fits: a name beyond all bounds is cut.
fn append(name: &mut String, text: &str) {
    let room = NAME.saturating_sub(name.len());
    name.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
}
