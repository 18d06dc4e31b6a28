//! What an element's attributes say.

use super::Writer;
use crate::extract::html::block::Element;
use crate::extract::html::region::Region;

impl Writer {
    pub(super) fn attribute(&mut self, value: &[u8]) {
        let value = String::from_utf8_lossy(value);
        match (self.element, self.attribute.as_slice()) {
            (_, b"id") if self.name == b"dt" => self.anchors.term(&value),
            (_, b"id") => self.id(&value),
            (_, b"name") if self.name == b"a" => self.anchors.id(&value),
            (Element::Block, b"role") => self.role(&value),
            (Element::Image, b"alt") if !value.trim().is_empty() => self.text(&value),
            (Element::Preformatted | Element::Code | Element::Other, b"class")
                if self.preformatted.is_some() =>
            {
                let classes = value.split_whitespace();
                let language = classes
                    .filter_map(|c| c.strip_prefix("language-").or_else(|| c.strip_prefix("lang-")))
                    .next();
                let sound = |name: &&str| {
                    name.len() < 24 && name.chars().all(|c| c.is_alphanumeric() || "+#-_".contains(c))
                };
                if let Some(language) = language.filter(sound) {
                    language.clone_into(&mut self.fence_language);
                }
            }
            _ => {}
        }
    }

    fn id(&mut self, id: &str) {
        self.anchors.id(id);
        if let Some(region) = Region::of_id(id).filter(|_| self.name == b"div" || self.name == b"section") {
            self.regions.open(region, &self.name, self.page.len());
        }
    }

    fn role(&mut self, role: &str) {
        match role {
            "main" => self.regions.open(Region::Main, &self.name, self.page.len()),
            "navigation" | "contentinfo" | "search" if self.name != b"p" && self.name != b"hr" => {
                // Its end is not told any more.
                self.regions.end(&self.name, self.page.len());
                self.dropped = Some((self.name.clone(), 1));
            }
            _ => {}
        }
    }
}
