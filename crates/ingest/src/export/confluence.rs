//! Confluence: a space as HTML pages that are called by their titles where those are Latin, and by their ids.

use memchr::memmem;

use super::{address, in_path, joined, split, with_bytes};
use crate::archive::RawFile;
use crate::provenance::{Link, Places};

/// How much of a page is looked at for its title.
const HEAD: usize = 16 << 10;

pub(super) fn document(base: Option<&str>, file: RawFile) -> Option<RawFile> {
    if !is_document(&file.path) {
        return None;
    }
    let Some((folder, id)) = page(&file.path) else {
        return Some(file);
    };
    let title = title(&file.bytes);
    let path = match &title {
        Some(title) => joined(folder, &format!("{} {id}.html", in_path(title))),
        None => file.path.clone(),
    };
    let mut provenance = file.provenance.clone();
    provenance.link = address(base).map(|base| Link {
        url: format!("{base}/pages/viewpage.action?pageId={id}"),
        places: Places::Anchors,
    });
    provenance.title = title;
    let bytes = main_content(&file.bytes);
    let file = RawFile {
        path,
        provenance,
        ..file
    };
    Some(match bytes {
        Some(bytes) => with_bytes(file, bytes),
        None => file,
    })
}

pub(super) fn is_document(path: &str) -> bool {
    let (folder, name) = split(path);
    name != "index.html" && !is_furniture(folder)
}

/// The folder and the id of a page; `None` for an attachment.
pub(super) fn page(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = split(path);
    let is_attached = folder.split('/').any(|part| part == "attachments");
    page_id(name).filter(|_| !is_attached).map(|id| (folder, id))
}

/// The same of a path that [`document`] made: `Title 12345.html`, or as it was.
pub(super) fn page_of_document(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = split(path);
    let (_, end) = name.rsplit_once(' ').unwrap_or(("", name));
    page_id(end).map(|id| (folder, id))
}

/// `Name_12345.html`, `12345.html`
pub(super) fn page_id(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".html")?;
    let id = stem.rsplit('_').next().unwrap_or(stem);
    let is_id = id.len() >= 4 && id.len() <= 20 && id.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then_some(id)
}

fn is_furniture(folder: &str) -> bool {
    let mut parts = folder.rsplit('/');
    let last = parts.next().unwrap_or_default();
    matches!(last, "styles" | "images" | "icons" | "thumbnails") && parts.all(|part| part != "attachments")
        || folder.split('/').any(|part| part == "thumbnails")
}

/// Pages are called "Space : Title".
fn title(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes));
    let title = head.split_once("<title>")?.1.split_once("</title>")?.0;
    let title = title.split_once(" : ").map_or(title, |(_, title)| title);
    let title = decoded(title.trim());
    (!title.is_empty()).then_some(title)
}

fn decoded(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The page without bread crumbs, authors, lists of attachments and the footer with the date of the export.
fn main_content(bytes: &[u8]) -> Option<Vec<u8>> {
    let marker = memmem::find(bytes, b"id=\"main-content\"")?;
    let begin = memchr::memrchr(b'<', bytes.get(..marker)?)?;
    let rest = bytes.get(begin..)?;
    let ends = [
        &b"<div class=\"pageSection group\""[..],
        b"<div id=\"footer\"",
        b"</body",
    ];
    let end = ends.iter().filter_map(|end| memmem::find(rest, end)).min();
    let content = rest.get(..end.unwrap_or(rest.len()))?;
    let mut page = b"<!DOCTYPE html><html><head><meta charset=\"UTF-8\"></head><body>\n".to_vec();
    page.extend_from_slice(content);
    page.extend_from_slice(b"\n</body></html>\n");
    Some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_by_their_ids() {
        assert_eq!(page_id("Setup-guide_65602.html"), Some("65602"));
        assert_eq!(page_id("65602.html"), Some("65602"));
        assert_eq!(page_id("index.html"), None);
        assert_eq!(page_id("v_2.html"), None);
    }
}
