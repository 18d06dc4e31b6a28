//! The thread that improves segments: merges small ones, drops deleted points, builds indexes for large ones.
//!
//! One thread for all collections, so that it takes one processor at most. It wakes when much was written or now and
//! then, and ends with the store. An optimisation cannot be interrupted.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use nexus_domain::VectorError;

use super::collection::OpenCollection;
use super::options::EdgeOptions;

/// Where the thread finds the collections that are open now.
pub(super) trait Collections: Send + Sync + 'static {
    fn open_collections(&self) -> Vec<Arc<OpenCollection>>;
}

/// The handle on the thread. The thread ends soon after this is dropped.
#[derive(Debug)]
pub(super) struct Optimiser {
    wake: Mutex<Option<SyncSender<()>>>,
    ended: Arc<Ended>,
}

#[derive(Debug, Default)]
struct Ended {
    flag: Mutex<bool>,
    changed: Condvar,
}

/// Sets the flag even if the thread panics.
struct EndsOnDrop(Arc<Ended>);

impl Drop for EndsOnDrop {
    fn drop(&mut self) {
        *self.0.flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}

impl Optimiser {
    pub(super) fn start(
        collections: Weak<impl Collections>,
        options: &EdgeOptions,
    ) -> Result<Self, VectorError> {
        let (wake, woken) = sync_channel(1);
        let ended = Arc::new(Ended::default());
        let guard = EndsOnDrop(Arc::clone(&ended));
        let interval = options.optimise_interval;
        thread::Builder::new()
            .name("vectors-optimise".to_owned())
            .spawn(move || {
                let _guard = guard;
                run(&collections, &woken, interval);
            })
            .map_err(|error| VectorError::Failed(format!("cannot start the optimiser: {error}")))?;
        Ok(Self {
            wake: Mutex::new(Some(wake)),
            ended,
        })
    }

    /// Has the thread look at the collections now, or once it is done with what it does.
    pub(super) fn wake(&self) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(TrySendError::Disconnected(()))) = wake.as_ref().map(|wake| wake.try_send(())) {
            tracing::error!("the optimiser of the vector store has died; searches will slow down");
        }
    }

    /// Tells the thread to end and waits for it, for so long; returns whether it has ended. Blocks.
    pub(super) fn stop(&self, patience: Duration) -> bool {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.ended.flag.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .ended
            .changed
            .wait_timeout_while(ended, patience, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

fn run(collections: &Weak<impl Collections>, woken: &Receiver<()>, interval: Duration) {
    while !matches!(woken.recv_timeout(interval), Err(RecvTimeoutError::Disconnected)) {
        let Some(open) = collections
            .upgrade()
            .map(|collections| collections.open_collections())
        else {
            return;
        };
        for collection in open.into_iter().filter(|collection| collection.unoptimised() > 0) {
            optimise(&collection);
        }
    }
}

fn optimise(collection: &OpenCollection) {
    let started = Instant::now();
    match collection.optimise() {
        Ok(true) => {
            let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(collection = collection.name(), ms, "segments optimised");
        }
        // Nothing to do, or the collection was closed or dropped meanwhile.
        Ok(false) | Err(VectorError::Unavailable(_)) => {}
        Err(error) => {
            tracing::warn!(collection = collection.name(), %error, "segments could not be optimised");
        }
    }
}
