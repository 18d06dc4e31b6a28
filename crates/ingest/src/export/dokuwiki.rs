//! DokuWiki: a folder of pages as text files, beside much that is none.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::address;
use crate::archive::RawFile;
use crate::provenance::{Link, Places};

/// What DokuWiki leaves as it is in ids within addresses.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b':');

pub(super) fn document(base: Option<&str>, file: RawFile) -> Option<RawFile> {
    let page = page_of(&file.path)?;
    let id = page.replace('/', ":");
    let mut provenance = file.provenance.clone();
    provenance.link = address(base).map(|base| Link {
        url: format!("{base}/doku.php?id={}", utf8_percent_encode(&id, KEPT)),
        places: Places::Anchors,
    });
    Some(RawFile {
        path: format!("{page}.dokuwiki"),
        provenance,
        ..file
    })
}

pub(super) fn path(path: &str) -> Option<String> {
    page_of(path).map(|page| format!("{page}.dokuwiki"))
}

/// The page that a file holds, as a path; `None` for what is none.
fn page_of(path: &str) -> Option<String> {
    // Names are encoded as addresses are (`fnencode` "url", the default).
    let page = percent_decode_str(page(path)?).decode_utf8().ok()?.into_owned();
    let name = page.rsplit('/').next().unwrap_or(&page);
    let is_part = [
        "_template",
        "__template",
        "c_template",
        "i_template",
        "sidebar",
        "rightsidebar",
    ]
    .contains(&name);
    let is_unsafe = page
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
        || page.contains(char::is_control)
        || page.contains('\\');
    (!is_part && !is_unsafe && !page.starts_with("playground/")).then_some(page)
}

/// What stands under the folder of pages, without its ending.
fn page(path: &str) -> Option<&str> {
    let begins = ["data/pages/", "pages/"].into_iter().find_map(|folder| {
        let inside = path.find(&format!("/{folder}")).map(|at| at + 1 + folder.len());
        path.starts_with(folder).then_some(folder.len()).or(inside)
    })?;
    path.get(begins..)?.strip_suffix(".txt")
}
