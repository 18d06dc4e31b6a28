//! The backend as its callers meet it: the real application on SQLite and qdrant-edge in a temporary folder, over HTTP,
//! with a fake embedding model and a clock that stands still.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod access;
mod ai_query;
mod answers;
mod answers_kept;
mod api;
mod bot_process;
mod bundles;
mod cache;
mod chats;
mod contract;
mod conversations;
mod deleted_text;
mod embedding_calls;
mod embeddings_api;
mod generations;
mod incoming_webhooks;
mod ingestion;
mod keys;
mod knowledge_bases;
mod limits;
mod metrics;
mod model_calls;
mod n8n;
mod oidc;
mod people;
mod quality;
mod questions;
mod receiver;
mod recovery;
mod repository;
mod roles;
#[allow(dead_code, reason = "shared with the tests of the proofs themselves")]
#[path = "../../../crates/auth/tests/it/rsa_key.rs"]
mod rsa_key;
mod s3;
mod scale;
mod sharing;
mod sign_in;
mod signed_requests;
mod site;
mod source_calls;
mod source_reports;
mod source_safety;
mod sources;
mod standing_questions;
mod tasks;
mod test_app;
mod traces;
mod uploads;
mod webhooks;
