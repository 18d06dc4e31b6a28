//! All that a commit's folder holds, before any file is read. Without recursion, in one order, within the bounds.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use git2::Oid;
use nexus_domain::{Problem, ProblemCode};
use nexus_ingest::{Limits, normalise_path, shown_path};

use super::address::Wanted;
use super::objects::{Damaged, Kind, Objects, TreeEntry};
use crate::{SourceError, Watch};

/// Entries that are looked at, folders and what the filter leaves out among them, for each that may be taken: one folder
/// can be put into another many times over, and so a small repository can claim to hold more files than there are stars.
const LOOKED_AT: u64 = 20;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    File(Oid),
    Link,
    Submodule,
}

#[derive(Debug)]
pub(super) struct Listed {
    pub(super) what: What,
    /// The path as the repository has it, from the wanted folder, where it was made uniform.
    pub(super) raw: Option<String>,
}

#[derive(Debug)]
pub(super) struct Listing {
    pub(super) entries: BTreeMap<String, Listed>,
    pub(super) problems: Vec<Problem>,
    pub(super) is_complete: bool,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error(transparent)]
    Ended(#[from] SourceError),
}

/// Lists what the filter takes below the wanted folder.
pub(super) fn list(
    objects: &Objects,
    commit: Oid,
    wanted: &Wanted,
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<Listing, ListError> {
    let root = folder(objects, objects.root(commit)?, wanted, limits)?;
    let mut lister = Lister {
        wanted,
        limits,
        found: Listing {
            entries: BTreeMap::new(),
            problems: Vec::new(),
            is_complete: true,
        },
        looked_at: 0,
        folders: vec![(String::new(), root)],
    };
    while let Some((path, id)) = lister.folders.pop() {
        if watch.is_stopped() {
            return Err(SourceError::Stopped.into());
        }
        if !lister.folder(objects, &path, id)? {
            break;
        }
    }
    Ok(lister.found)
}

/// The wanted folder, or the root.
fn folder(objects: &Objects, root: Oid, wanted: &Wanted, limits: &Limits) -> Result<Oid, ListError> {
    let mut id = root;
    for name in &wanted.folder {
        let is_it = |entry: &TreeEntry<'_>| {
            let found = std::str::from_utf8(entry.name).ok();
            let found = found.and_then(|found| normalise_path(found, limits).ok().flatten());
            entry.kind == Kind::Folder && found.as_ref() == Some(name)
        };
        let absent = || {
            let folder = wanted.folder.join("/");
            SourceError::refused("not_found", format!("the branch has no folder {folder:?}"))
        };
        let Ok(tree) = objects.tree(id)? else {
            return Err(absent().into());
        };
        let mut entries = tree.entries();
        let next = entries.find(|entry| entry.as_ref().map_or(true, is_it));
        id = next.ok_or_else(absent)??.id;
    }
    Ok(id)
}

struct Lister<'a> {
    wanted: &'a Wanted,
    limits: &'a Limits,
    found: Listing,
    looked_at: u64,
    /// Still to be read, the next one last.
    folders: Vec<(String, Oid)>,
}

impl Lister<'_> {
    /// Whether the bounds leave room for more.
    fn folder(&mut self, objects: &Objects, path: &str, id: Oid) -> Result<bool, Damaged> {
        let tree = match objects.tree(id)? {
            Ok(tree) => tree,
            Err(size) => {
                let why = format!("The list of the folder's files has {size} bytes, which is too many");
                self.problem(path, ProblemCode::TooLarge, why);
                self.found.is_complete = false;
                return Ok(true);
            }
        };
        let before = self.folders.len();
        for entry in tree.entries() {
            let entry = entry?;
            self.looked_at += 1;
            if self.looked_at > self.limits.entries.saturating_mul(LOOKED_AT) || self.is_full() {
                self.cut();
                return Ok(false);
            }
            self.entry(path, &entry);
        }
        if let Some(added) = self.folders.get_mut(before..) {
            added.reverse();
        }
        Ok(true)
    }

    fn entry(&mut self, folder: &str, entry: &TreeEntry<'_>) {
        let name = String::from_utf8_lossy(entry.name);
        let raw = match folder {
            "" => name.clone().into_owned(),
            folder => format!("{folder}/{name}"),
        };
        if std::str::from_utf8(entry.name).is_err() {
            return self.refuse(
                &raw,
                ProblemCode::InvalidPath,
                "The name is not valid UTF-8".into(),
            );
        }
        // A name with a slash would be another path than the repository has.
        if name.contains('/') {
            return self.refuse(&raw, ProblemCode::InvalidPath, "The name holds a slash".into());
        }
        let path = match normalise_path(&raw, self.limits) {
            Ok(Some(path)) => path,
            Ok(None) => return,
            Err((code, why)) => return self.refuse(&raw, code, why),
        };
        let what = match entry.kind {
            Kind::Folder => return self.folders.push((raw, entry.id)),
            Kind::File => What::File(entry.id),
            Kind::Link => What::Link,
            Kind::Submodule => What::Submodule,
        };
        if !self.wanted.filter.takes(&path) {
            return;
        }
        let raw = (raw != path).then_some(raw);
        match self.found.entries.entry(path) {
            Entry::Vacant(place) => {
                place.insert(Listed { what, raw });
            }
            Entry::Occupied(place) => {
                let path = place.key().clone();
                let why = "Another file has the same path once both are made uniform".to_owned();
                self.problem(&path, ProblemCode::DuplicatePath, why);
            }
        }
    }

    fn refuse(&mut self, raw: &str, code: ProblemCode, why: String) {
        if self.wanted.filter.takes(raw) {
            self.problem(raw, code, why);
        }
    }

    fn problem(&mut self, path: &str, code: ProblemCode, why: String) {
        self.found
            .problems
            .push(Problem::of_file(shown_path(path), code, why));
    }

    fn is_full(&self) -> bool {
        (self.found.entries.len() + self.found.problems.len()) as u64 >= self.limits.entries
    }

    fn cut(&mut self) {
        let why = format!(
            "More than {} files, or {} with what the filter leaves out; the rest was not read",
            self.limits.entries,
            self.limits.entries.saturating_mul(LOOKED_AT)
        );
        self.found
            .problems
            .push(Problem::of_upload(ProblemCode::TooManyEntries, why));
        self.found.is_complete = false;
    }
}
