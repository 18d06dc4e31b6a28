//! The store: opening and closing it, and its collections by name.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_domain::{Collection, VectorError};
use tokio::sync::Semaphore;

use super::collection::OpenCollection;
use super::layout::{Layout, Lock};
use super::optimiser::{Collections, Optimiser};
use super::options::EdgeOptions;
use super::shard;

/// The embedded vector store. Cheap to share behind an `Arc`; end it with [`EdgeStore::close`].
///
/// Dropping it instead closes it a little later, on a thread of its own.
#[derive(Debug)]
pub struct EdgeStore {
    pub(super) inner: Arc<Inner>,
    optimiser: Arc<Optimiser>,
}

#[derive(Debug)]
pub(super) struct Inner {
    layout: Layout,
    options: EdgeOptions,
    /// Places for reads that run at once.
    pub(super) reads: Arc<Semaphore>,
    slots: Mutex<HashMap<String, Slot>>,
    /// Held while a collection is created, opened or dropped. Empty once the store was closed.
    lock: tokio::sync::Mutex<Option<Arc<Lock>>>,
}

/// A collection on disk.
#[derive(Debug)]
enum Slot {
    Open(Arc<OpenCollection>),
    /// It could not be opened, and why. All that can be done with it is to drop it.
    Damaged(String),
}

impl EdgeStore {
    /// Opens the store in `dir`, which is created if need be, with all collections that it holds.
    ///
    /// A collection that cannot be opened does not keep the store from opening: every use of it fails and names it,
    /// and dropping it makes way for building it again.
    ///
    /// # Errors
    /// [`VectorError::Locked`] if another process, or another store of this one, holds the folder.
    pub async fn open(dir: &Path, options: EdgeOptions) -> Result<Self, VectorError> {
        let dir = dir.to_owned();
        let reads = Arc::new(Semaphore::new(options.concurrent_reads.max(1)));
        let (layout, lock, names) = blocking(move || {
            let (layout, lock) = Layout::open(&dir)?;
            let names = layout.collections().map_err(|error| {
                VectorError::Failed(format!(
                    "cannot list the collections in {}: {error}",
                    dir.display()
                ))
            })?;
            Ok((layout, Arc::new(lock), names))
        })
        .await?;
        let held = tokio::sync::Mutex::new(Some(Arc::clone(&lock)));
        let inner = Arc::new(Inner {
            layout,
            options,
            reads,
            slots: Mutex::default(),
            lock: held,
        });
        for name in names {
            inner.load(name, &lock).await;
        }
        let optimiser = Optimiser::start(Arc::downgrade(&inner), &inner.options)?;
        Ok(Self {
            inner,
            optimiser: Arc::new(optimiser),
        })
    }

    /// Flushes and closes everything, and lets go of the folder. Calls that are under way finish first, later ones
    /// fail with [`VectorError::Unavailable`].
    ///
    /// If an optimisation does not end within [`EdgeOptions::close_patience`], everything is flushed and left open: the
    /// process may end, and the folder is locked until it does.
    pub async fn close(&self) -> Result<(), VectorError> {
        let collections = self.inner.open_collections();
        for collection in &collections {
            collection.persist().await?;
        }
        let mut lock = self.inner.lock.lock().await;
        let (optimiser, patience) = (Arc::clone(&self.optimiser), self.inner.options.close_patience);
        if !blocking(move || Ok(optimiser.stop(patience))).await? {
            tracing::warn!("the vector store is still optimising; its files are safe and stay locked");
            return Ok(());
        }
        self.inner.slots().clear();
        blocking(move || {
            collections.iter().for_each(|collection| collection.close());
            Ok(())
        })
        .await?;
        *lock = None;
        Ok(())
    }

    /// Improves the segments of all collections now, and waits for it: for minutes, if much was written. What the
    /// optimiser does by itself sooner or later. Returns whether anything changed.
    pub async fn optimise(&self) -> Result<bool, VectorError> {
        let mut changed = false;
        for collection in self.inner.open_collections() {
            changed |= collection.optimise_now().await?;
        }
        Ok(changed)
    }

    /// Has the optimiser look at its work once there is enough of it.
    pub(super) fn wake_optimiser_at(&self, unseen_points: u64) {
        if unseen_points >= self.inner.options.optimise_after_writes {
            self.optimiser.wake();
        }
    }

