//! Zip. Entries come from the directory at the end, one at a time; where it is missing (a truncated upload), what the
//! local headers still give is taken.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};

use nexus_domain::ProblemCode;
use zip::CompressionMethod;
use zip::ZipReadOptions;
use zip::read::{Config, ZipFile, ZipFileEntry, read_zipfile_from_stream};
use zip::result::ZipError;
// Walks the directory entry by entry: memory does not grow with what an archive declares, and equal names stay apart.
use zip::unstable::read::ZipIterable;

use super::bounds::{Declared, broken};
use super::disk::Disk;
use super::meter::Metered;
use super::visit::{End, Origin, Step, Visitor};
use super::{name, sniff};

/// Size of a local header without its name: data starts behind it.
const LOCAL_HEADER: u64 = 30;
/// What a local header begins with.
const LOCAL_MAGIC: &[u8] = b"PK\x03\x04";

/// Parts of the file that entries have claimed, as start → end. Bytes that serve two entries are how a small zip
/// becomes a huge one; this also bounds all reading by the size of the upload.
type Claims = BTreeMap<u64, u64>;

pub(super) fn walk(disk: &Disk, visitor: &mut Visitor<'_>) -> Step {
    let mut body = BufReader::new(disk.again());
    let mut archive = match ZipIterable::try_new(BufReader::new(disk.again()), Config::default()) {
        Ok(archive) => archive,
        Err(ZipError::UnsupportedArchive(why)) => {
            return Err(End::Cut(ProblemCode::UnsupportedCompression, why.to_owned()));
        }
        Err(error) => return salvage(&mut body, visitor, &error),
    };
    let mut claims = Claims::new();
    let entries = archive
        .files()
        .map_err(|error| End::Cut(ProblemCode::Corrupt, error.to_string()))?;
    for entry in entries {
        let entry = entry.map_err(|error| {
            let why = format!("The directory is damaged: {error}");
            End::Cut(ProblemCode::Corrupt, why)
        })?;
        one(entry, &mut body, disk.len(), &mut claims, visitor)?;
    }
    Ok(())
}

/// Whether this zip is one document to a person: an office file, whatever it is called and in which order its parts stand.
pub(super) fn is_document(disk: &Disk, name: &str) -> bool {
    /// Parts that are looked at; the main one of an office file is among the first dozens.
    const PARTS: usize = 10_000;
    const MAIN: [&[u8]; 3] = [b"word/document.xml", b"ppt/presentation.xml", b"xl/workbook.xml"];
    let Ok(mut archive) = ZipIterable::try_new(BufReader::new(disk.again()), Config::default()) else {
        return false;
    };
    let Ok(entries) = archive.files() else {
        return false;
    };
    let (mut has_types, mut has_main) = (false, false);
    for entry in entries.take(PARTS).map_while(Result::ok) {
        has_types |= entry.name_raw() == b"[Content_Types].xml";
        has_main |= MAIN.contains(&entry.name_raw());
    }
    has_types && has_main && !sniff::is_other_package(name)
}

pub(super) fn entries_hint(disk: &Disk) -> Option<u64> {
    ZipIterable::try_new(BufReader::new(disk.again()), Config::default())
        .ok()
        .map(|archive| archive.len() as u64)
}

fn one(
    entry: ZipFileEntry<'static>,
    body: &mut BufReader<Disk>,
    len: u64,
    claims: &mut Claims,
    visitor: &mut Visitor<'_>,
) -> Step {
    visitor.count_entry()?;
    if entry.is_dir() {
        return Ok(());
    }
    let raw = entry.name_raw().to_vec();
    let text = name::decode(&raw, entry.name().ok().as_deref());
    let Some(path) = visitor.path(text, &raw)? else {
        return Ok(());
    };
    if let Some((code, why)) = refused(&entry).or_else(|| claim(&entry, len, claims)) {
        return visitor.problem(path, code, why);
    }
    let declared = Declared {
        unpacked: entry.size(),
        packed: Some(entry.compressed_size()),
    };
    match entry.with_reader(body, ZipReadOptions::new()) {
        Ok(file) => {
            let mut file = Metered::new(file, visitor.meter().of_part());
            visitor.file(path, &mut file, declared, Origin::Own)
        }
        Err(error) => {
            let (code, why) = unreadable(&error);
            visitor.problem(path, code, why)
        }
    }
}

