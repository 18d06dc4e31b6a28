//! Language models behind the ports of `nexus_domain`. A local embedding model and a local reranker, run by fastembed on
//! ONNX Runtime; embedding models behind an API; and remote chat models.
//!
//! Owns finding, loading, checking and running models. Knows nothing of documents, indexes or HTTP.
//!
//! ```no_run
//! # async fn example() -> Result<(), nexus_models::ModelError> {
//! use nexus_models::{EmbedderOptions, FastembedEmbedder};
//!
//! match FastembedEmbedder::open(EmbedderOptions::new("data/models")).await? {
//!     Some(embedder) => println!("{:?}", nexus_domain::Embedder::info(&embedder)),
//!     None => println!("no model: lexical search only"),
//! }
//! # Ok(())
//! # }
//! ```

pub mod chat;
#[cfg(feature = "testing")]
pub mod chat_stand_in;
mod check;
mod embedder;
mod engine;
mod error;
mod hub;
mod identity;
mod lanes;
mod length;
mod load;
mod local;
mod openai_embedder;
mod options;
mod plan;
mod precision;
mod processor;
mod profile;
mod reranker;
mod runtime;
mod session;
mod worker;

pub use embedder::FastembedEmbedder;
pub use error::ModelError;
pub use hub::{DEFAULT_MODEL, Downloaded, download_default};
pub use length::estimated_tokens;
pub use local::{LocalModel, MANIFEST_FILE, discover};
#[cfg(feature = "testing")]
pub use openai_embedder::{EmbeddingsStandIn, Reply};
pub use openai_embedder::{OpenAiEmbedder, OpenAiOptions, Patience};
pub use options::{DEFAULT_BATCH_SIZE, EmbedderOptions, QuerySession};
pub use precision::{Precision, PrecisionChoice};
pub use profile::{PROFILE_FILE, Pooling, Profile, Reference};
pub use reranker::{FastembedReranker, RerankReference, RerankerOptions, RerankerProfile};
