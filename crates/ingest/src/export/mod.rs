//! Exports of wikis that come as archives of files: what is no document is left out, names get rid of their ids, and each
//! page is linked to where it lives.

mod confluence;
mod detect;
mod dokuwiki;
mod notion;
mod paths;

use nexus_domain::ContentHash;

use crate::archive::RawFile;
pub use detect::detect_export;
pub use paths::ExportPaths;

/// What an archive was exported from. `base` is the address of the wiki, without which its pages have no links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Export {
    /// A space as HTML.
    Confluence { base: Option<String> },
    /// Markdown and CSV, or HTML.
    Notion,
    /// A copy of the wiki's folder, or of its `data/pages`.
    DokuWiki { base: Option<String> },
}

/// The file as a document of this export: its path without ids, with a title and a link where they are known. `None`: it is
/// no document (a style sheet, a picture, an index) and is left out without a word.
///
/// Files whose bytes are rewritten have the hash of what they became, so what an export changes in every page each time (the
/// date in a footer) changes nothing here.
pub fn of_export(export: &Export, file: RawFile) -> Option<RawFile> {
    if is_decoration(&file.path) {
        return None;
    }
    match export {
        Export::Confluence { base } => confluence::document(base.as_deref(), file),
        Export::Notion => notion::document(file),
        Export::DokuWiki { base } => dokuwiki::document(base.as_deref(), file),
    }
}

/// Pictures, films, fonts, styles and scripts: parts of pages.
fn is_decoration(path: &str) -> bool {
    const ENDINGS: [&str; 27] = [
        "png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "ico", "tif", "tiff", "heic", "avif", "mp4",
        "mov", "webm", "avi", "mkv", "mp3", "wav", "ogg", "woff", "woff2", "ttf", "otf", "eot", "css", "js",
    ];
    let extension = path
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| ENDINGS.contains(&extension.as_str()))
}

/// Folders, and the file's name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A title as part of a path.
fn in_path(title: &str) -> String {
    let words: Vec<&str> = title
        .split(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\'))
        .filter(|word| !word.is_empty())
        .collect();
    let name = words.join(" ");
    let name: String = name.chars().take(100).collect();
    name.trim().to_owned()
}

fn with_bytes(file: RawFile, bytes: Vec<u8>) -> RawFile {
    RawFile {
        hash: ContentHash::of(&bytes),
        bytes,
        ..file
    }
}

/// The wiki's address, without a slash at its end.
fn address(base: Option<&str>) -> Option<&str> {
    base.map(|base| base.trim().trim_end_matches('/'))
        .filter(|base| base.starts_with("https://") || base.starts_with("http://"))
}
