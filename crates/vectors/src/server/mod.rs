//! A Qdrant server, over gRPC: one index for several processes and machines.
//!
//! Collections carry a prefix, so that a server may hold those of others. Every write waits until the server has applied
//! it; how soon that is on a disk is the server's own (its write-ahead log), so [`persist`] has nothing left to do.
//! Calls that fail on their way are repeated with growing waits: all calls of the port may be.
//!
//! Inverse document frequencies are counted over the knowledge bases asked, which servers can since 1.19, and per shard:
//! a collection has one, so that scores do not depend on where a point happens to lie.
//!
//! [`persist`]: nexus_domain::VectorStore::persist

mod connection;
mod options;
mod port;
mod wire;

pub use options::ServerOptions;
pub use port::ServerStore;