    pub(super) fn collection(&self, collection: &Collection) -> Result<Arc<OpenCollection>, VectorError> {
        self.inner.collection(&collection.name())
    }
}

impl Drop for EdgeStore {
    /// Closing a shard flushes it: too slow for the thread of a runtime that may drop this.
    fn drop(&mut self) {
        let collections = self.inner.open_collections();
        self.inner.slots().clear();
        if !collections.is_empty() {
            std::thread::spawn(move || collections.iter().for_each(|collection| collection.close()));
        }
    }
}

impl Inner {
    fn slots(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collection(&self, name: &str) -> Result<Arc<OpenCollection>, VectorError> {
        match self.slots().get(name) {
            Some(Slot::Open(collection)) => Ok(Arc::clone(collection)),
            Some(Slot::Damaged(reason)) => Err(VectorError::Failed(format!(
                "collection {name} is damaged: {reason}; drop it and build it again"
            ))),
            None => Err(VectorError::Unavailable(format!(
                "collection {name} does not exist or is closed"
            ))),
        }
    }

    /// Opens the collection, which is created if need be.
    pub(super) async fn ensure(self: Arc<Self>, collection: Collection) -> Result<(), VectorError> {
        let name = collection.name();
        let lock = self.lock.lock().await;
        let held = lock.as_ref().ok_or_else(closed)?;
        if self.slots().contains_key(&name) {
            return Ok(());
        }
        if !self.layout.holds(&name) {
            self.create(collection).await?;
        }
        self.load(name, held).await;
        Ok(())
    }

    pub(super) async fn drop_collection(self: Arc<Self>, collection: Collection) -> Result<(), VectorError> {
        let name = collection.name();
        let lock = self.lock.lock().await;
        lock.as_ref().ok_or_else(closed)?;
        let slot = self.slots().remove(&name);
        let inner = Arc::clone(&self);
        blocking(move || {
            if let Some(Slot::Open(open)) = slot {
                open.close();
            }
            inner.layout.remove(&name).map_err(|error| {
                VectorError::Failed(format!("cannot remove the files of collection {name}: {error}"))
            })
        })
        .await
    }

    /// Opens a collection that is on disk. Damage is remembered, not returned.
    async fn load(&self, name: String, lock: &Arc<Lock>) {
        let (path, options) = (self.layout.path(&name), self.options.clone());
        // A panic of the engine over broken files arrives here as an error, too.
        let loaded = blocking(move || {
            shard::load(&path, &options).map_err(|error| VectorError::Failed(error.to_string()))
        })
        .await;
        let slot = match loaded {
            Ok(shard) => Slot::Open(Arc::new(OpenCollection::new(
                name.clone(),
                shard,
                Arc::clone(lock),
            ))),
            Err(error) => {
                tracing::error!(collection = name, %error, "a collection of the vector store is damaged");
                Slot::Damaged(error.to_string())
            }
        };
        self.slots().insert(name, slot);
    }

    /// Creates a collection on disk: beside its place, then moved there whole.
    async fn create(self: &Arc<Self>, collection: Collection) -> Result<(), VectorError> {
        let inner = Arc::clone(self);
        blocking(move || {
            let name = collection.name();
            let failed =
                |error: String| VectorError::Failed(format!("cannot create collection {name}: {error}"));
            let draft = inner.layout.draft(&name);
            shard::create(&draft, &collection, &inner.options).map_err(|error| failed(error.to_string()))?;
            inner
                .layout
                .complete(&draft, &name)
                .map_err(|error| failed(error.to_string()))
        })
        .await
    }
}

impl Collections for Inner {
    fn open_collections(&self) -> Vec<Arc<OpenCollection>> {
        let open = |slot: &Slot| match slot {
            Slot::Open(collection) => Some(Arc::clone(collection)),
            Slot::Damaged(_) => None,
        };
        self.slots().values().filter_map(open).collect()
    }
}

fn closed() -> VectorError {
    VectorError::Unavailable("the vector store is closed".to_owned())
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, VectorError> + Send + 'static,
) -> Result<T, VectorError> {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(error) => Err(VectorError::Failed(error.to_string())),
    }
}
