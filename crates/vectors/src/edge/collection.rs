//! One open collection: who may call the engine when, and what is on disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use nexus_domain::{Collection, VectorError};
use qdrant_edge::{EdgeShard, OperationResult};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

use super::layout::Lock;
use super::shard;

/// A collection whose shard is open. Reads run side by side, as many as the store allows; writes and flushes one after
/// the other, on a lane of their own, so that a search never waits for a batch.
#[derive(Debug)]
pub(super) struct OpenCollection {
    name: String,
    /// Empty once the collection was closed. Locked on blocking threads only. The lock on the store's folder is held
    /// until the shard has been closed.
    shard: RwLock<Option<(EdgeShard, Arc<Lock>)>>,
    /// The write lane. The engine has one too, but a thread would wait there.
    lane: Arc<Mutex<()>>,
    /// Writes so far, and how many of them are known to be on disk. Changed by the holder of the lane.
    written: AtomicU64,
    persisted: AtomicU64,
    /// Points written or removed since the optimiser looked.
    unoptimised: AtomicU64,
    /// Held while an optimisation runs: the engine's plans are made for one at a time.
    optimising: std::sync::Mutex<()>,
}

impl OpenCollection {
    pub(super) fn new(name: String, shard: EdgeShard, lock: Arc<Lock>) -> Self {
        Self {
            name,
            shard: RwLock::new(Some((shard, lock))),
            lane: Arc::default(),
            written: AtomicU64::new(0),
            persisted: AtomicU64::new(0),
            // What an earlier process left behind is worth a look.
            unoptimised: AtomicU64::new(1),
            optimising: std::sync::Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// [`OpenCollection::optimise`] on a blocking thread.
    pub(super) async fn optimise_now(self: &Arc<Self>) -> Result<bool, VectorError> {
        self.blocking(Self::optimise).await
    }

    pub(super) async fn fits(self: &Arc<Self>, collection: Collection) -> Result<(), VectorError> {
        let name = self.name.clone();
        self.blocking(move |open| open.with(|shard| Ok(shard::fits(shard, &collection))))
            .await?
            .map_err(|reason| {
                VectorError::Failed(format!(
                    "collection {name} does not fit: {reason}; drop it and build it again"
                ))
            })
    }

    /// Runs a read of the engine when one of the store's places for reads is free.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        places: &Arc<Semaphore>,
        read: impl FnOnce(&EdgeShard) -> OperationResult<T> + Send + 'static,
    ) -> Result<T, VectorError> {
        let place = Arc::clone(places)
            .acquire_owned()
            .await
            .map_err(|_| self.closed())?;
        self.blocking(move |open| {
            let _place = place;
            open.with(read)
        })
        .await
    }

    /// Runs a write of the engine that touches `points` points; says how many the optimiser has not seen.
    pub(super) async fn write(
        self: &Arc<Self>,
        points: u64,
        write: impl FnOnce(&EdgeShard) -> OperationResult<()> + Send + 'static,
    ) -> Result<u64, VectorError> {
        let lane = self.lane().await;
        self.blocking(move |open| {
            let _lane = lane;
            // Counted before it happens: a write that fails half way has still to be made durable.
            open.written.fetch_add(1, Ordering::SeqCst);
            open.with(write)
        })
        .await?;
        Ok(self.unoptimised.fetch_add(points, Ordering::SeqCst) + points)
    }

    /// Makes every write that was finished before this call durable. Callers that wait for a flush share the next one.
    pub(super) async fn persist(self: &Arc<Self>) -> Result<(), VectorError> {
        let needed = self.written.load(Ordering::SeqCst);
        if self.persisted.load(Ordering::SeqCst) >= needed {
            return Ok(());
        }
        let lane = self.lane().await;
        if self.persisted.load(Ordering::SeqCst) >= needed {
            return Ok(());
        }
        self.blocking(move |open| {
            let _lane = lane;
            open.flush()
        })
        .await
    }

    /// Improves the segments; returns whether anything changed. Blocks, for minutes if much was written; searches and
    /// writes go on meanwhile.
    pub(super) fn optimise(&self) -> Result<bool, VectorError> {
        let _optimising = self.optimising.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.unoptimised.load(Ordering::SeqCst);
        let changed = self.with(shard::optimise)?;
        self.unoptimised.fetch_sub(seen, Ordering::SeqCst);
        if changed {
            let _lane = self.lane.blocking_lock();
            self.flush()?;
        }
        Ok(changed)
    }

    pub(super) fn unoptimised(&self) -> u64 {
        self.unoptimised.load(Ordering::SeqCst)
    }

    /// Waits for every call that is under way, flushes and closes the shard. Blocks.
    pub(super) fn close(&self) {
        let shard = self.shard.write().unwrap_or_else(PoisonError::into_inner).take();
        // Dropping it flushes.
        drop(shard);
    }

    /// The guard goes into the blocking task, so that a caller who goes away does not let the next one in too early.
    async fn lane(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.lane).lock_owned().await
    }

    /// The caller holds the lane.
    fn flush(&self) -> Result<(), VectorError> {
        let written = self.written.load(Ordering::SeqCst);
        self.with(EdgeShard::flush)?;
        self.persisted.store(written, Ordering::SeqCst);
        Ok(())
    }

    fn with<T>(&self, call: impl FnOnce(&EdgeShard) -> OperationResult<T>) -> Result<T, VectorError> {
        let shard = self.shard.read().unwrap_or_else(PoisonError::into_inner);
        let (shard, _) = shard.as_ref().ok_or_else(|| self.closed())?;
        call(shard).map_err(|error| VectorError::Failed(format!("collection {}: {error}", self.name)))
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        call: impl FnOnce(&Self) -> Result<T, VectorError> + Send + 'static,
    ) -> Result<T, VectorError> {
        let collection = Arc::clone(self);
        match tokio::task::spawn_blocking(move || call(&collection)).await {
            Ok(result) => result,
            Err(error) => Err(VectorError::Failed(format!("collection {}: {error}", self.name))),
        }
    }

    fn closed(&self) -> VectorError {
        VectorError::Unavailable(format!("collection {} is closed", self.name))
    }
}
