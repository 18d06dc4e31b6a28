//! Throws out of a mirror what its commit does not hold any more: a file that was deleted may not stay on the disk because a
//! pack that brought others brought it, too. What is left is written as a pack of its own (`gitformat-pack`, version 2,
//! without deltas: there is one version of each file).

use std::collections::HashSet;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Oid};
use sha1::{Digest as _, Sha1};

use super::attempt::Setback;
use super::objects::{Damaged, Kind, Objects};
use crate::{SourceError, Watch};

const MAGIC: &[u8; 4] = b"PACK";
const VERSION: u32 = 2;

/// What a commit consists of, without its history.
#[derive(Debug)]
pub(super) struct Live {
    /// The commit first.
    ids: Vec<Oid>,
    known: HashSet<Oid>,
    /// Those of `ids` that are files.
    files: HashSet<Oid>,
}

impl Live {
    /// Walks the trees of a commit, each once.
    pub(super) fn of(objects: &Objects, commit: Oid, watch: &dyn Watch) -> Result<Self, Setback> {
        let mut live = Self {
            ids: vec![commit],
            known: HashSet::from([commit]),
            files: HashSet::new(),
        };
        let mut folders = vec![objects.root(commit).map_err(damaged)?];
        while let Some(id) = folders.pop() {
            if watch.is_stopped() {
                return Err(SourceError::Stopped.into());
            }
            if !live.takes(id) {
                continue;
            }
            let tree = objects.tree(id).map_err(damaged)?;
            let tree = tree.map_err(|_| damaged(Damaged))?;
            for entry in tree.entries() {
                let entry = entry.map_err(damaged)?;
                match entry.kind {
                    Kind::Folder => folders.push(entry.id),
                    Kind::File | Kind::Link if live.takes(entry.id) => {
                        live.files.insert(entry.id);
                    }
                    Kind::File | Kind::Link | Kind::Submodule => {}
                }
            }
        }
        Ok(live)
    }

    fn takes(&mut self, id: Oid) -> bool {
        let is_new = self.known.insert(id);
        if is_new {
            self.ids.push(id);
        }
        is_new
    }

    /// Whether a file of `before` is none of this commit's.
    pub(super) fn lacks_some_of(&self, before: &Self) -> bool {
        !before.files.is_subset(&self.files)
    }

    /// Writes a pack of all that is there, without files of `omit_from` bytes and more.
    pub(super) fn write(
        &self,
        objects: &Objects,
        omit_from: u64,
        watch: &dyn Watch,
        out: &mut dyn Write,
    ) -> Result<(), Setback> {
        let is_kept = |id: &&Oid| !self.files.contains(*id) || objects.has_below(**id, omit_from);
        let kept: Vec<&Oid> = self.ids.iter().filter(is_kept).collect();
        let count = u32::try_from(kept.len()).map_err(|_| damaged(Damaged))?;
        let mut pack = Hashed {
            out,
            hash: Sha1::new(),
        };
        pack.write_all(MAGIC)?;
        pack.write_all(&VERSION.to_be_bytes())?;
        pack.write_all(&count.to_be_bytes())?;
        for id in kept {
            if watch.is_stopped() {
                return Err(SourceError::Stopped.into());
            }
            let (kind, bytes) = objects.any(*id).map_err(damaged)?;
            pack.write_all(&head(kind, bytes.len()).ok_or_else(|| damaged(Damaged))?)?;
            let mut packed = ZlibEncoder::new(&mut pack, Compression::fast());
            packed.write_all(&bytes)?;
            packed.finish()?;
        }
        let digest = pack.hash.finalize();
        pack.out.write_all(&digest)?;
        Ok(())
    }
}

fn damaged(error: Damaged) -> Setback {
    Setback::Damaged(error.to_string())
}

/// An entry's type and size: four bits of the size beside the type, then seven at a time.
fn head(kind: ObjectType, size: usize) -> Option<Vec<u8>> {
    let number: u8 = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Blob => 3,
        _ => return None,
    };
    let mut byte = number << 4 | (size & 0x0f) as u8;
    let mut rest = size >> 4;
    let mut head = Vec::new();
    while rest > 0 {
        head.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    head.push(byte);
    Some(head)
}

/// Hands bytes on and sums them up.
struct Hashed<'a> {
    out: &'a mut dyn Write,
    hash: Sha1,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_git_reads_them() {
        assert_eq!(head(ObjectType::Blob, 5).unwrap(), [0x35]);
        assert_eq!(head(ObjectType::Tree, 16).unwrap(), [0xa0, 0x01]);
        assert_eq!(head(ObjectType::Commit, 0x1234).unwrap(), [0x94, 0xa3, 0x02]);
        assert_eq!(head(ObjectType::Tag, 1), None);
    }
}
