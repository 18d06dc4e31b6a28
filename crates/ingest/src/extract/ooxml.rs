//! What Word, PowerPoint and Excel files have in common (ECMA-376 part 2): relations between parts, and properties.

use super::Refusal;
use super::package::{Package, resolve};
use super::xml::{Node, Xml};

#[derive(Debug)]
pub(super) struct Relation {
    pub(super) id: String,
    kind: String,
    pub(super) target: String,
}

impl Relation {
    /// Whether its type ends so: the beginnings differ between the transitional and the strict form.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.rsplit('/').next() == Some(kind)
    }
}

/// The relations of a part, or of the package for an empty name. Targets outside of the file are left out.
pub(super) fn relations(package: &mut Package<'_>, part: &str) -> Result<Vec<Relation>, Refusal> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let text = package
        .text(&format!("{folder}/_rels/{name}.rels"))?
        .unwrap_or_default();
    let mut relations = Vec::new();
    let mut xml = Xml::new(&text, package.limits());
    loop {
        match xml.next()? {
            Node::Start(tag)
                if tag.name() == "Relationship"
                    && tag.attribute("TargetMode").is_none_or(|mode| mode != "External") =>
            {
                relations.push(Relation {
                    id: tag.attribute("Id").unwrap_or_default(),
                    kind: tag.attribute("Type").unwrap_or_default(),
                    target: tag.attribute("Target").unwrap_or_default(),
                });
            }
            Node::Eof => return Ok(relations),
            _ => {}
        }
    }
}

/// The part that the package is about.
pub(super) fn main_part(package: &mut Package<'_>) -> Result<Option<String>, Refusal> {
    let relations = relations(package, "")?;
    let main = relations.iter().find(|relation| relation.is("officeDocument"));
    let named = main
        .map(|relation| resolve("", &relation.target))
        .filter(|name| package.has(name));
    const USUAL: [&str; 3] = ["word/document.xml", "ppt/presentation.xml", "xl/workbook.xml"];
    Ok(named.or_else(|| {
        let usual = USUAL.into_iter().find(|name| package.has(name));
        usual.map(str::to_owned)
    }))
}

/// The title among the properties; may be empty.
pub(super) fn title(package: &mut Package<'_>) -> Result<String, Refusal> {
    let Some(text) = package.text("docProps/core.xml")? else {
        return Ok(String::new());
    };
    let mut xml = Xml::new(&text, package.limits());
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.name() == "title" => return xml.text(),
            Node::Eof => return Ok(String::new()),
            _ => {}
        }
    }
}
