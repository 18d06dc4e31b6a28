//! Which document a file of an export is that cannot be read, so that the document is not taken for gone.

use std::collections::HashMap;

use super::{Export, confluence, dokuwiki, is_decoration, joined, notion};

/// The documents of an export as they are known.
#[derive(Debug)]
pub struct ExportPaths {
    export: Export,
    /// Of Confluence: its documents' paths hold the titles of pages, which stand in the files alone.
    by_page: HashMap<String, String>,
}

impl ExportPaths {
    /// `known` are the paths of the documents that came from earlier uploads of the export.
    pub fn new(export: Export, known: impl IntoIterator<Item = String>) -> Self {
        let by_page = match export {
            Export::Confluence { .. } => known
                .into_iter()
                .filter_map(|path| Some((key(confluence::page_of_document(&path)?), path)))
                .collect(),
            Export::Notion | Export::DokuWiki { .. } => HashMap::new(),
        };
        Self { export, by_page }
    }

    pub const fn export(&self) -> &Export {
        &self.export
    }

    /// The path that the file's document has, or would have; `None` for what is no document.
    pub fn of_unread(&self, path: &str) -> Option<String> {
        if is_decoration(path) {
            return None;
        }
        match self.export {
            Export::Confluence { .. } if !confluence::is_document(path) => None,
            Export::Confluence { .. } => {
                let known = confluence::page(path).and_then(|page| self.by_page.get(&key(page)));
                Some(known.map_or_else(|| path.to_owned(), Clone::clone))
            }
            Export::Notion => notion::path(path),
            Export::DokuWiki { .. } => dokuwiki::path(path),
        }
    }
}

fn key((folder, id): (&str, &str)) -> String {
    joined(folder, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_unread(export: Export, known: &[&str], path: &str) -> Option<String> {
        let known = known.iter().map(|path| (*path).to_owned());
        ExportPaths::new(export, known).of_unread(path)
    }

    #[test]
    fn an_unread_file_is_its_document() {
        let id = "0123456789abcdef0123456789abcdef";
        let page = format!("Export-1.zip/Team/Plan {id}.md");
        assert_eq!(
            of_unread(Export::Notion, &[], &page).unwrap(),
            "Team/Plan 89abcdef.md"
        );
        let doku = || Export::DokuWiki { base: None };
        assert_eq!(
            of_unread(doku(), &[], "wiki/data/pages/team/%D1%8F.txt").unwrap(),
            "team/я.dokuwiki"
        );
        assert_eq!(of_unread(doku(), &[], "wiki/data/meta/team/a.meta"), None);
    }

    #[test]
    fn a_page_of_confluence_is_known_by_its_id() {
        let export = || Export::Confluence { base: None };
        let known = [
            "DS/Setup guide 65602.html",
            "OTHER/Copy 65602.html",
            "DS/65603.html",
        ];
        for (path, document) in [
            ("DS/Setup-guide_65602.html", "DS/Setup guide 65602.html"),
            ("DS/65602.html", "DS/Setup guide 65602.html"),
            ("DS/65603.html", "DS/65603.html"),
            ("DS/New_65604.html", "DS/New_65604.html"),
            ("DS/attachments/65602.html", "DS/attachments/65602.html"),
        ] {
            assert_eq!(of_unread(export(), &known, path).unwrap(), document, "{path}");
        }
        assert_eq!(of_unread(export(), &known, "DS/index.html"), None);
        assert_eq!(of_unread(export(), &known, "DS/logo.png"), None);
    }
}
