//! XML, piece by piece: no tree, no namespaces beyond a look at prefixes, and no entities but those of XML itself, so
//! nothing expands and nothing is fetched.

use std::borrow::Cow;

use encoding_rs::Encoding;
use nexus_domain::ProblemCode;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesEnd, BytesStart, Event};

use super::Refusal;
use crate::limits::Limits;

/// Where an encoding is declared.
const DECLARATION: usize = 256;

/// What comes next in a document.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// An element that holds nothing starts and ends, too.
    Start(Tag<'a>),
    End(EndTag<'a>),
    Text(Cow<'a, str>),
    Eof,
}

#[derive(Debug)]
pub(super) struct Tag<'a>(BytesStart<'a>);

#[derive(Debug)]
pub(super) struct EndTag<'a>(BytesEnd<'a>);

impl EndTag<'_> {
    /// Without its prefix.
    pub(super) fn name(&self) -> &str {
        local(self.0.name().into_inner())
    }
}

impl Tag<'_> {
    /// Without its prefix.
    pub(super) fn name(&self) -> &str {
        local(self.0.name().into_inner())
    }

    /// The first attribute of this name, whatever its prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.find(|key| local(key) == name)
    }

    /// The attribute of this name that has a prefix.
    pub(super) fn prefixed(&self, name: &str) -> Option<String> {
        self.find(|key| key.contains(':') && local(key) == name)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.attribute(name)?.trim().parse().ok()
    }

    fn find(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let mut attributes = self.0.attributes();
        attributes
            .with_checks(false)
            .flatten()
            .find(|attribute| wanted(attribute.key.into_inner()))
            .map(
                |attribute| match attribute.normalized_value(XmlVersion::Explicit1_0) {
                    Ok(value) => value.into_owned(),
                    Err(_) => attribute.value.into_owned(),
                },
            )
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    nesting: usize,
}

impl<'a> Xml<'a> {
    pub(super) fn new(text: &'a str, limits: &Limits) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.allow_dangling_amp = true;
        Self {
            reader,
            depth: 0,
            nesting: limits.nesting,
        }
    }

    pub(super) fn next(&mut self) -> Result<Node<'a>, Refusal> {
        loop {
            let event = self.reader.read_event().map_err(|error| self.damaged(&error))?;
            return Ok(match event {
                Event::Start(tag) => {
                    self.depth += 1;
                    if self.depth > self.nesting {
                        let why = format!("Its XML nests deeper than the {} levels allowed", self.nesting);
                        return Err((ProblemCode::NestedTooDeep, why));
                    }
                    Node::Start(Tag(tag))
                }
                Event::End(tag) => {
                    self.depth = self.depth.saturating_sub(1);
                    Node::End(EndTag(tag))
                }
                Event::Text(text) => Node::Text(text.xml10_content()),
                Event::CData(text) => Node::Text(text.xml10_content()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(c)) => Node::Text(c.to_string().into()),
                    _ => match resolve_predefined_entity(&reference.into_inner()) {
                        Some(text) => Node::Text(text.into()),
                        None => continue,
                    },
                },
                Event::Eof if self.depth > 0 => {
                    let why = "Its XML ends in the midst of an element";
                    return Err((ProblemCode::Truncated, why.into()));
                }
                Event::Eof => Node::Eof,
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                    continue;
                }
            });
        }
    }

    /// Passes over the element that has just started.
    pub(super) fn skip(&mut self) -> Result<(), Refusal> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if matches!(self.next()?, Node::Eof) {
                break;
            }
        }
        Ok(())
    }

    /// All text within the element that has just started.
    pub(super) fn text(&mut self) -> Result<String, Refusal> {
        let outside = self.depth.saturating_sub(1);
        let mut all = String::new();
        while self.depth > outside {
            match self.next()? {
                Node::Text(text) => all.push_str(&text),
                Node::Eof => break,
                Node::Start(_) | Node::End(_) => {}
            }
        }
        Ok(all)
    }

    fn damaged(&self, error: &quick_xml::Error) -> Refusal {
        let why = format!(
            "Its XML is damaged at byte {}: {error}",
            self.reader.error_position()
        );
        (ProblemCode::ParseFailed, why)
    }
}

/// The characters of a part: by its byte order mark, its declaration, else UTF-8.
pub(super) fn decode(bytes: Vec<u8>) -> String {
    let declared = || {
        let head = bytes.get(..DECLARATION).unwrap_or(&bytes);
        let head = String::from_utf8_lossy(head);
        let declaration = head.strip_prefix("<?xml")?.split("?>").next()?;
        let value = declaration
            .split_once("encoding")?
            .1
            .trim_start_matches([' ', '=', '\'', '"']);
        let label = value.split(['\'', '"']).next()?;
        Encoding::for_label(label.as_bytes())
    };
    let encoding = match Encoding::for_bom(&bytes) {
        Some((encoding, _)) => encoding,
        None => declared().unwrap_or(encoding_rs::UTF_8),
    };
    let is_plain = encoding == encoding_rs::UTF_8 && !bytes.starts_with(b"\xef\xbb\xbf");
    if !is_plain {
        return encoding.decode(&bytes).0.into_owned();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(xml: &str) -> Result<String, Refusal> {
        let limits = Limits::default();
        let mut xml = Xml::new(xml, &limits);
        let mut all = String::new();
        loop {
            match xml.next()? {
                Node::Text(text) => all.push_str(&text),
                Node::Eof => return Ok(all),
                Node::Start(tag) if tag.name() == "skip" => xml.skip()?,
                _ => {}
            }
        }
    }

    #[test]
    fn only_the_entities_of_xml_itself_stand_for_something() {
        let bomb = "<!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;&x;\"><!ENTITY z SYSTEM \"file:///etc/passwd\">]>\
                    <a>1 &lt; 2 &#1071;&y;&z;<skip>no<b/></skip></a>";
        assert_eq!(text(bomb).unwrap(), "1 < 2 Я");
    }

    #[test]
    fn depth_is_bounded_and_ends_are_told() {
        assert_eq!(
            text(&"<a>".repeat(500)).unwrap_err().0,
            ProblemCode::NestedTooDeep
        );
        assert_eq!(text("<a><b>").unwrap_err().0, ProblemCode::Truncated);
        assert_eq!(text("<a></b>").unwrap_err().0, ProblemCode::ParseFailed);
    }

    #[test]
    fn parts_in_other_encodings_are_read() {
        let (bytes, ..) =
            encoding_rs::WINDOWS_1251.encode("<?xml version='1.0' encoding='windows-1251'?><a>Привет</a>");
        assert_eq!(text(&decode(bytes.into_owned())).unwrap(), "Привет");
        let utf16: Vec<u8> = "\u{FEFF}<a>да</a>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(text(&decode(utf16)).unwrap(), "да");
    }
}
