//! Reads risky documents, and parses code, for a parent process: [`nexus_ingest::serve_child`] as a program. The backend runs
//! the same as a subcommand of its own; this one serves tests and those who use the crate alone.
//!
//! An argument sets [`Limits::child_memory_bytes`].

use std::io;
use std::process::ExitCode;

use nexus_ingest::{Limits, serve_child};

fn main() -> ExitCode {
    let mut limits = Limits::default();
    if let Some(bytes) = std::env::args().nth(1).and_then(|bytes| bytes.parse().ok()) {
        limits.child_memory_bytes = bytes;
    }
    match serve_child(limits, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // The parent is gone, or does not speak the protocol: there is nobody to tell.
        Err(_) => ExitCode::FAILURE,
    }
}
