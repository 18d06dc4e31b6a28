//! `/api/v1`: routes, extractors that load and authorise, and the mapping between services and the wire. Opens no
//! transaction and holds no rule of its own.

mod ai;
mod answer_events;
mod answers;
mod api_keys;
mod auth;
mod bots;
mod bundles;
mod chats;
mod common_errors;
mod documents;
mod envelope;
mod error;
mod extract;
mod gaps;
mod generations;
mod health;
mod idempotency;
mod inbox;
mod incoming_webhooks;
mod ingestion;
mod knowledge_bases;
mod logs;
mod members;
mod metrics;
mod model_calls;
mod outbox;
mod pages;
mod path_ids;
mod permit;
mod quality;
mod rag;
mod rate_limit;
mod remotes;
mod request_id;
pub mod router;
mod sessions;
mod signed_body;
mod source_reports;
mod source_webhooks;
mod sources;
mod tasks;
mod usage;
mod users;
mod webhooks;
mod wire;

pub use wire::chats::PRESENTER;

pub use metrics::router as metrics_router;
pub use router::{health_router, openapi, router};
