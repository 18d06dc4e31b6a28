//! Typed client of the `/api/v1` contract: what the command line, the bot and the end-to-end tests use.
//!
//! Reads are retried on connection errors, 429 and 503; what creates something is sent with an `Idempotency-Key`, so it
//! may be retried too. Requests are signed where the configuration has a [`Signing`], each attempt anew. Plain http is
//! refused for anything but this machine unless it is allowed explicitly.

mod answers;
mod chats;
mod config;
mod error;
mod form;
mod generations;
mod ingestion;
mod knowledge_bases;
mod rag;
mod request;
mod signing;
mod sources;
mod tasks;
mod webhooks;

pub use answers::{AnswerEvent, AnswerEvents};
pub use chats::MessagePreviews;
pub use config::ClientConfig;
pub use error::ClientError;
pub use ingestion::{PassedOn, PassingOn, Upload, UploadTarget};
pub use request::Client;
pub use signing::Signing;
pub use tasks::TaskEvents;
