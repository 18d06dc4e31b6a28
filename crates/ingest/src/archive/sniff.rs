//! What an upload, or a file inside one, is: told by its bytes. Names are only hints.

use std::io;

use nexus_domain::ProblemCode;

use super::bounds;
use super::disk::Disk;
use super::dump;
use super::method::Method;
use super::zip;

/// A tar header's block.
pub(super) const BLOCK: usize = 512;

/// What tar programs write at least: 20 blocks, zeros behind the last file.
pub(super) const RECORD: usize = 20 * BLOCK;

/// What is read, for messages.
const READ: &str = "zip, 7z and tar are, tar also in gzip, bzip2, xz and zstd, and single files in these";

/// How files are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Zip,
    SevenZ,
    Tar,
    /// A MediaWiki dump: XML that holds pages.
    Dump,
    /// A stream that holds a tar archive, a dump or one file.
    Stream(Method),
    /// Recognised, and not read.
    Unread(&'static str),
}

impl Format {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::SevenZ => "7z",
            Self::Tar => "tar",
            Self::Dump => "MediaWiki dump",
            Self::Stream(Method::Gzip) => "gzip",
            Self::Stream(Method::Bzip2) => "bzip2",
            Self::Stream(Method::Xz) => "xz",
            Self::Stream(Method::Zstd) => "zstd",
            Self::Unread(name) => name,
        }
    }
}

/// What an upload is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Packed(Format),
    Single,
    /// It is not what its name promises.
    Refused(ProblemCode, String),
}

/// Looks at the first bytes.
pub(super) fn upload(file: &Disk, name: &str) -> io::Result<Kind> {
    let head = bounds::head(&mut file.again(), BLOCK as u64)?;
    Ok(match packed(name, &head) {
        Some(Format::Zip) if zip::is_document(file, name) => Kind::Single,
        Some(format) => Kind::Packed(format),
        None if magic(&head).is_some() => Kind::Single,
        None => by_name(name, &head),
    })
}

/// How the file of this name and beginning is packed; `None` for a document, even if it is a zip inside.
pub(super) fn packed(name: &str, head: &[u8]) -> Option<Format> {
    match magic(head) {
        Some(Format::Zip) if is_zip_document(name) || begins_as_document(name, head) => None,
        Some(format) => Some(format),
        None if dump::begins(head) => Some(Format::Dump),
        None => is_tar_header(head).then_some(Format::Tar),
    }
}

/// Why a format is not read.
pub(super) fn not_read(format: &str) -> (ProblemCode, String) {
    (
        ProblemCode::UnsupportedCompression,
        format!("{format} is not read; {READ}"),
    )
}

fn magic(head: &[u8]) -> Option<Format> {
    const MAGICS: [(&[u8], Format); 14] = [
        (b"PK\x03\x04", Format::Zip),
        (b"PK\x05\x06", Format::Zip),
        (b"PK\x07\x08", Format::Zip),
        (b"7z\xbc\xaf\x27\x1c", Format::SevenZ),
        (b"\x1f\x8b", Format::Stream(Method::Gzip)),
        (b"BZh", Format::Stream(Method::Bzip2)),
        (b"\xfd7zXZ\0", Format::Stream(Method::Xz)),
        (b"\x28\xb5\x2f\xfd", Format::Stream(Method::Zstd)),
        (b"Rar!\x1a\x07", Format::Unread("rar")),
        (b"\x04\x22\x4d\x18", Format::Unread("lz4")),
        (b"LZIP\x01", Format::Unread("lzip")),
        (b"\x1f\x9d", Format::Unread("compress (.Z)")),
        (b"MSCF\0\0\0\0", Format::Unread("cab")),
        (b"!<arch>\n", Format::Unread("ar")),
    ];
    // "BZh" alone is a word; a bzip2 stream goes on with its block size and the digits of pi, or of its root at the end.
    let bzip2 = head.get(4..7) == Some(b"1AY") || head.get(4..7) == Some(b"\x17\x72\x45");
    MAGICS
        .iter()
        .find(|(magic, format)| {
            head.starts_with(magic) && (*format != Format::Stream(Method::Bzip2) || bzip2)
        })
        .map(|(_, format)| *format)
}

/// Whether a compressed stream that begins so holds a tar archive. An empty one is zeros, a record of them and no more;
/// beyond that they are a file that says nothing.
pub(super) fn is_tar(head: &[u8]) -> bool {
    is_tar_header(head) || (is_zeros(head) && head.len() <= RECORD && head.len().is_multiple_of(BLOCK))
}

pub(super) fn is_zeros(head: &[u8]) -> bool {
    !head.is_empty() && head.iter().all(|byte| *byte == 0)
}

/// Whether a block is a tar header: its checksum (POSIX ustar, `chksum`) holds.
fn is_tar_header(head: &[u8]) -> bool {
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
fn is_zip_document(name: &str) -> bool {
    const EXTENSIONS: [&str; 22] = [
        "docx", "docm", "dotx", "dotm", "xlsx", "xlsm", "xltx", "xlsb", "pptx", "pptm", "ppsx", "potx",
        "odt", "ott", "ods", "ots", "odp", "otp", "odg", "epub", "jar", "apk",
    ];
    extension(name).is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// Whether a zip file begins as office programs and EPUB tools begin theirs, whatever its name.
fn begins_as_document(name: &str, head: &[u8]) -> bool {
    const NAME: usize = 30;
    const KINDS: [&[u8]; 2] = [b"application/vnd.oasis.opendocument", b"application/epub+zip"];
    let Some(&[low, high]) = head.get(26..28) else {
        return false;
    };
    let end = NAME + usize::from(u16::from_le_bytes([low, high]));
    match head.get(NAME..end) {
        // It is stored as it stands, for tools like this one (ODF 1.3 part 2, 3.3; EPUB OCF, 4.3).
        Some(b"mimetype") => {
            let data = head.get(end..).unwrap_or_default();
            KINDS.iter().any(|kind| data.starts_with(kind))
        }
        Some(b"[Content_Types].xml" | b"_rels/.rels") => !is_other_package(name),
        _ => false,
    }
}

/// Names of what is built like an office document and is none.
pub(super) fn is_other_package(name: &str) -> bool {
    const EXTENSIONS: [&str; 8] = ["nupkg", "snupkg", "vsix", "appx", "msix", "xps", "oxps", "3mf"];
    extension(name).is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// No magic bytes: a document, unless its name promises an archive.
fn by_name(name: &str, head: &[u8]) -> Kind {
    const PROMISES: [&str; 14] = [
        "7z", "bz2", "gz", "rar", "tar", "tbz", "tbz2", "tgz", "txz", "tzst", "xz", "z", "zst", "zstd",
    ];
    let extension = extension(name).unwrap_or_default();
    if extension == "zip" {
        // Data before the first header (a self-extracting stub) is legal in a zip; its directory at the end decides.
        return Kind::Packed(Format::Zip);
    }
    if !PROMISES.contains(&extension.as_str()) {
        return Kind::Single;
    }
    if extension == "tar" && is_tar(head) {
        return Kind::Packed(Format::Tar);
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
