//! 7z. The directory stands at the end and is vetted before the library sees it; files come block by block, and what is
//! lost with a damaged block is told file by file.

mod coders;
mod directory;
mod fields;
mod streams;

use std::io::{self, BufReader, Read};

use nexus_domain::ProblemCode;
use sevenz_rust2::{ArchiveEntry, BlockDecoder, Error, Password};

use super::bounds::{Declared, broken};
use super::disk::Disk;
use super::meter::Metered;
use super::visit::{End, Origin, Step, Visitor};
use crate::limits::Limits;
use directory::Directory;

/// Why something is not read.
type Fault = (ProblemCode, String);

pub(super) fn walk(disk: &Disk, visitor: &mut Visitor<'_>) -> Step {
    let mut source = BufReader::new(disk.again());
    let directory = directory::read(&mut source, disk.len(), visitor.limits())
        .map_err(|(code, why)| End::Cut(code, why))?;
    for index in 0..directory.archive.blocks.len() {
        block(index, &directory, &mut source, visitor)?;
    }
    let archive = &directory.archive;
    for (entry, block) in archive.files.iter().zip(&archive.stream_map.file_block_index) {
        if block.is_none() {
            one(entry, &mut io::empty(), None, visitor)?;
        }
    }
    Ok(())
}

pub(super) fn entries_hint(disk: &Disk, limits: &Limits) -> Option<u64> {
    directory::read(&mut disk.again(), disk.len(), limits)
        .ok()
        .map(|directory| directory.archive.files.len() as u64)
}

/// Files that are packed together.
fn block(
    index: usize,
    directory: &Directory,
    source: &mut BufReader<Disk>,
    visitor: &mut Visitor<'_>,
) -> Step {
    let archive = &directory.archive;
    let password = Password::empty();
    let decoder = BlockDecoder::new(1, index, archive, &password, source);
    let start = archive.stream_map.block_first_file_index[index];
    let entries = &archive.files[start..start + decoder.entry_count()];
    if entries.is_empty() {
        return Ok(());
    }
    if let Some(fault) = directory.faults.get(index).and_then(Option::as_ref) {
        return rest(entries, fault, visitor);
    }
    let is_alone = entries.iter().filter(|entry| entry.size > 0).count() == 1;
    let mut met = 0;
    let mut stopped = Ok(());
    let mut lost = None;
    let decoded = decoder.for_each_entries(&mut |entry, data| {
        met += 1;
        let packed = Some(entry.compressed_size).filter(|size| is_alone && *size > 0);
        match one(entry, data, packed, visitor) {
            Ok(None) => return Ok(true),
            Ok(fault) => lost = fault,
            Err(end) => stopped = Err(end),
        }
        Ok(false)
    });
    stopped?;
    match lost.or_else(|| decoded.err().map(|error| fault_of(&error))) {
        Some(fault) => rest(&entries[met..], &fault, visitor),
        None => Ok(()),
    }
}

/// Reads one entry to its end, whether or not it is taken: the next one begins there, and all that is unpacked counts.
/// `Some`: what follows in its block is lost.
fn one(
    entry: &ArchiveEntry,
    data: &mut dyn Read,
    packed: Option<u64>,
    visitor: &mut Visitor<'_>,
) -> Step<Option<Fault>> {
    visitor.count_entry()?;
    let mut data = Metered::new(Summed::new(data), visitor.meter().of_stream());
    if let Some(path) = path(entry, visitor)? {
        let declared = Declared {
            unpacked: entry.size,
            packed,
        };
        visitor.file(path, &mut data, declared, Origin::Block)?;
    }
    if data.inner().is_wrong {
        return Ok(None);
    }
    if data.has_failed() {
        return Ok(Some((
            ProblemCode::Corrupt,
            "The data before it is damaged".into(),
        )));
    }
    match io::copy(&mut data, &mut io::sink()) {
        Ok(_) => Ok(None),
        Err(_) if data.inner().is_wrong => Ok(None),
        Err(error) => match End::of(&error) {
            End::Cut(..) if data.has_failed() => Ok(Some(broken(&error))),
            end => Err(end),
        },
    }
}

/// The entry's path, if it is a file that can be taken.
fn path(entry: &ArchiveEntry, visitor: &mut Visitor<'_>) -> Step<Option<String>> {
    if entry.is_directory || entry.is_anti_item {
        return Ok(None);
    }
    let Some(path) = visitor.path(Some(entry.name.clone()), entry.name.as_bytes())? else {
        return Ok(None);
    };
    match refused(entry) {
        Some((code, why)) => visitor.problem(path, code, why).map(|()| None),
        None => Ok(Some(path)),
    }
}

/// Links and devices, as 7-Zip keeps them: the Unix mode in the upper half of the attributes.
fn refused(entry: &ArchiveEntry) -> Option<Fault> {
    const UNIX: u32 = 0x8000;
    const REPARSE_POINT: u32 = 0x400;
    let attributes = if entry.has_windows_attributes {
        entry.windows_attributes
    } else {
        0
    };
    let kind = if attributes & UNIX == 0 {
        0
    } else {
        (attributes >> 16) & 0o170_000
    };
    match kind {
        0o120_000 => Some((ProblemCode::Link, "Links are not followed".into())),
        0o010_000 | 0o020_000 | 0o060_000 | 0o140_000 => {
            let why = "A device, pipe or socket, not a file";
            Some((ProblemCode::DeviceName, why.into()))
        }
        _ if attributes & REPARSE_POINT != 0 => Some((ProblemCode::Link, "Links are not followed".into())),
        _ => None,
    }
}

/// Tells for each of these files why it is not read.
fn rest(entries: &[ArchiveEntry], (code, why): &Fault, visitor: &mut Visitor<'_>) -> Step {
    for entry in entries {
        visitor.count_entry()?;
        if let Some(path) = path(entry, visitor)? {
            visitor.problem(path, *code, why.clone())?;
        }
    }
    Ok(())
}

fn fault_of(error: &Error) -> Fault {
    match error {
        Error::Io(error, _) | Error::MaybeBadPassword(error) => broken(error),
        Error::UnsupportedCompressionMethod(method) => (
            ProblemCode::UnsupportedCompression,
            format!("Compressed by {method}, which is not read"),
        ),
        Error::Unsupported(why) => (ProblemCode::UnsupportedCompression, why.to_string()),
        Error::PasswordRequired => (ProblemCode::Encrypted, "The file is encrypted".into()),
        Error::MaxMemLimited { .. } => (ProblemCode::MemoryLimit, error.to_string()),
        Error::Other(why) => (ProblemCode::Corrupt, why.to_string()),
        other => (ProblemCode::Corrupt, other.to_string()),
    }
}

/// A file's data, which remembers whether it ended with a wrong checksum: then only this file is damaged.
struct Summed<'a> {
    data: &'a mut dyn Read,
    is_wrong: bool,
}

impl<'a> Summed<'a> {
    fn new(data: &'a mut dyn Read) -> Self {
        Self {
            data,
            is_wrong: false,
        }
    }
}

impl Read for Summed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.data.read(buffer).map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
            if matches!(inner, Some(Error::ChecksumVerificationFailed)) {
                self.is_wrong = true;
                return io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match");
            }
            error
        })
    }
}
