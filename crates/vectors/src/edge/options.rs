//! What can be set about the embedded store.

use std::time::Duration;

/// Settings of an [`EdgeStore`](super::EdgeStore).
#[derive(Clone, Debug)]
pub struct EdgeOptions {
    /// Searches, counts and listings that run at once; more wait. Default: one per processor.
    pub concurrent_reads: usize,
    /// The optimiser looks at a collection when this many points were written or removed since it last did …
    pub optimise_after_writes: u64,
    /// … or when this much time has passed and anything was.
    pub optimise_interval: Duration,
    /// Size of the vectors in a segment, in KiB, from which the optimiser builds an index for it. Smaller ones are
    /// scanned: exact, and cheap to write.
    pub index_above_kib: usize,
    /// How long [`EdgeStore::close`](super::EdgeStore::close) waits for a running optimisation, which cannot be
    /// interrupted. Ending the process in the middle of one is safe.
    pub close_patience: Duration,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            concurrent_reads: std::thread::available_parallelism().map_or(2, usize::from),
            optimise_after_writes: 20_000,
            optimise_interval: Duration::from_secs(30),
            index_above_kib: 40_000,
            close_patience: Duration::from_secs(5),
        }
    }
}
