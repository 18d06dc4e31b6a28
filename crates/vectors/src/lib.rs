//! The indexes: implementations of the port [`VectorStore`](nexus_domain::VectorStore). Owns how points are stored
//! and searched; knows nothing of documents, rows, models or requests, and is the only user of qdrant.
//!
//! - [`EdgeStore`]: qdrant-edge, embedded in the process. One process at a time.
//! - [`ServerStore`]: a Qdrant server over gRPC, for several processes.
//! - `contract` and `stand_in` (feature `testing`): what every implementation has to pass, and a server to pass it on.

mod batch;
mod check;
#[cfg(feature = "testing")]
pub mod contract;
mod edge;
mod server;
#[cfg(feature = "testing")]
pub mod stand_in;
mod ties;

pub use edge::{EdgeOptions, EdgeStore};
pub use server::{ServerOptions, ServerStore};
