//! What must hold for all input, and for input that was written to hurt.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod hostile;
mod laws;
