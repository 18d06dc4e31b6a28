//! One binary for the crate's tests: a source that lives on this machine, and what a sync hands out of it.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod git;
mod support;
