//! From an upload on the disk to its files. Owns containers, paths and bounds; knows nothing about documents.

mod bounds;
mod compressed;
mod disk;
mod dump;
mod meter;
mod method;
mod name;
mod nested;
mod path;
mod seven;
mod sniff;
mod tar;
mod visit;
mod zip;

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use nexus_domain::{ContentHash, Problem, ProblemCode};

pub(crate) use meter::within_ratio;
pub use path::{normalise as normalise_path, shown as shown_path};

use crate::limits::Limits;
use crate::provenance::Provenance;
use disk::Disk;
use meter::Metered;
use sniff::{Format, Kind};
use visit::{End, Step, Visitor};

/// How an upload is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Zip,
    SevenZ,
    Tar,
    TarGz,
    TarBz2,
    TarXz,
    TarZst,
    /// The pages of a MediaWiki, plain or in a compressed stream.
    MediaWikiDump,
    /// One file in a compressed stream.
    Compressed,
    /// Not an archive: the upload is one document.
    Single,
}

/// One file of an upload, unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFile {
    /// Normalised: relative, `/` between folders, no `.` or `..`, NFC.
    pub path: String,
    pub bytes: Vec<u8>,
    pub hash: ContentHash,
    /// Bytes that it took in the archive; equal to the size where the container does not tell (tar, most of 7z).
    pub packed_size: u64,
    pub provenance: Provenance,
}

/// What a walk meets, in the order of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    File(RawFile),
    /// A file that is left out, or (`path: None`) the reason why the walk ended early.
    Problem(Problem),
}

/// How a walk went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkSummary {
    pub container: Container,
    /// Entries met, of any kind.
    pub entries: u64,
    pub files: u64,
    pub problems: u64,
    /// Bytes of all files handed out.
    pub file_bytes: u64,
    /// Whether the whole upload was seen. Where it is `false` (truncated, a bound was hit, the visitor broke off), what was
    /// not met may still be in the archive, so nothing may be removed because of its absence.
    pub complete: bool,
}

/// Why nothing of an upload can be used.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The disk failed, not the upload: worth another try.
    #[error("the upload could not be read from disk")]
    Io(#[from] io::Error),
    /// The upload itself is refused; trying again changes nothing.
    #[error("{}", .0.message)]
    Rejected(Problem),
}

impl WalkError {
    fn rejected(code: ProblemCode, message: impl Into<String>) -> Self {
        Self::Rejected(Problem::of_upload(code, message))
    }
}

/// Hands out the files of an upload one by one; at most one file's bytes are held here.
///
/// The container is recognised by its content; `upload_name` only names a single file and decides whether something that
/// claims to be an archive and is none is refused. An archive inside the archive is walked like a folder of its name.
///
/// - What concerns one file is an [`Entry::Problem`] with its path, and the walk goes on.
/// - What ends a nested archive early is a problem of its path, and [`WalkSummary::complete`] is `false`.
/// - What ends the walk early (a truncated archive, a bound of the whole) is one [`Entry::Problem`] without a path;
///   the files met before it were handed out, and [`WalkSummary::complete`] is `false`.
/// - What leaves nothing to use is an `Err`: larger than [`Limits::packed_bytes`], empty, a container that is not read,
///   named as an archive but damaged from the start, or every file encrypted.
///
/// `visit` breaks the walk off by returning `Break`.
pub fn walk(
    file: &Path,
    upload_name: &str,
    limits: &Limits,
    visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<WalkSummary, WalkError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let disk = Disk::open(file)?;
    let len = disk.len();
    if len > limits.packed_bytes {
        let message = format!("{len} bytes were sent, {} are allowed", limits.packed_bytes);
        return Err(WalkError::rejected(ProblemCode::TooLarge, message));
    }
    if len == 0 {
        return Err(WalkError::rejected(ProblemCode::Empty, "The upload is empty"));
    }
    let kind = sniff::upload(&disk, upload_name)?;
    let mut visitor = Visitor::new(limits, folder, len, visit);
    let (container, end) = match kind {
        Kind::Packed(format) => packed(format, &disk, upload_name, &mut visitor)?,
        Kind::Single => (Container::Single, single(disk, upload_name, &mut visitor)),
        Kind::Refused(code, message) => return Err(WalkError::rejected(code, message)),
    };
    visitor.finish(container, end)
}

fn packed(
    format: Format,
    disk: &Disk,
    name: &str,
    visitor: &mut Visitor<'_>,
) -> Result<(Container, Step), WalkError> {
    Ok(match format {
        Format::Zip => (Container::Zip, zip::walk(disk, visitor)),
        Format::SevenZ => (Container::SevenZ, seven::walk(disk, visitor)),
        Format::Tar => {
            let stream = Metered::new(io::BufReader::new(disk.again()), visitor.meter().of_stream());
            (Container::Tar, tar::walk(stream, visitor))
        }
        Format::Dump => {
            let stream = Metered::new(io::BufReader::new(disk.again()), visitor.meter().of_stream());
            (Container::MediaWikiDump, dump::walk(stream, visitor))
        }
        Format::Stream(method) => {
            let inner = |visitor: &mut Visitor<'_>| document_name(method.inner_name(name), visitor).map(Some);
            compressed::walk(method, &mut disk.again(), disk.len(), inner, visitor)
        }
        Format::Unread(name) => {
            let (code, message) = sniff::not_read(name);
            return Err(WalkError::rejected(code, message));
        }
    })
}

/// Number of entries that an upload says it holds, for progress totals: from a zip's or 7z's directory, 1 for a single
/// file, `None` where only reading tells (tar) or where the directory cannot be read. A hint, never a bound: what nested
/// archives hold comes on top.
pub fn entries_hint(file: &Path, upload_name: &str, limits: &Limits) -> io::Result<Option<u64>> {
    let disk = Disk::open(file)?;
    if disk.len() == 0 {
        return Ok(None);
    }
    Ok(match sniff::upload(&disk, upload_name)? {
        Kind::Packed(Format::Zip) => zip::entries_hint(&disk),
        Kind::Packed(Format::SevenZ) => seven::entries_hint(&disk, limits),
        Kind::Single => Some(1),
        Kind::Packed(_) | Kind::Refused(..) => None,
    })
}

/// The path of an upload that is one document.
fn document_name(upload_name: &str, visitor: &Visitor<'_>) -> Step<String> {
    let name = upload_name.rsplit(['/', '\\']).next().unwrap_or(upload_name);
    match path::normalise(name, visitor.limits()) {
        Ok(Some(path)) => Ok(path),
        Ok(None) => Err(End::Cut(
            ProblemCode::InvalidPath,
            format!("No document is called {name:?}"),
        )),
        Err((code, why)) => Err(End::Cut(code, why)),
    }
}

fn single(disk: Disk, upload_name: &str, visitor: &mut Visitor<'_>) -> Step {
    let path = document_name(upload_name, visitor)?;
    let allowed = visitor.limits().file_bytes;
    if disk.len() > allowed {
        let why = format!("{} bytes, {allowed} are allowed for one file", disk.len());
        return Err(End::Cut(ProblemCode::TooLarge, why));
    }
    let mut bytes = Vec::new();
    disk.take(allowed).read_to_end(&mut bytes).map_err(End::Disk)?;
    visitor.single(path, bytes)
}
