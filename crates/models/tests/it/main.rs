//! Chat models at a scripted server, and the embedder on a real model: the one that `make models` installed. Where there
//! is none, the tests of the embedder say so and pass, unless `CI` is set.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod api;
mod chat;
mod hub;
mod meaning;
mod refusals;
mod reranker;
mod support;
mod throughput;
