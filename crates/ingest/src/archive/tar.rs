//! Tar, plain or in a compressed stream. Read raw: the library would take a long name or a pax header of any size into
//! memory, here they are bounded.

use std::io::Read;

use nexus_domain::ProblemCode;
use tar::{Archive, EntryType};

use super::bounds::Declared;
use super::name;
use super::visit::{End, Origin, Step, Visitor};

/// Largest extension header (long names, pax records) that is read. Paths are refused far below.
const EXTENSION_BYTES: u64 = 64 << 10;

/// What headers told about the entry that follows them.
#[derive(Debug, Default)]
struct Ahead {
    path: Option<Vec<u8>>,
}

/// Walks a stream that is metered as a whole.
pub(super) fn walk(stream: impl Read, visitor: &mut Visitor<'_>) -> Step {
    let mut archive = Archive::new(stream);
    let mut ahead = Ahead::default();
    let entries = archive.entries().map_err(|error| End::of(&error))?;
    for entry in entries.raw(true) {
        let mut entry = entry.map_err(|error| End::of(&error))?;
        one(&mut entry, &mut ahead, visitor)?;
    }
    Ok(())
}

fn one<R: Read>(entry: &mut tar::Entry<'_, R>, ahead: &mut Ahead, visitor: &mut Visitor<'_>) -> Step {
    let kind = entry.header().entry_type();
    match kind {
        EntryType::GNULongName => {
            let mut path = extension(entry)?;
            while path.last() == Some(&0) {
                path.pop();
            }
            ahead.path = Some(path);
            return Ok(());
        }
        EntryType::XHeader => return pax(&extension(entry)?, ahead, entry.size()),
        EntryType::GNULongLink | EntryType::XGlobalHeader => return Ok(()),
        _ => {}
    }
    visitor.count_entry()?;
    let raw = ahead
        .path
        .take()
        .unwrap_or_else(|| entry.path_bytes().into_owned());
    if kind == EntryType::Directory || raw.last() == Some(&b'/') {
        return Ok(());
    }
    let Some(path) = visitor.path(name::decode(&raw, None), &raw)? else {
        return Ok(());
    };
    match kind {
        EntryType::Regular | EntryType::Continuous => {
            let declared = Declared {
                unpacked: entry.size(),
                packed: None,
            };
            visitor.file(path, entry, declared, Origin::Stream)
        }
        EntryType::Symlink | EntryType::Link => {
            visitor.problem(path, ProblemCode::Link, "Links are not followed")
        }
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            visitor.problem(path, ProblemCode::DeviceName, "A device or a pipe, not a file")
        }
        EntryType::GNUSparse => sparse(entry, path, visitor),
        other => {
            let why = format!(
                "Tar entries of type {:?} are not read",
                char::from(other.as_byte())
            );
            visitor.problem(path, ProblemCode::UnsupportedFormat, why)
        }
    }
}

/// The map of a sparse file may go on in blocks that no size counts; after such a map the stream is lost.
fn sparse<R: Read>(entry: &tar::Entry<'_, R>, path: String, visitor: &mut Visitor<'_>) -> Step {
    let goes_on = entry.header().as_gnu().is_none_or(tar::GnuHeader::is_extended);
    visitor.problem(
        path.clone(),
        ProblemCode::UnsupportedCompression,
        "Sparse files are not read",
    )?;
    if goes_on {
        return Err(End::Cut(
            ProblemCode::UnsupportedCompression,
            format!("Nothing can be read after sparse {path:?}"),
        ));
    }
    Ok(())
}

fn extension<R: Read>(entry: &mut tar::Entry<'_, R>) -> Step<Vec<u8>> {
    let size = entry.size();
    if size > EXTENSION_BYTES {
        return Err(End::Cut(
            ProblemCode::Corrupt,
            format!("A header of {size} bytes stands before a file"),
        ));
    }
    let mut bytes = Vec::new();
    entry
        .take(EXTENSION_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| End::of(&error))?;
    if (bytes.len() as u64) < size {
        return Err(End::Cut(
            ProblemCode::Truncated,
            "The archive ends within a header".into(),
        ));
    }
    Ok(bytes)
}

/// Takes the path from pax records. A size there overrides the header's, which raw reading cannot follow; writers use it
/// for files of 8 GiB and more only.
fn pax(records: &[u8], ahead: &mut Ahead, header_bytes: u64) -> Step {
    for record in tar::PaxExtensions::new(records) {
        let Ok(record) = record else {
            return Err(End::Cut(
                ProblemCode::Corrupt,
                format!("A pax header of {header_bytes} bytes is damaged"),
            ));
        };
        match record.key_bytes() {
            b"path" => ahead.path = Some(record.value_bytes().to_vec()),
            b"size" => {
                return Err(End::Cut(
                    ProblemCode::TooLarge,
                    "A file of 8 GiB or more; nothing after it was read".into(),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}
