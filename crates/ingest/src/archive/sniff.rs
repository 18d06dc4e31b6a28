//! What an upload, or a file inside one, is: told by its bytes. Names are only hints.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use nexus_domain::ProblemCode;

/// Largest window that a zstd stream may ask for: 2^26 = 64 MiB (`zstd --ultra -22` uses 2^27, all other levels less).
const ZSTD_WINDOW_LOG: u32 = 26;

/// A tar header's block.
const BLOCK: usize = 512;

pub(super) type Gunzip = BufReader<MultiGzDecoder<BufReader<File>>>;
pub(super) type Unzstd = BufReader<zstd::Decoder<'static, BufReader<File>>>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    Tar,
    TarGz,
    TarZst,
    Single,
    /// Recognised, and not read.
    Refused(ProblemCode, String),
}

/// Looks at the first bytes, and leaves the file at its start.
pub(super) fn upload(file: &mut File, name: &str) -> io::Result<Kind> {
    let head = head_of(&mut *file)?;
    let kind = match archive_magic(&head) {
        Some("zip") if is_zip_document(name) => Kind::Single,
        Some("zip") => Kind::Zip,
        Some("gzip") => inside(gunzip(file.try_clone()?), Kind::TarGz, name, "gzip"),
        Some("zstd") => inside(unzstd(file.try_clone()?)?, Kind::TarZst, name, "zstd"),
        Some(other) => refused(other),
        None if is_tar_header(&head) => Kind::Tar,
        None => by_name(name, &head),
    };
    file.seek(SeekFrom::Start(0))?;
    Ok(kind)
}

pub(super) fn gunzip(file: File) -> Gunzip {
    BufReader::new(MultiGzDecoder::new(BufReader::new(file)))
}

pub(super) fn unzstd(file: File) -> io::Result<Unzstd> {
    let mut decoder = zstd::Decoder::new(file)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(BufReader::new(decoder))
}

/// Name of the archive format that these bytes begin, if any. A tar is told by its checksum, see [`is_tar_header`].
pub(super) fn archive_magic(head: &[u8]) -> Option<&'static str> {
    const MAGICS: [(&[u8], &str); 9] = [
        (b"PK\x03\x04", "zip"),
        (b"PK\x05\x06", "zip"),
        (b"PK\x07\x08", "zip"),
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07", "rar"),
    ];
    // "BZh" alone is a word; a bzip2 stream goes on with its block size and the digits of pi.
    let bzip2 = |head: &[u8]| head.get(4..7) == Some(b"1AY") || head.get(4..7) == Some(b"\x17\x72\x45");
    MAGICS
        .iter()
        .find(|(magic, name)| head.starts_with(magic) && (*name != "bzip2" || bzip2(head)))
        .map(|(_, name)| *name)
}

/// Whether a block is a tar header: its checksum (POSIX ustar, `chksum`) holds.
pub(super) fn is_tar_header(head: &[u8]) -> bool {
    let Some(block) = head.get(..BLOCK) else {
        return false;
    };
    let field = String::from_utf8_lossy(&block[148..156]);
    let Ok(wanted) = u32::from_str_radix(field.trim_matches(['\0', ' ']), 8) else {
        return false;
    };
    let sum = |range: &[u8]| range.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    block[0] != 0 && wanted == sum(&block[..148]) + 8 * 32 + sum(&block[156..])
}

/// Documents that are zip files inside: no archives to a person.
pub(super) fn is_zip_document(name: &str) -> bool {
    const EXTENSIONS: [&str; 14] = [
        "docx", "docm", "dotx", "xlsx", "xlsm", "pptx", "pptm", "odt", "ods", "odp", "odg", "epub", "jar",
        "apk",
    ];
    extension(name).is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

fn head_of(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(BLOCK);
    file.take(BLOCK as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}

/// What a compressed stream holds, by its first block. A stream that breaks within it is damaged or cut off.
fn inside(stream: impl Read, tar: Kind, name: &str, method: &str) -> Kind {
    let mut head = Vec::with_capacity(BLOCK);
    match stream.take(BLOCK as u64).read_to_end(&mut head) {
        Ok(_) if is_tar_header(&head) => tar,
        // An empty tar: only zeros.
        Ok(_) if head.len() == BLOCK && head.iter().all(|byte| *byte == 0) => tar,
        Ok(_) => Kind::Refused(
            ProblemCode::UnsupportedCompression,
            format!("{name:?} is a {method} stream without a tar archive inside; send the file itself"),
        ),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Kind::Refused(
            ProblemCode::Truncated,
            format!("The {method} stream ends in its first block"),
        ),
        Err(error) => Kind::Refused(
            ProblemCode::Corrupt,
            format!("The {method} stream is damaged: {error}"),
        ),
    }
}

fn refused(format: &str) -> Kind {
    Kind::Refused(
        ProblemCode::UnsupportedCompression,
        format!("{format} is not read; zip, tar, tar.gz and tar.zst are"),
    )
}

/// No magic bytes: a document, unless its name promises an archive.
fn by_name(name: &str, head: &[u8]) -> Kind {
    let zip = extension(name).is_some_and(|extension| extension == "zip");
    let other = extension(name).is_some_and(|e| ["tar", "tgz", "gz", "zst", "tzst"].contains(&e.as_str()));
    if zip {
        // Data before the first header (a self-extracting stub) is legal in a zip; its directory at the end decides.
        return Kind::Zip;
    }
    if !other {
        return Kind::Single;
    }
    let zeros = head.iter().all(|byte| *byte == 0);
    if zeros && head.len() == BLOCK {
        return Kind::Tar;
    }
    Kind::Refused(
        ProblemCode::Corrupt,
        format!("{name:?} is not the archive that its name promises"),
    )
}

fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty()).then(|| extension.to_ascii_lowercase())
}
