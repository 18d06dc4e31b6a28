//! Word (`docx`, `docm`, `dotx`): the body part by the flow of its paragraphs, with the styles and lists that it names.

mod body;
mod lists;
mod styles;

use nexus_domain::{Format, ProblemCode};

use super::package::{Package, resolve};
use super::xml::{Node, Xml};
use super::{Extracted, Refusal, ooxml};
use body::Body;

pub(super) fn read(package: &mut Package<'_>, main: &str) -> Result<Extracted, Refusal> {
    let relations = ooxml::relations(package, main)?;
    let part = |kind: &str, package: &mut Package<'_>| -> Result<String, Refusal> {
        let target = relations.iter().find(|relation| relation.is(kind));
        let name = target
            .map(|relation| resolve(main, &relation.target))
            .unwrap_or_default();
        Ok(package.text(&name)?.unwrap_or_default())
    };
    let limits = package.limits();
    let styles = styles::Styles::read(&part("styles", package)?, limits)?;
    let lists = lists::Lists::read(&part("numbering", package)?, limits)?;
    let footnotes = part("footnotes", package)?;
    let endnotes = part("endnotes", package)?;
    let title = ooxml::title(package)?;
    let document = package
        .text(main)?
        .ok_or_else(|| (ProblemCode::Corrupt, format!("Its main part {main:?} is missing")))?;
    let mut notes = body::notes(&footnotes, "footnote", &styles, &lists, limits)?;
    notes.extend(body::notes(&endnotes, "endnote", &styles, &lists, limits)?);
    let mut body = Body::new(&styles, lists, notes, limits);
    let mut xml = Xml::new(&document, limits);
    loop {
        match xml.next()? {
            Node::Start(tag) => body.start(&tag, &mut xml)?,
            Node::End(tag) => body.end(tag.name())?,
            Node::Text(text) => body.text(&text)?,
            Node::Eof => break,
        }
    }
    body.finish().finish(
        Format::Docx,
        &title,
        "The document holds no text; pictures are not read",
    )
}
