//! The directory of a 7z archive. Everything that it declares is bounded before the library takes it into memory.

use std::io::{Cursor, Read, Seek, SeekFrom};

use flate2::Crc;
use lzma_rust2::{Lzma2Reader, LzmaReader};
use nexus_domain::ProblemCode;
use sevenz_rust2::{Archive, EncoderMethod as Method, Password};

use super::coders::Coder;
use super::fields::{Fields, damaged};
use super::{Fault, fault_of, streams};
use crate::archive::bounds::broken;
use crate::limits::Limits;

/// The signature, the version, a checksum; then place, size and checksum of the directory.
const START: usize = 32;
/// Largest directory, unpacked: 200,000 entries with long names take 50 MB.
const DIRECTORY_BYTES: u64 = 64 << 20;

const HEADER: u8 = 0x01;
const ARCHIVE_PROPERTIES: u8 = 0x02;
const MAIN_STREAMS: u8 = 0x04;
const FILES: u8 = 0x05;
const ENCODED_HEADER: u8 = 0x17;

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) archive: Archive,
    /// Why a block is not read, by its index.
    pub(super) faults: Vec<Option<Fault>>,
}

pub(super) fn read(source: &mut (impl Read + Seek), len: u64, limits: &Limits) -> Result<Directory, Fault> {
    let packed = raw(source, len)?;
    let plain = match packed.first() {
        Some(&ENCODED_HEADER) => decode(&packed[1..], source, len, limits)?,
        _ => packed,
    };
    let faults = vet(&plain, limits)?;
    let archive = Archive::read(&mut Cursor::new(alone(&plain)), &Password::empty())
        .map_err(|error| fault_of(&error))?;
    Ok(Directory { archive, faults })
}

/// The directory as it lies at the archive's end.
fn raw(source: &mut (impl Read + Seek), len: u64) -> Result<Vec<u8>, Fault> {
    if len < START as u64 {
        return Err(truncated());
    }
    let start = part(source, 0, START as u64)?;
    if start[6] != 0 {
        let why = format!("7z of version {} is not read", start[6]);
        return Err((ProblemCode::UnsupportedCompression, why));
    }
    let [stored, sum] = [&start[8..12], &start[28..32]].map(|bytes| u32_at(bytes, 0));
    if crc(&start[12..]) != stored {
        return Err(damaged("its place is unknown"));
    }
    let [offset, size] =
        [12, 20].map(|at| u64::from(u32_at(&start, at)) | u64::from(u32_at(&start, at + 4)) << 32);
    if size == 0 {
        return Err((ProblemCode::Empty, "The archive holds no files".into()));
    }
    let at = offset.saturating_add(START as u64);
    if at.checked_add(size).is_none_or(|end| end > len) {
        return Err(truncated());
    }
    bounded(size)?;
    let bytes = part(source, at, size)?;
    if crc(&bytes) != sum {
        return Err(damaged("its checksum does not match"));
    }
    Ok(bytes)
}

/// A directory that is compressed itself; with a password, it is encrypted, too.
fn decode(info: &[u8], source: &mut (impl Read + Seek), len: u64, limits: &Limits) -> Result<Vec<u8>, Fault> {
    let streams = streams::read(&mut Fields(info), limits.entries)?;
    let (Some(block), Some(&packed)) = (streams.blocks.first(), streams.pack_sizes.first()) else {
        return Err(damaged("it is packed, and nobody knows how"));
    };
    if let Some(fault) = block.coders.fault(limits.decoder_bytes) {
        return Err(fault);
    }
    let ([coder], [unpacked]) = (&block.coders.list[..], &block.unpack_sizes[..]) else {
        let why = "A directory that is packed by several methods is not read";
        return Err((ProblemCode::UnsupportedCompression, why.into()));
    };
    bounded(*unpacked)?;
    let at = streams.pack_pos.saturating_add(START as u64);
    if at.checked_add(packed).is_none_or(|end| end > len) {
        return Err(truncated());
    }
    source.seek(SeekFrom::Start(at)).map_err(|error| broken(&error))?;
    let plain = unpack(coder, source.take(packed), *unpacked)?;
    match block.crc {
        Some(sum) if sum != crc(&plain) => Err(damaged("its checksum does not match")),
        _ => Ok(plain),
    }
}

