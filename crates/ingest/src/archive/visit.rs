//! What all containers share while they are walked: counting, paths, duplicates, bounds, and telling the visitor.

use std::collections::HashSet;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use nexus_domain::{ContentHash, Problem, ProblemCode};

use super::bounds::{self, Declared, Refusal};
use super::disk::Disk;
use super::meter::Meter;
use super::sniff::{self, BLOCK};
use super::{Container, Entry, RawFile, WalkError, WalkSummary, nested, path};
use crate::limits::Limits;
use crate::provenance::Provenance;

/// How a walk ended before everything was seen.
#[derive(Debug)]
pub(super) enum End {
    /// The archive's own fault; what was met before it counts.
    Cut(ProblemCode, String),
    /// A bound of the whole upload was hit, in whichever archive.
    Over(ProblemCode, String),
    /// The visitor broke off.
    Cancelled,
    /// Not the upload's fault.
    Disk(io::Error),
}

impl End {
    /// What a failed read of an archive's stream means for the walk.
    pub(super) fn of(error: &io::Error) -> Self {
        match Refusal::of(error) {
            Refusal::File(code, why) | Refusal::Container(code, why) => Self::Cut(code, why),
            Refusal::Upload(code, why) => Self::Over(code, why),
        }
    }

    /// What it means for the walk that it cannot go on behind this file.
    fn at(path: &str, refusal: Refusal) -> Self {
        match refusal {
            Refusal::File(code, why) | Refusal::Container(code, why) => {
                Self::Cut(code, format!("{why}, at {path:?}"))
            }
            Refusal::Upload(code, why) => Self::Over(code, format!("{why}, at {path:?}")),
        }
    }
}

/// `Err` ends the walk.
pub(super) type Step<T = ()> = Result<T, End>;

/// Where a file's bytes come from, and so what is lost with a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// On its own: nothing else (zip, which checks sizes itself).
    Own,
    /// One of several whose names and sizes are known from elsewhere: nothing else that cannot be told (7z).
    Block,
    /// A stream: all that follows.
    Stream,
}

