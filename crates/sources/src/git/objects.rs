//! Reads single objects, one at a time, each of a size that was asked first. Nothing here knows a configuration, a hook, a
//! filter or a work tree.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use git2::{ObjectType, Odb, Oid};

/// Largest list of one folder's entries: some million of them.
const MOST_TREE_BYTES: u64 = 64 << 20;
const MOST_COMMIT_BYTES: u64 = 16 << 20;
const ID_BYTES: usize = 20;

/// The object is missing, or is not what its name says.
#[derive(Debug, thiserror::Error)]
#[error("an object of the repository is missing or damaged")]
pub(super) struct Damaged;

/// What was found under the name of a blob.
#[derive(Debug)]
pub(super) enum Blob {
    Bytes(Vec<u8>),
    /// Larger than wanted; its size, where it is known.
    TooLarge(Option<u64>),
}

pub(super) struct Objects {
    odb: Odb<'static>,
    /// Blobs of this size and above were left out on purpose.
    omits_from: Option<u64>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects")
            .field("omits_from", &self.omits_from)
            .finish_non_exhaustive()
    }
}

impl Objects {
    /// `folder` is what git calls `objects`.
    pub(super) fn open(folder: &Path, omits_from: Option<u64>) -> Result<Self, Damaged> {
        let folder = folder.to_str().ok_or(Damaged)?;
        let mut objects = Self::none()?;
        objects.omits_from = omits_from;
        objects.odb.add_disk_alternate(folder).map_err(|_| Damaged)?;
        Ok(objects)
    }

    /// Nothing at all.
    pub(super) fn none() -> Result<Self, Damaged> {
        Ok(Self {
            odb: Odb::new().map_err(|_| Damaged)?,
            omits_from: None,
        })
    }

    /// Where a pack finds what it builds on.
    pub(super) const fn odb(&self) -> &Odb<'static> {
        &self.odb
    }

    /// The root folder of a commit.
    pub(super) fn root(&self, commit: Oid) -> Result<Oid, Damaged> {
        let bytes = self
            .read(commit, ObjectType::Commit, MOST_COMMIT_BYTES)?
            .map_err(|_| Damaged)?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let id = line.strip_prefix(b"tree ").filter(|id| id.len() == 2 * ID_BYTES);
        let id = id.and_then(|id| std::str::from_utf8(id).ok()).ok_or(Damaged)?;
        Oid::from_str(id).map_err(|_| Damaged)
    }

    /// The entries of a folder; `Err` in the `Ok` is the size of one that is too large.
    pub(super) fn tree(&self, id: Oid) -> Result<Result<Tree, u64>, Damaged> {
        let found = self.read(id, ObjectType::Tree, MOST_TREE_BYTES)?;
        Ok(found.map(Tree))
    }

    pub(super) fn blob(&self, id: Oid, most: u64) -> Result<Blob, Damaged> {
        if self.omits_from.is_some() && !self.odb.exists(id) {
            return Ok(Blob::TooLarge(None));
        }
        Ok(match self.read(id, ObjectType::Blob, most)? {
            Ok(bytes) => Blob::Bytes(bytes),
            Err(size) => Blob::TooLarge(Some(size)),
        })
    }

    /// Whether the object is there and has fewer bytes than `most`.
    pub(super) fn has_below(&self, id: Oid, most: u64) -> bool {
        let header = catch_unwind(AssertUnwindSafe(|| self.odb.read_header(id)));
        matches!(header, Ok(Ok((size, _))) if (size as u64) < most)
    }

    /// An object of whatever kind.
    pub(super) fn any(&self, id: Oid) -> Result<(ObjectType, Vec<u8>), Damaged> {
        let read = catch_unwind(AssertUnwindSafe(|| {
            let object = self.odb.read(id)?;
            Ok::<_, git2::Error>((object.kind(), object.data().to_vec()))
        }));
        read.map_err(|_| Damaged)?.map_err(|_| Damaged)
    }

    fn read(&self, id: Oid, kind: ObjectType, most: u64) -> Result<Result<Vec<u8>, u64>, Damaged> {
        // git2 panics where a damaged pack names a type that there is none of.
        let header = catch_unwind(AssertUnwindSafe(|| self.odb.read_header(id)));
        let (size, found) = header.map_err(|_| Damaged)?.map_err(|_| Damaged)?;
        if found != kind {
            return Err(Damaged);
        }
        if size as u64 > most {
            return Ok(Err(size as u64));
        }
        let object = self.odb.read(id).map_err(|_| Damaged)?;
        if object.kind() != kind {
            return Err(Damaged);
        }
        Ok(Ok(object.data().to_vec()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
    Submodule,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TreeEntry<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: Kind,
    pub(super) id: Oid,
}

#[derive(Debug)]
pub(super) struct Tree(Vec<u8>);

impl Tree {
    /// In git's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<TreeEntry<'_>, Damaged>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let found = entry(rest);
            rest = found.as_ref().map_or(&[], |(_, rest)| rest);
            Some(found.map(|(entry, _)| entry).ok_or(Damaged))
        })
    }
}

/// The mode in octal digits, a space, the name, a zero byte, the id.
fn entry(bytes: &[u8]) -> Option<(TreeEntry<'_>, &[u8])> {
    let space = bytes.iter().take(8).position(|byte| *byte == b' ')?;
    let (mode, rest) = (bytes.get(..space)?, bytes.get(space + 1..)?);
    let zero = rest.iter().position(|byte| *byte == 0)?;
    let (name, rest) = (rest.get(..zero)?, rest.get(zero + 1..)?);
    let (id, rest) = rest.split_at_checked(ID_BYTES)?;
    let mode = u32::from_str_radix(std::str::from_utf8(mode).ok()?, 8).ok()?;
    let kind = match mode & 0o170_000 {
        0o040_000 => Kind::Folder,
        0o100_000 => Kind::File,
        0o120_000 => Kind::Link,
        0o160_000 => Kind::Submodule,
        _ => return None,
    };
    let id = Oid::from_bytes(id).ok()?;
    (!name.is_empty()).then_some((TreeEntry { name, kind, id }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_until_one_is_damaged() {
        let mut bytes = Vec::new();
        for (mode, name) in [
            ("40000", "a"),
            ("100644", "b"),
            ("120000", "c"),
            ("160000", "d"),
            ("100755", "e"),
        ] {
            bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            bytes.extend_from_slice(&[7; 20]);
        }
        let whole = Tree(bytes.clone());
        let kinds: Vec<Kind> = whole.entries().map(|entry| entry.unwrap().kind).collect();
        assert_eq!(
            kinds,
            [Kind::Folder, Kind::File, Kind::Link, Kind::Submodule, Kind::File]
        );
        bytes.truncate(bytes.len() - 1);
        let cut = Tree(bytes);
        assert_eq!(cut.entries().filter(Result::is_ok).count(), 4);
        assert!(cut.entries().last().unwrap().is_err());
        for bytes in [&b"100644"[..], b"100644 \0", b"999 a\0", b"+ a\0", b"010000 a\0"] {
            let damaged = Tree([bytes, &[7; 20]].concat());
            assert!(damaged.entries().next().unwrap().is_err(), "{bytes:?}");
        }
    }
}
