//! Hands out the files of a commit, one by one.

use std::ops::ControlFlow;

use git2::Oid;
use nexus_domain::{ContentHash, Problem, ProblemCode};
use nexus_ingest::{Provenance, RawFile};

use super::address::Wanted;
use super::link::Forge;
use super::listing::{self, ListError, Listed, Listing, What};
use super::objects::{Blob, Damaged, Objects};
use crate::{Context, Item, SourceError};

/// A pointer of git's large file storage is shorter (git-lfs.com, "spec.md").
const MOST_POINTER_BYTES: usize = 1024;
const POINTERS: [&[u8]; 2] = [
    b"version https://git-lfs.github.com/spec/v1\n",
    b"version https://hawser.github.com/spec/v1\n",
];

type Renew<'a> = Box<dyn FnOnce() -> Result<Objects, SourceError> + 'a>;

/// The objects, and how they are got anew (once) where they turn out to be damaged.
pub(super) struct Reading<'a> {
    objects: Objects,
    renew: Option<Renew<'a>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(objects: Objects) -> Self {
        Self { objects, renew: None }
    }

    pub(super) fn or_renew(self, renew: Renew<'a>) -> Self {
        Self {
            renew: Some(renew),
            ..self
        }
    }

    /// Whether there are other objects now.
    fn renew(&mut self) -> Result<bool, SourceError> {
        let Some(renew) = self.renew.take() else {
            return Ok(false);
        };
        tracing::warn!("a mirror is damaged and fetched anew");
        // libgit2 shares open packs by their path: as long as the damaged one is open, the new one would be it.
        if let Ok(none) = Objects::none() {
            self.objects = none;
        }
        self.objects = renew()?;
        Ok(true)
    }

    fn blob(&mut self, id: Oid, most: u64) -> Result<Result<Blob, Damaged>, SourceError> {
        let found = self.objects.blob(id, most);
        if found.is_err() && self.renew()? {
            return Ok(self.objects.blob(id, most));
        }
        Ok(found)
    }
}

pub(super) struct Visit<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) commit: Oid,
    pub(super) forge: Option<Forge>,
    pub(super) reading: Reading<'a>,
    pub(super) visit: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
}

impl Visit<'_> {
    /// Whether all was seen.
    pub(super) fn all(&mut self) -> Result<bool, SourceError> {
        let listing = self.list()?;
        self.context
            .watch
            .total((listing.entries.len() + listing.problems.len()) as u64);
        for problem in listing.problems {
            self.hand(Item::Problem(problem))?;
        }
        let allowed = self.context.limits.unpacked_bytes;
        let mut left = allowed;
        for (path, listed) in listing.entries {
            let item = self.item(path, &listed)?;
            if let Item::File(file) = &item {
                let Some(rest) = left.checked_sub(file.bytes.len() as u64) else {
                    let why =
                        format!("The files have more than the {allowed} bytes that are allowed together");
                    self.hand(Item::Problem(Problem::of_upload(ProblemCode::TooLarge, why)))?;
                    return Ok(false);
                };
                left = rest;
            }
            self.hand(item)?;
        }
        Ok(listing.is_complete)
    }

    fn list(&mut self) -> Result<Listing, SourceError> {
        loop {
            let Context { limits, watch, .. } = *self.context;
            let objects = &self.reading.objects;
            match listing::list(objects, self.commit, self.wanted, limits, watch) {
                Ok(listing) => return Ok(listing),
                Err(ListError::Ended(error)) => return Err(error),
                Err(ListError::Damaged(error)) => {
                    if !self.reading.renew()? {
                        return Err(SourceError::Away {
                            reason: error.to_string(),
                            retry_after: None,
                        });
                    }
                }
            }
        }
    }

    fn hand(&mut self, item: Item) -> Result<(), SourceError> {
        if self.context.watch.is_stopped() || (self.visit)(item).is_break() {
            return Err(SourceError::Stopped);
        }
        Ok(())
    }

    fn item(&mut self, path: String, listed: &Listed) -> Result<Item, SourceError> {
        let problem = |path, code, why: &str| Ok(Item::Problem(Problem::of_file(path, code, why.to_owned())));
        let id = match listed.what {
            What::File(id) => id,
            What::Link => {
                return problem(path, ProblemCode::Link, "A symbolic link; links are not followed");
            }
            What::Submodule => {
                let why = "A repository in the repository; add it as a source of its own";
                return problem(path, ProblemCode::Submodule, why);
            }
        };
        let fingerprint = id.to_string();
        if self.context.manifest.is_known(&path, &fingerprint) {
            return Ok(Item::Unchanged(path));
        }
        let allowed = self.context.limits.file_bytes;
        let bytes = match self.reading.blob(id, allowed)? {
            Ok(Blob::Bytes(bytes)) => bytes,
            Ok(Blob::TooLarge(size)) => {
                let why = match size {
                    Some(size) => format!("{size} bytes, {allowed} are allowed for one file"),
                    None => format!("More than the {allowed} bytes that are allowed for one file"),
                };
                return problem(path, ProblemCode::TooLarge, &why);
            }
            Err(Damaged) => {
                let why = "Its content is missing or damaged in the repository";
                return problem(path, ProblemCode::Corrupt, why);
            }
        };
        if let Some(why) = pointer(&bytes) {
            return problem(path, ProblemCode::LfsPointer, &why);
        }
        let provenance = self.provenance(&path, listed, fingerprint);
        Ok(Item::File(RawFile {
            path,
            hash: ContentHash::of(&bytes),
            packed_size: bytes.len() as u64,
            bytes,
            provenance,
        }))
    }

    fn provenance(&self, path: &str, listed: &Listed, fingerprint: String) -> Provenance {
        let raw = listed.raw.as_deref().unwrap_or(path);
        let folders = self.wanted.folder.iter().map(String::as_str);
        let whole: Vec<&str> = folders.chain([raw]).collect();
        let whole = whole.join("/");
        let forge = self.forge.as_ref();
        Provenance {
            title: forge.and_then(|forge| forge.title(&whole)),
            link: forge.and_then(|forge| forge.link(&self.commit.to_string(), &whole)),
            fingerprint: Some(fingerprint),
        }
    }
}

/// Why this is a pointer to a file and not the file.
fn pointer(bytes: &[u8]) -> Option<String> {
    let is_pointer =
        bytes.len() < MOST_POINTER_BYTES && POINTERS.iter().any(|start| bytes.starts_with(start));
    if !is_pointer {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    let size = text.lines().find_map(|line| line.strip_prefix("size "));
    Some(match size.and_then(|size| size.parse::<u64>().ok()) {
        Some(size) => format!("Only a pointer; its {size} bytes lie in the repository's large file storage"),
        None => "Only a pointer; its content lies in the repository's large file storage".to_owned(),
    })
}