pub(super) struct Visitor<'a> {
    limits: &'a Limits,
    visit: &'a mut dyn FnMut(Entry) -> ControlFlow<()>,
    /// Where a nested archive may lie while it is read.
    folder: &'a Path,
    meter: Meter,
    /// Path of the archive that is walked inside the upload, and what its files' paths begin with.
    inside: Option<String>,
    /// Hashes of accepted paths: 32 bytes each, however long the paths are.
    seen: HashSet<ContentHash>,
    entries: u64,
    files: u64,
    problems: u64,
    encrypted: u64,
    file_bytes: u64,
    /// Whether nested archives were seen to their ends.
    complete: bool,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(
        limits: &'a Limits,
        folder: &'a Path,
        packed: u64,
        visit: &'a mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Self {
        Self {
            limits,
            visit,
            folder,
            meter: Meter::new(limits, packed),
            inside: None,
            seen: HashSet::new(),
            entries: 0,
            files: 0,
            problems: 0,
            encrypted: 0,
            file_bytes: 0,
            complete: true,
        }
    }

    pub(super) const fn limits(&self) -> &'a Limits {
        self.limits
    }

    pub(super) const fn folder(&self) -> &'a Path {
        self.folder
    }

    /// What every unpacked byte has to be counted by, once.
    pub(super) const fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(super) const fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    /// Walks the archive at `path`, which takes `packed` bytes in the upload. Its paths begin with its own; what ends it
    /// early is a problem of this one path.
    pub(super) fn enter(&mut self, path: String, packed: u64, walk: impl FnOnce(&mut Self) -> Step) -> Step {
        self.meter.enter(packed);
        let step = self.within(path, walk);
        self.meter.leave();
        step
    }

    /// Walks what is like a folder at `path`, in whatever archive that is.
    pub(super) fn within(&mut self, path: String, walk: impl FnOnce(&mut Self) -> Step) -> Step {
        let outer = self.inside.replace(format!("{path}/"));
        let end = walk(self);
        self.inside = outer;
        match end {
            Err(End::Cut(code, why)) => {
                self.complete = false;
                self.problem(path, code, why)
            }
            other => other,
        }
    }

    pub(super) fn count_entry(&mut self) -> Step {
        if self.entries >= self.limits.entries {
            let why = format!("More than {} entries; the rest was not read", self.limits.entries);
            return Err(End::Over(ProblemCode::TooManyEntries, why));
        }
        self.entries += 1;
        Ok(())
    }

    /// The uniform path of an entry, or `None` where it is left out (which was told, unless it is junk).
    pub(super) fn path(&mut self, name: Option<String>, raw: &[u8]) -> Step<Option<String>> {
        let Some(name) = name else {
            let shown = self.joined(&path::shown(&String::from_utf8_lossy(raw)));
            self.problem(
                shown,
                ProblemCode::InvalidPath,
                "The path is not text in any known encoding",
            )?;
            return Ok(None);
        };
        let path = path::normalise(&name, self.limits).and_then(|path| match path {
            Some(path) => path::within(self.joined(&path), self.limits).map(Some),
            None => Ok(None),
        });
        match path {
            Ok(Some(path)) => self.first_of(path),
            Ok(None) => Ok(None),
            Err((code, why)) => {
                let shown = self.joined(&path::shown(&name));
                self.problem(shown, code, why).map(|()| None)
            }
        }
    }

    /// The path, unless there was a file of this path before.
    pub(super) fn first_of(&mut self, path: String) -> Step<Option<String>> {
        if self.seen.insert(ContentHash::of(path.as_bytes())) {
            return Ok(Some(path));
        }
        let why = "This path occurred before; the first file was taken";
        self.problem(path, ProblemCode::DuplicatePath, why).map(|()| None)
    }

    fn joined(&self, path: &str) -> String {
        format!("{}{path}", self.inside.as_deref().unwrap_or_default())
    }

    pub(super) fn problem(&mut self, path: String, code: ProblemCode, why: impl Into<String>) -> Step {
        self.problems += 1;
        if code == ProblemCode::Encrypted {
            self.encrypted += 1;
        }
        self.tell(Entry::Problem(Problem::of_file(path, code, why)))
    }

    /// Reads one file within the bounds and hands it out, or what it holds if it is an archive. Its bytes are metered.
    pub(super) fn file(
        &mut self,
        path: String,
        from: &mut dyn Read,
        declared: Declared,
        origin: Origin,
    ) -> Step {
        let bytes = match bounds::head(from, BLOCK as u64) {
            Ok(head) => match sniff::packed(&path, &head) {
                Some(format) => return nested::open(format, path, &mut head.chain(from), declared, self),
                None => bounds::read_file(self.limits, head, from, declared),
            },
            Err(error) => Err(Refusal::of(&error)),
        };
        let short = |bytes: &[u8]| (bytes.len() as u64) < declared.unpacked;
        match bytes {
            Ok(bytes) if origin != Origin::Own && short(&bytes) => self.left_out(
                path,
                ProblemCode::Truncated,
                "the data ends early".to_owned(),
                origin,
            ),
            Ok(bytes) => {
                let packed_size = declared.packed.unwrap_or(bytes.len() as u64);
                self.hand_out(path, bytes, packed_size, Provenance::default())
            }
            Err(Refusal::File(code, why)) => self.left_out(path, code, why, origin),
            Err(refusal) => Err(End::at(&path, refusal)),
        }
    }

    fn left_out(&mut self, path: String, code: ProblemCode, why: String, origin: Origin) -> Step {
        use ProblemCode::{Corrupt, MemoryLimit, Truncated, UnsupportedCompression};
        let lost = matches!(code, Truncated | Corrupt | MemoryLimit | UnsupportedCompression);
        if origin == Origin::Stream && lost {
            let why = format!("The archive breaks off within {path:?}: {why}");
            return Err(End::Cut(code, why));
        }
        self.problem(path, code, why)
    }

    /// A nested archive that turned out to be one document.
    pub(super) fn document(&mut self, path: String, mut disk: Disk, packed_size: u64) -> Step {
        let allowed = self.limits.file_bytes;
        if disk.len() > allowed {
            let why = format!("{} bytes, {allowed} are allowed for one file", disk.len());
            return self.problem(path, ProblemCode::TooLarge, why);
        }
        let mut bytes = Vec::new();
        disk.read_to_end(&mut bytes).map_err(End::Disk)?;
        self.hand_out(path, bytes, packed_size, Provenance::default())
    }

    /// An upload that is one document.
    pub(super) fn single(&mut self, path: String, bytes: Vec<u8>) -> Step {
        self.count_entry()?;
        let packed_size = bytes.len() as u64;
        self.hand_out(path, bytes, packed_size, Provenance::default())
    }

    /// A page of a dump, which the dump knows more of than its bytes.
    pub(super) fn page(&mut self, path: String, bytes: Vec<u8>, provenance: Provenance) -> Step {
        let packed_size = bytes.len() as u64;
        self.hand_out(path, bytes, packed_size, provenance)
    }

    pub(super) fn finish(mut self, container: Container, end: Step) -> Result<WalkSummary, WalkError> {
        let whole = end.is_ok();
        match end {
            Err(End::Disk(error)) => return Err(WalkError::Io(error)),
            Err(End::Cut(code, why) | End::Over(code, why)) => {
                if self.files == 0 {
                    return Err(WalkError::rejected(code, why));
                }
                self.problems += 1;
                // The walk is over: whether the visitor wants more does not matter.
                let _ = (self.visit)(Entry::Problem(Problem::of_upload(code, why)));
            }
            Ok(()) | Err(End::Cancelled) => {}
        }
        if self.encrypted > 0 && self.encrypted == self.problems && self.files == 0 {
            let why = format!("All {} files are encrypted", self.encrypted);
            return Err(WalkError::rejected(ProblemCode::Encrypted, why));
        }
        Ok(WalkSummary {
            container,
            entries: self.entries,
            files: self.files,
            problems: self.problems,
            file_bytes: self.file_bytes,
            complete: whole && self.complete,
        })
    }

    fn hand_out(&mut self, path: String, bytes: Vec<u8>, packed_size: u64, provenance: Provenance) -> Step {
        let counted = self.meter.hand_out(bytes.len() as u64);
        counted.map_err(|exceeded| End::at(&path, exceeded.into()))?;
        self.files += 1;
        self.file_bytes += bytes.len() as u64;
        let hash = ContentHash::of(&bytes);
        self.tell(Entry::File(RawFile {
            path,
            bytes,
            hash,
            packed_size,
            provenance,
        }))
    }

    fn tell(&mut self, entry: Entry) -> Step {
        match (self.visit)(entry) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(End::Cancelled),
        }
    }
}
