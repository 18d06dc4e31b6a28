//! A folder for files that this process needs for a while. It goes with the process; one that was killed leaves its folder,
//! and the next process that starts removes it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tempfile::{NamedTempFile, TempDir};

/// Held while its folder is in use.
const LOCK: &str = "lock";

#[derive(Clone, Debug)]
pub(super) struct Spool(Arc<Own>);

#[derive(Debug)]
struct Own {
    folder: TempDir,
    _lock: File,
}

impl Spool {
    pub(super) fn open(data_dir: &Path) -> io::Result<Self> {
        let root = data_dir.join("spool");
        std::fs::create_dir_all(&root)?;
        // One process at a time makes its folder or removes those of others, so a folder without a lock is nobody's.
        let turn = File::create(root.join(LOCK))?;
        turn.lock()?;
        remove_left_over(&root)?;
        let folder = tempfile::Builder::new().prefix("process-").tempdir_in(&root)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self(Arc::new(Own { folder, _lock: lock })))
    }

    /// A new file, removed when it is dropped.
    pub(super) fn file(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.0.folder.path())
    }
}

fn remove_left_over(root: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let folder = entry?.path();
        if folder.is_dir() && !is_in_use(&folder)? {
            remove(&folder)?;
        }
    }
    Ok(())
}

/// A process that is just ending may be quicker.
fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn is_in_use(folder: &Path) -> io::Result<bool> {
    let lock = match File::open(folder.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        lock => lock?,
    };
    match lock.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(data: &Path) -> usize {
        let entries = std::fs::read_dir(data.join("spool")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count()
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_start_and_what_is_in_use_stays() {
        let data = tempfile::tempdir().unwrap();
        let left = data.path().join("spool/process-killed");
        std::fs::create_dir_all(&left).unwrap();
        std::fs::write(left.join(LOCK), "").unwrap();
        std::fs::write(left.join("half an upload"), "half").unwrap();
        std::fs::create_dir(data.path().join("spool/process-killed-sooner")).unwrap();

        let alive = Spool::open(data.path()).unwrap();
        assert_eq!(folders(data.path()), 1);
        let file = alive.file().unwrap();
        let other = Spool::open(data.path()).unwrap();
        assert!(file.path().exists());
        assert_eq!(folders(data.path()), 2);
        drop((file, alive, other));
        assert_eq!(folders(data.path()), 0);
    }

    #[test]
    fn processes_that_end_do_not_disturb_those_that_start() {
        let data = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        Spool::open(data.path()).unwrap();
                    }
                });
            }
        });
        assert_eq!(folders(data.path()), 0);
    }
}
