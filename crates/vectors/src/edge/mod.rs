//! [`EdgeStore`]: the port on qdrant-edge, in this process.
//!
//! A collection is one shard in a folder of its own (`layout`); a shard holds the points of all knowledge bases, with
//! an index on their id (`shard`). Calls of the engine block: they run on tokio's blocking threads, so many searches
//! at once and one write per collection (`collection`, behind `store` and `port`). The engine never improves its segments by itself: one thread
//! does that for all collections (`optimiser`).
//!
//! **Why the write-ahead log of the engine is on.** The callers' protocol would not need it: nothing depends on a write
//! before [`persist`](nexus_domain::VectorStore::persist) has returned. But while the optimiser rebuilds a segment, the
//! engine keeps removals from that segment in memory, and a flush does not write them; only its log does. With the log
//! off, the kill test (`tests/it/crash.rs`) finds points again whose removal was persisted. What it costs, by
//! `cargo run --example load -- 20000` with the constant `WRITE_AHEAD_LOG` either way, in upserts per CPU-second:
//! lexical 19,500 with and 21,000 without it, dense 36,000 and 59,000; flushes take the same time. That is 3 to 13
//! microseconds a chunk.

mod collection;
mod layout;
mod optimiser;
mod options;
mod port;
mod shard;
mod store;

pub use options::EdgeOptions;
pub use store::EdgeStore;
