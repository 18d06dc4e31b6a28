//! The store's folder, and what makes changes of it atomic.
//!
//! ```text
//! lock                    held by the process that uses the store
//! collections/lexical/    one shard each
//! collections/dense-1/
//! collections/.new-…      a collection that is being created: renamed when it is complete, removed at the next start
//! collections/.gone-…     a collection that is being removed: removed at the next start at the latest
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use nexus_domain::VectorError;
use uuid::Uuid;

/// The folder of a store. Used by the holder of its [`Lock`] only.
#[derive(Debug)]
pub(super) struct Layout {
    collections: PathBuf,
}

/// The lock on a store's folder: the operating system's on a file, so that a kill releases it as well. The engine has
/// a lock of its own, but takes it only after it has loaded, and perhaps repaired, a collection's files.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    fn take(root: &Path) -> Result<Self, VectorError> {
        let path = root.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file =
            file.map_err(|error| VectorError::Failed(format!("cannot open {}: {error}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(VectorError::Locked {
                path: root.display().to_string(),
            }),
            Err(TryLockError::Error(error)) => Err(VectorError::Failed(format!(
                "cannot lock {}: {error}",
                path.display()
            ))),
        }
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child process that is being started holds a copy of it for a moment.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of the vector store could not be released");
        }
    }
}

impl Layout {
    /// Creates the folder if need be, takes the lock and removes what an interrupted process left half done.
    pub(super) fn open(root: &Path) -> Result<(Self, Lock), VectorError> {
        let failed = |what: &str, error: &io::Error| {
            VectorError::Failed(format!("cannot {what} {}: {error}", root.display()))
        };
        let collections = root.join("collections");
        fs::create_dir_all(&collections).map_err(|error| failed("create", &error))?;
        let lock = Lock::take(root)?;
        let layout = Self { collections };
        layout
            .remove_leftovers()
            .map_err(|error| failed("clean", &error))?;
        Ok((layout, lock))
    }

    /// Names of the complete collections, sorted.
    pub(super) fn collections(&self) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = self
            .entries()?
            .into_iter()
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        Ok(names)
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.path(name).is_dir()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.collections.join(name)
    }

    /// A folder in which to build the collection; [`Layout::complete`] makes it the real one.
    pub(super) fn draft(&self, name: &str) -> PathBuf {
        self.collections.join(format!(".new-{name}-{}", Uuid::new_v4()))
    }

    pub(super) fn complete(&self, draft: &Path, name: &str) -> io::Result<()> {
        fs::rename(draft, self.path(name))?;
        self.sync()
    }

    /// Removes a collection's folder; once this has begun, a crash does not bring it back.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let gone = self.collections.join(format!(".gone-{name}-{}", Uuid::new_v4()));
        match fs::rename(self.path(name), &gone) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        self.sync()?;
        fs::remove_dir_all(gone)
    }

    fn remove_leftovers(&self) -> io::Result<()> {
        for name in self.entries()?.into_iter().filter(|name| name.starts_with('.')) {
            fs::remove_dir_all(self.collections.join(name))?;
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.collections)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    /// Makes renames survive a power cut. Folders cannot be synced on every system; where they cannot, nothing is lost
    /// but an empty collection.
    fn sync(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(&self.collections)?.sync_all()
        } else {
            Ok(())
        }
    }
}
