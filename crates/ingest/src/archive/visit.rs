//! What all containers share while they are walked: counting, paths, duplicates, bounds, and telling the visitor.

use std::collections::HashSet;
use std::io::Read;
use std::ops::ControlFlow;

use nexus_domain::{ContentHash, Problem, ProblemCode};

use super::bounds::{Declared, Meter, Refusal};
use super::{Container, Entry, RawFile, WalkError, WalkSummary, path};
use crate::limits::Limits;

/// How a walk ended.
#[derive(Debug)]
pub(super) enum End {
    /// Everything was seen.
    Whole,
    /// The upload's own fault; what was met before it counts.
    Cut(ProblemCode, String),
    /// The visitor broke off.
    Cancelled,
}

/// `Err` ends the walk.
pub(super) type Step<T = ()> = Result<T, End>;

pub(super) struct Visitor<'a> {
    limits: &'a Limits,
    visit: &'a mut dyn FnMut(Entry) -> ControlFlow<()>,
    packed: u64,
    meter: Meter,
    /// Hashes of accepted paths: 32 bytes each, however long the paths are.
    seen: HashSet<ContentHash>,
    entries: u64,
    files: u64,
    problems: u64,
    encrypted: u64,
    file_bytes: u64,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(
        limits: &'a Limits,
        packed: u64,
        visit: &'a mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Self {
        Self {
            limits,
            visit,
            packed,
            meter: Meter::new(limits, packed),
            seen: HashSet::new(),
            entries: 0,
            files: 0,
            problems: 0,
            encrypted: 0,
            file_bytes: 0,
        }
    }

    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// A meter of its own for a stream that holds the whole upload.
    pub(super) fn stream_meter(&self) -> Meter {
        Meter::new(self.limits, self.packed)
    }

    pub(super) fn count_entry(&mut self) -> Step {
        if self.entries >= self.limits.entries {
            let why = format!("More than {} entries; the rest was not read", self.limits.entries);
            return Err(End::Cut(ProblemCode::TooManyEntries, why));
        }
        self.entries += 1;
        Ok(())
    }

    /// The uniform path of an entry, or `None` where it is left out (which was told, unless it is junk).
    pub(super) fn path(&mut self, name: Option<String>, raw: &[u8]) -> Step<Option<String>> {
        let Some(name) = name else {
            let shown = path::shown(&String::from_utf8_lossy(raw));
            self.problem(
                shown,
                ProblemCode::InvalidPath,
                "The path is not text in any known encoding",
            )?;
            return Ok(None);
        };
        let path = match path::normalise(&name, self.limits) {
            Ok(Some(path)) => path,
            Ok(None) => return Ok(None),
            Err((code, why)) => {
                self.problem(path::shown(&name), code, why)?;
                return Ok(None);
            }
        };
        if !self.seen.insert(ContentHash::of(path.as_bytes())) {
            self.problem(
                path,
                ProblemCode::DuplicatePath,
                "This path occurred before; the first file was taken",
            )?;
            return Ok(None);
        }
        Ok(Some(path))
    }

    pub(super) fn problem(&mut self, path: String, code: ProblemCode, why: impl Into<String>) -> Step {
        self.problems += 1;
        if code == ProblemCode::Encrypted {
            self.encrypted += 1;
        }
        self.tell(Entry::Problem(Problem::of_file(path, code, why)))
    }

    /// Reads one file within the bounds and hands it out. `Ok(false)`: it was left out, and why was told.
    pub(super) fn file(&mut self, path: String, from: impl Read, declared: Declared) -> Step<bool> {
        match self.meter.read(&path, from, declared) {
            Ok(bytes) => {
                let packed_size = declared.packed.unwrap_or(bytes.len() as u64);
                self.hand_out(path, bytes, packed_size).map(|()| true)
            }
            Err(Refusal::File(code, why)) => self.problem(path, code, why).map(|()| false),
            Err(Refusal::Upload(code, why)) => Err(End::Cut(code, format!("{why}, at {path:?}"))),
        }
    }

    /// As [`Self::file`], in a stream where a damaged or early end loses what follows too.
    pub(super) fn file_of_stream(&mut self, path: String, from: impl Read, declared: Declared) -> Step {
        match self.meter.read(&path, from, declared) {
            Ok(bytes) if (bytes.len() as u64) < declared.unpacked => Err(End::Cut(
                ProblemCode::Truncated,
                format!("The archive ends within {path:?}"),
            )),
            Ok(bytes) => {
                let packed_size = declared.packed.unwrap_or(bytes.len() as u64);
                self.hand_out(path, bytes, packed_size)
            }
            Err(Refusal::File(code @ (ProblemCode::Truncated | ProblemCode::Corrupt), why)) => Err(End::Cut(
                code,
                format!("The archive breaks off within {path:?}: {why}"),
            )),
            Err(Refusal::File(code, why)) if code == ProblemCode::UnsupportedCompression => {
                Err(End::Cut(code, why))
            }
            Err(Refusal::File(code, why)) => self.problem(path, code, why),
            Err(Refusal::Upload(code, why)) => Err(End::Cut(code, format!("{why}, at {path:?}"))),
        }
    }

    /// An upload that is one document.
    pub(super) fn single(&mut self, path: String, bytes: Vec<u8>) -> End {
        self.entries = 1;
        let packed_size = bytes.len() as u64;
        self.hand_out(path, bytes, packed_size)
            .err()
            .unwrap_or(End::Whole)
    }

    pub(super) fn finish(mut self, container: Container, end: End) -> Result<WalkSummary, WalkError> {
        if let End::Cut(code, why) = &end {
            if self.files == 0 {
                return Err(WalkError::rejected(*code, why.clone()));
            }
            self.problems += 1;
            // The walk is over: whether the visitor wants more does not matter.
            let _ = (self.visit)(Entry::Problem(Problem::of_upload(*code, why.clone())));
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
            complete: matches!(end, End::Whole),
        })
    }

    fn hand_out(&mut self, path: String, bytes: Vec<u8>, packed_size: u64) -> Step {
        self.files += 1;
        self.file_bytes += bytes.len() as u64;
        let hash = ContentHash::of(&bytes);
        self.tell(Entry::File(RawFile {
            path,
            bytes,
            hash,
            packed_size,
        }))
    }

    fn tell(&mut self, entry: Entry) -> Step {
        match (self.visit)(entry) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(End::Cancelled),
        }
    }
}
