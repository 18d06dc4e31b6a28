//! Notion: names end with a space and the page's id, archives are cut into parts, and a database is a CSV file that has a
//! twin with all of its rows whatever its view shows.

use super::{in_path, joined, split};
use crate::archive::RawFile;
use crate::provenance::{Link, Places};

/// An id as names have it.
const DIGITS: usize = 32;
/// As many of its last digits tell two pages of one name apart: newer ids begin alike.
const KEPT: usize = 8;
/// How much of a page is looked at for its title.
const HEAD: usize = 4 << 10;

pub(super) fn document(file: RawFile) -> Option<RawFile> {
    let new_path = path(&file.path)?;
    let (_, name) = split(&file.path);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let mut provenance = file.provenance.clone();
    if let Some((title, id)) = id_at_end(stem) {
        let written = written_title(&file.bytes, &extension.to_ascii_lowercase());
        provenance.title =
            Some(written.unwrap_or_else(|| title.to_owned())).filter(|title| !title.is_empty());
        provenance.link = Some(Link {
            url: format!("https://www.notion.so/{}", id.to_ascii_lowercase()),
            places: Places::Whole,
        });
    }
    Some(RawFile {
        path: new_path,
        provenance,
        ..file
    })
}

/// A file's path without ids; `None` for what is no document.
pub(super) fn path(path: &str) -> Option<String> {
    let (folder, name) = split(path);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let extension = extension.to_ascii_lowercase();
    // What the view shows comes as a file of its own, and all rows come as pages.
    if extension == "csv"
        && stem
            .strip_suffix("_all")
            .is_some_and(|stem| id_at_end(stem).is_some())
    {
        return None;
    }
    let is_index = name.eq_ignore_ascii_case("index.html") || name.eq_ignore_ascii_case("index.md");
    if is_index && id_at_end(stem).is_none() && inner(folder).is_empty() {
        return None;
    }
    let folders: Vec<String> = inner(folder).iter().map(|part| without_id(part)).collect();
    Some(joined(
        &folders.join("/"),
        &with_extension(&without_id(stem), &extension),
    ))
}

/// The name before the id at its end, and the id.
pub(super) fn id_at_end(stem: &str) -> Option<(&str, &str)> {
    let at = stem.len().checked_sub(DIGITS)?;
    let (name, id) = stem.split_at_checked(at)?;
    let is_id = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && (name.is_empty() || name.ends_with(' '))).then(|| (name.trim(), id))
}

/// Folders, without those of the archive's parts.
fn inner(folder: &str) -> Vec<&str> {
    folder
        .split('/')
        .filter(|part| !part.is_empty())
        .skip_while(|part| part.to_ascii_lowercase().ends_with(".zip"))
        .collect()
}

fn without_id(name: &str) -> String {
    match id_at_end(name) {
        Some((title, id)) => {
            let short = id.get(DIGITS - KEPT..).unwrap_or(id).to_ascii_lowercase();
            format!("{} {short}", in_path(title)).trim().to_owned()
        }
        None => name.to_owned(),
    }
}

fn with_extension(stem: &str, extension: &str) -> String {
    if extension.is_empty() {
        stem.to_owned()
    } else {
        format!("{stem}.{extension}")
    }
}

/// The title as the page has it: Notion cuts long ones in names.
fn written_title(bytes: &[u8], extension: &str) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes));
    let title = match extension {
        "md" => head
            .trim_start_matches('\u{feff}')
            .lines()
            .next()?
            .strip_prefix("# ")?,
        "html" => head.split_once("<title>")?.1.split_once("</title>")?.0,
        _ => return None,
    };
    let title = title.trim();
    let plain = !title.is_empty() && !title.contains(['&', '<', '[', '\u{fffd}']);
    plain.then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_names() {
        let id = "0123456789abcdef0123456789ABCDEF";
        assert_eq!(id_at_end(&format!("План {id}")), Some(("План", id)));
        assert_eq!(id_at_end(id), Some(("", id)));
        assert_eq!(id_at_end(&format!("x{id}")), None, "a hash within a word");
        assert_eq!(id_at_end("План"), None);
        assert_eq!(inner("Export-1.zip/Part-1.zip/Docs"), ["Docs"]);
    }
}