fn unpack(coder: &Coder<'_>, packed: impl Read, size: u64) -> Result<Vec<u8>, Fault> {
    let dictionary = |at: usize| match coder.properties.get(at..at + 4) {
        Some(bytes) => Ok(u32_at(bytes, 0)),
        None => Err(damaged("the parameters of a method are missing")),
    };
    let mut bytes = Vec::new();
    let read = match coder.id {
        Method::ID_COPY => packed.take(size).read_to_end(&mut bytes),
        Method::ID_LZMA => {
            LzmaReader::new_with_props(packed, size, coder.properties[0], dictionary(1)?, None)
                .and_then(|reader| reader.take(size).read_to_end(&mut bytes))
        }
        Method::ID_LZMA2 => {
            let bits = u32::from(coder.properties[0]);
            let dictionary = (2 | (bits & 1)).checked_shl(bits / 2 + 11).unwrap_or(u32::MAX);
            Lzma2Reader::new(packed, dictionary, None)
                .take(size)
                .read_to_end(&mut bytes)
        }
        id => {
            let why = format!("A directory that is packed by method {id:02x?} is not read");
            return Err((ProblemCode::UnsupportedCompression, why));
        }
    };
    read.map_err(|error| broken(&error))?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(damaged("it ends early"))
    }
}

/// Reads what is counted, in the library's order, up to the number of files.
fn vet(plain: &[u8], limits: &Limits) -> Result<Vec<Option<Fault>>, Fault> {
    let mut fields = Fields(plain);
    fields.expect(HEADER)?;
    let mut next = fields.byte()?;
    if next == ARCHIVE_PROPERTIES {
        while fields.byte()? != 0 {
            let size = fields.number()?;
            fields.take(usize::try_from(size).unwrap_or(usize::MAX))?;
        }
        next = fields.byte()?;
    }
    let mut faults = Vec::new();
    if next == MAIN_STREAMS {
        let streams = streams::read(&mut fields, limits.entries)?;
        faults = streams
            .blocks
            .iter()
            .map(|block| block.coders.fault(limits.decoder_bytes))
            .collect();
        next = fields.byte()?;
    }
    if next == FILES {
        fields.count("files", limits.entries)?;
    }
    Ok(faults)
}

/// An archive of nothing but this directory: so the library reads exactly what was vetted.
fn alone(plain: &[u8]) -> Vec<u8> {
    let mut place = 0_u64.to_le_bytes().to_vec();
    place.extend_from_slice(&(plain.len() as u64).to_le_bytes());
    place.extend_from_slice(&crc(plain).to_le_bytes());
    let mut archive = b"7z\xbc\xaf\x27\x1c\0\x04".to_vec();
    archive.extend_from_slice(&crc(&place).to_le_bytes());
    archive.extend_from_slice(&place);
    archive.extend_from_slice(plain);
    archive
}

fn part(source: &mut (impl Read + Seek), at: u64, size: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    source
        .seek(SeekFrom::Start(at))
        .and_then(|_| source.take(size).read_to_end(&mut bytes))
        .map_err(|error| broken(&error))?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(truncated())
    }
}

fn bounded(size: u64) -> Result<(), Fault> {
    if size <= DIRECTORY_BYTES {
        return Ok(());
    }
    let why = format!("The archive's directory has {size} bytes, {DIRECTORY_BYTES} are allowed");
    Err((ProblemCode::MemoryLimit, why))
}

fn truncated() -> Fault {
    let why = "The archive ends before its directory, which is at its end";
    (ProblemCode::Truncated, why.into())
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
