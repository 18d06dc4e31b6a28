//! The indexes: implementations of the port [`VectorStore`](nexus_domain::VectorStore). Owns how points are stored
//! and searched; knows nothing of documents, rows, models or requests, and is the only user of qdrant.
//!
//! - [`EdgeStore`]: qdrant-edge, embedded in the process. One process at a time.
//! - `contract` (feature `testing`): what every implementation has to pass.

mod check;
#[cfg(feature = "testing")]
pub mod contract;
mod edge;

pub use edge::{EdgeOptions, EdgeStore};
