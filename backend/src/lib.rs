//! The Nexus backend: the only place where adapters are put together.
//!
//! `http` speaks the contract, `service` holds the use cases, `worker` does what takes long, `app` builds them all from
//! the settings, `cli` is the command line. A library so that tests can build the real application.

#![allow(
    unreachable_pub,
    reason = "an application: what a private module calls `pub` is for its siblings"
)]

pub mod app;
mod chat;
pub mod cli;
pub mod config;
mod embedding;
mod error_chain;
pub mod http;
mod index;
pub mod log;
mod metrics;
mod private_file;
mod reranking;
pub mod role;
pub mod serve;
pub mod service;
pub mod state;
pub mod uploads;
pub mod worker;
