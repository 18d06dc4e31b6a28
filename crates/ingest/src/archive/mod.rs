//! From an upload on the disk to its files. Owns containers, paths and bounds; knows nothing about documents.

mod bounds;
mod name;
mod path;
mod sniff;
mod tar;
mod visit;
mod zip;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use nexus_domain::{ContentHash, Problem, ProblemCode};

use crate::limits::Limits;
use sniff::Kind;
use visit::Visitor;

/// How an upload is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Zip,
    Tar,
    TarGz,
    TarZst,
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
    /// Bytes that it took in the archive; equal to the size where the container does not tell (tar).
    pub packed_size: u64,
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
/// claims to be an archive and is none is refused.
///
/// - What concerns one file is an [`Entry::Problem`] with its path, and the walk goes on.
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
    let path = file;
    let (mut file, len) = open(path)?;
    if len > limits.packed_bytes {
        let message = format!("{len} bytes were sent, {} are allowed", limits.packed_bytes);
        return Err(WalkError::rejected(ProblemCode::TooLarge, message));
    }
    if len == 0 {
        return Err(WalkError::rejected(ProblemCode::Empty, "The upload is empty"));
    }
    let kind = sniff::upload(&mut file, upload_name)?;
    let mut visitor = Visitor::new(limits, len, visit);
    let (container, end) = match kind {
        Kind::Zip => (Container::Zip, zip::walk(path, len, &mut visitor)?),
        Kind::Tar => (Container::Tar, tar::walk(io::BufReader::new(file), &mut visitor)?),
        Kind::TarGz => (Container::TarGz, tar::walk(sniff::gunzip(file), &mut visitor)?),
        Kind::TarZst => (Container::TarZst, tar::walk(sniff::unzstd(file)?, &mut visitor)?),
        Kind::Single => (Container::Single, single(file, upload_name, len, &mut visitor)?),
        Kind::Refused(code, message) => return Err(WalkError::rejected(code, message)),
    };
    visitor.finish(container, end)
}

/// Number of entries that an upload says it holds, for progress totals: from a zip's directory, 1 for a single file, `None`
/// where only reading tells (tar) or where the directory cannot be read. A hint, never a bound.
pub fn entries_hint(file: &Path, upload_name: &str) -> io::Result<Option<u64>> {
    let (mut file, len) = open(file)?;
    if len == 0 {
        return Ok(None);
    }
    Ok(match sniff::upload(&mut file, upload_name)? {
        Kind::Zip => zip::entries_hint(file),
        Kind::Single => Some(1),
        Kind::Tar | Kind::TarGz | Kind::TarZst | Kind::Refused(..) => None,
    })
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut file = File::open(path)?;
    let len = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    Ok((file, len))
}

fn single(
    file: File,
    upload_name: &str,
    len: u64,
    visitor: &mut Visitor<'_>,
) -> Result<visit::End, WalkError> {
    let name = upload_name.rsplit(['/', '\\']).next().unwrap_or(upload_name);
    let path = match path::normalise(name, visitor.limits()) {
        Ok(Some(path)) => path,
        Ok(None) => {
            return Err(WalkError::rejected(
                ProblemCode::InvalidPath,
                format!("No document is called {name:?}"),
            ));
        }
        Err((code, why)) => return Err(WalkError::rejected(code, why)),
    };
    if len > visitor.limits().file_bytes {
        let why = format!(
            "{len} bytes, {} are allowed for one file",
            visitor.limits().file_bytes
        );
        return Err(WalkError::rejected(ProblemCode::TooLarge, why));
    }
    let mut bytes = Vec::new();
    file.take(visitor.limits().file_bytes).read_to_end(&mut bytes)?;
    Ok(visitor.single(path, bytes))
}
