//! Which export an archive is, told by the names in it.

use std::collections::HashSet;

use super::notion::id_at_end;
use super::{Export, confluence, split};

/// What an archive of these paths was exported from, if it is an export. Bases are not known by names.
pub fn detect_export<'p>(paths: impl Iterator<Item = &'p str>) -> Option<Export> {
    let mut seen = Seen::default();
    for path in paths {
        seen.path(path);
    }
    seen.export()
}

#[derive(Debug, Default)]
struct Seen<'p> {
    /// Files that could be pages.
    pages: usize,
    /// Of them, those whose names end as Notion's.
    notion: usize,
    /// A zip in the zip that is called as Notion calls it.
    notion_parts: usize,
    /// Folders that hold `index.html`, `styles/site.css`, and pages of Confluence.
    indexes: HashSet<&'p str>,
    styles: HashSet<&'p str>,
    confluence: HashSet<&'p str>,
    /// Files, and those under `data/pages`.
    files: usize,
    dokuwiki: usize,
    /// Something else that only a DokuWiki has.
    dokuwiki_parts: bool,
}

impl<'p> Seen<'p> {
    fn path(&mut self, path: &'p str) {
        let (folder, name) = split(path);
        if name.is_empty() {
            return;
        }
        self.files += 1;
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        match extension.to_ascii_lowercase().as_str() {
            "md" | "csv" | "html" => {
                self.pages += 1;
                let stem = stem.strip_suffix("_all").unwrap_or(stem);
                self.notion += usize::from(id_at_end(stem).is_some());
            }
            "zip" => self.notion_parts += usize::from(is_notion_part(stem)),
            _ => {}
        }
        if name == "index.html" {
            self.indexes.insert(folder);
        } else if confluence::page_id(name).is_some() {
            self.confluence.insert(folder);
        } else if name == "site.css" {
            let parent = folder
                .strip_suffix("styles")
                .map(|parent| parent.trim_end_matches('/'));
            self.styles.extend(parent);
        }
        let inside = |of: &str| path.starts_with(of) || path.contains(&format!("/{of}"));
        if inside("data/pages/") {
            self.dokuwiki += usize::from(extension == "txt");
        } else if name == "doku.php" || DOKUWIKI.into_iter().any(inside) {
            self.dokuwiki_parts = true;
        }
    }

    fn export(&self) -> Option<Export> {
        let is_confluence = |folder: &&str| self.indexes.contains(*folder) && self.styles.contains(*folder);
        if self.confluence.iter().any(is_confluence) {
            return Some(Export::Confluence { base: None });
        }
        if self.dokuwiki > 0 && (self.dokuwiki_parts || self.dokuwiki == self.files) {
            return Some(Export::DokuWiki { base: None });
        }
        let all_parts = self.notion_parts > 0 && self.notion_parts == self.files;
        let most_pages = self.notion > 0 && self.notion * 2 >= self.pages;
        (all_parts || most_pages).then_some(Export::Notion)
    }
}

const DOKUWIKI: [&str; 6] = [
    "data/meta/",
    "data/attic/",
    "data/media/",
    "data/media_meta/",
    "data/media_attic/",
    "data/index/",
];

/// `Export-0123….zip`, `ExportBlock-0123…-Part-1.zip`
fn is_notion_part(stem: &str) -> bool {
    let rest = stem
        .strip_prefix("ExportBlock-")
        .or_else(|| stem.strip_prefix("Export-"));
    rest.is_some_and(|rest| {
        let uuid = rest.get(..36).unwrap_or_default();
        let hyphens = uuid.bytes().filter(|byte| *byte == b'-').count();
        hyphens == 4 && uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    })
}