/// What the directory alone tells against an entry.
fn refused(entry: &ZipFileEntry<'_>) -> Option<(ProblemCode, String)> {
    const KIND: u32 = 0o170_000;
    match entry.unix_mode().map_or(0, |mode| mode & KIND) {
        0o120_000 => return Some((ProblemCode::Link, "Links are not followed".into())),
        0o010_000 | 0o020_000 | 0o060_000 | 0o140_000 => {
            return Some((
                ProblemCode::DeviceName,
                "A device, pipe or socket, not a file".into(),
            ));
        }
        _ => {}
    }
    if entry.encrypted() {
        return Some((ProblemCode::Encrypted, "The file is encrypted".into()));
    }
    match entry.compression() {
        CompressionMethod::Stored
        | CompressionMethod::Deflated
        | CompressionMethod::Deflate64
        | CompressionMethod::Bzip2
        // Its dictionary is bounded by the declared size, and that by the size of one file.
        | CompressionMethod::Lzma
        | CompressionMethod::Zstd => None,
        // xz among them: its dictionary may be 4 GiB, whatever the file's size.
        other => Some((ProblemCode::UnsupportedCompression, format!("Compressed by {other}, which is not read"))),
    }
}

/// Takes the entry's part of the file, unless it lies outside of it or belongs to another entry.
fn claim(entry: &ZipFileEntry<'_>, len: u64, claims: &mut Claims) -> Option<(ProblemCode, String)> {
    let start = entry.header_start();
    let end = start
        .saturating_add(LOCAL_HEADER)
        .saturating_add(entry.compressed_size());
    if end > len {
        let why = format!("The file's data would end at byte {end} of {len}");
        return Some((ProblemCode::Truncated, why));
    }
    let before = claims
        .range(..=start)
        .next_back()
        .is_some_and(|(_, claimed)| *claimed > start);
    let after = claims.range(start..end).next().is_some();
    if before || after {
        return Some((
            ProblemCode::Corrupt,
            "The file's data overlaps with another file's".into(),
        ));
    }
    claims.insert(start, end);
    None
}

/// Without a directory: files in order, until the first that cannot be read.
fn salvage(body: &mut BufReader<Disk>, visitor: &mut Visitor<'_>, error: &ZipError) -> Step {
    let lost = || {
        End::Cut(
            ProblemCode::Truncated,
            format!("The archive's directory is missing: {error}"),
        )
    };
    let begins = body.fill_buf().is_ok_and(|bytes| bytes.starts_with(LOCAL_MAGIC));
    loop {
        let Ok(Some(mut file)) = read_zipfile_from_stream(body) else {
            let cut = if begins { lost() } else { not_a_zip(error) };
            return Err(cut);
        };
        salvage_one(&mut file, visitor)?;
    }
}

fn not_a_zip(error: &ZipError) -> End {
    match error {
        ZipError::Io(io) => {
            let (code, why) = broken(io);
            End::Cut(code, why)
        }
        other => End::Cut(
            ProblemCode::Corrupt,
            format!("This is no zip archive that can be read: {other}"),
        ),
    }
}

fn salvage_one<R: Read>(file: &mut ZipFile<'_, R>, visitor: &mut Visitor<'_>) -> Step {
    visitor.count_entry()?;
    if file.is_dir() {
        return Ok(());
    }
    let raw = file.name_raw().to_vec();
    let text = name::decode(&raw, file.name().ok().as_deref());
    let Some(path) = visitor.path(text, &raw)? else {
        return Ok(());
    };
    if let Some((code, why)) = refused(&file.entry()) {
        return visitor.problem(path, code, why);
    }
    let declared = Declared {
        unpacked: file.size(),
        packed: Some(file.compressed_size()),
    };
    let mut file = Metered::new(file, visitor.meter().of_part());
    visitor.file(path, &mut file, declared, Origin::Stream)
}

fn unreadable(error: &ZipError) -> (ProblemCode, String) {
    match error {
        ZipError::Io(io) => broken(io),
        ZipError::CompressionMethodNotSupported(_) => {
            (ProblemCode::UnsupportedCompression, error.to_string())
        }
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            (ProblemCode::Encrypted, error.to_string())
        }
        _ => (ProblemCode::Corrupt, error.to_string()),
    }
}
