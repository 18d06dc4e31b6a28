//! EPUB (3.3): the chapters in the order of the spine, each by the reader of HTML.

use std::collections::HashMap;

use nexus_domain::{Format, ProblemCode};

use super::blocks::Blocks;
use super::package::{Package, resolve};
use super::xml::{Node, Xml};
use super::{Extracted, Refusal, html};

/// Elements whose content HTML does not parse: closed in themselves, as XML allows, they would swallow what follows.
const RAW: [&str; 8] = [
    "title", "script", "style", "textarea", "iframe", "noscript", "noembed", "xmp",
];

pub(super) fn read(package: &mut Package<'_>) -> Result<Extracted, Refusal> {
    let limits = package.limits();
    let container = package.text("META-INF/container.xml")?.unwrap_or_default();
    let root = root_file(package, &container)?;
    let book = match root {
        Some(root) => Book::read(package, &root)?,
        None => {
            return Err((
                ProblemCode::Corrupt,
                "The book does not say what it consists of".into(),
            ));
        }
    };
    if book.chapters.len() as u64 > limits.pages {
        let why = format!("{} chapters, {} are allowed", book.chapters.len(), limits.pages);
        return Err((ProblemCode::TooManyPages, why));
    }
    let encrypted = package
        .text("META-INF/encryption.xml")?
        .unwrap_or_default()
        .to_lowercase();
    let mut blocks = Blocks::new(limits);
    for chapter in &book.chapters {
        let is_encrypted = chapter.rsplit('/').next().is_some_and(|name| {
            !name.is_empty() && encrypted.contains(&format!("{}\"", name.to_lowercase()))
        });
        if is_encrypted {
            return Err((
                ProblemCode::Encrypted,
                "The book is protected from being copied".into(),
            ));
        }
        let Some(text) = package.text(chapter)? else {
            continue;
        };
        match html::to_markdown(&opened(&text), limits) {
            Ok(page) => blocks.markdown(&page.text),
            Err((ProblemCode::Empty, _)) => {}
            Err(refusal) => return Err(refusal),
        }
        if blocks.is_full() {
            break;
        }
    }
    let title = book.title;
    let mut extracted = blocks.finish(Format::Epub, &title, "The book holds no text")?;
    // A book's first chapter does not name it.
    if !title.trim().is_empty() {
        extracted.title = title;
    }
    Ok(extracted)
}

fn root_file(package: &Package<'_>, container: &str) -> Result<Option<String>, Refusal> {
    let mut xml = Xml::new(container, package.limits());
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.name() == "rootfile" => return Ok(tag.attribute("full-path")),
            Node::Eof => {
                let names = package.names();
                return Ok(names.into_iter().find(|name| name.ends_with(".opf")));
            }
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
struct Book {
    title: String,
    chapters: Vec<String>,
}

impl Book {
    fn read(package: &mut Package<'_>, root: &str) -> Result<Self, Refusal> {
        let text = package.text(root)?.unwrap_or_default();
        let mut book = Self::default();
        let mut items = HashMap::new();
        let mut xml = Xml::new(&text, package.limits());
        loop {
            match xml.next()? {
                Node::Start(tag) => match tag.name() {
                    "title" if book.title.is_empty() => book.title = xml.text()?,
                    "item" => {
                        let is_page = tag
                            .attribute("media-type")
                            .is_none_or(|kind| kind.contains("html") || kind.contains("x-dtbook"));
                        // The table of contents only repeats headings.
                        let is_contents = tag
                            .attribute("properties")
                            .is_some_and(|all| all.split_whitespace().any(|property| property == "nav"));
                        if is_page && !is_contents {
                            let id = tag.attribute("id").unwrap_or_default();
                            let target = unescaped(&tag.attribute("href").unwrap_or_default());
                            items.insert(id, resolve(root, &target));
                        }
                    }
                    "itemref" => {
                        let item = tag.attribute("idref").and_then(|id| items.get(&id));
                        book.chapters.extend(item.cloned());
                    }
                    _ => {}
                },
                Node::Eof => return Ok(book),
                _ => {}
            }
        }
    }
}

/// A target with its `%20` made characters, and without a fragment.
fn unescaped(target: &str) -> String {
    let target = target.split('#').next().unwrap_or(target);
    let mut bytes = Vec::with_capacity(target.len());
    let mut rest = target.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = (*byte == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The page with `<title/>` and its like opened and closed.
fn opened(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let end = memchr::memchr(b'>', tag.as_bytes()).map_or(tag.len(), |end| end + 1);
        let (tag, after) = tag.split_at(end);
        let name = tag
            .trim_start_matches('<')
            .split([' ', '\n', '\r', '\t', '/', '>'])
            .next()
            .unwrap_or_default();
        match tag.strip_suffix("/>").filter(|_| RAW.contains(&name)) {
            Some(open) => {
                out.push_str(open);
                out.push_str("></");
                out.push_str(name);
                out.push('>');
            }
            None => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_close_themselves_swallow_nothing() {
        assert_eq!(
            opened("a<title/><p/><script src='x' />b</p"),
            "a<title></title><p/><script src='x' ></script>b</p"
        );
    }

    #[test]
    fn targets_are_unescaped() {
        assert_eq!(unescaped("a%20b%D1%8F%zz.html#top"), "a bя%zz.html");
    }
}
