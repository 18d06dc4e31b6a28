//! Repositories, read where they lie and over HTTP.

mod changes;
mod content;
mod host;
mod mirrors;
mod refusals;
mod repository;
mod waits;
