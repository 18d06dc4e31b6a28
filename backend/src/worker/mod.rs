//! Background work: claims tasks, holds their leases, runs them, and cleans up. One file per kind of task.

mod calibrate;
mod chats;
mod context;
mod dense;
mod embed_kb;
mod erase;
mod failure;
mod heartbeat;
mod ingest;
mod lexical;
mod points;
mod progress;
mod queue;
mod rebuild_lexical;
mod run;
mod schedule;
mod standing;
mod sweep;
mod webhooks;

pub use chats::{ChatOptions, ChatWorker};
pub use context::WorkerContext;
pub use dense::DensePass;
pub use ingest::{IngestSettings, Remotes};
pub use queue::Queue;
pub use run::{INTERRUPTED, Worker, WorkerOptions};
pub use sweep::remove_unknown_uploads;
pub use webhooks::{WebhookOptions, WebhookWorker};
