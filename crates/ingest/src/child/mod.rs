//! Risky formats are read in a process of their own. It may panic, run out of memory or of time, or write nonsense: the
//! document that did it gets a problem, the next one gets another process.
//!
//! The protocol is blocking frames over stdin and stdout (`wire`). Who starts the process, and as which program, is the
//! caller's business.

mod readers;
mod serve;
mod wire;

use nexus_domain::Problem;

use crate::extract::{self, Extracted, extract};
use crate::limits::Limits;
pub use readers::Readers;
pub use serve::serve_child;

/// Whether these bytes should be read in a process of their own.
pub fn is_risky(path: &str, bytes: &[u8]) -> bool {
    extract::is_risky(path, bytes)
}

/// [`extract`](crate::extract()), with risky formats read by a child process.
///
/// Problems beyond those of [`extract`](crate::extract()): `TimedOut`, `MemoryLimit`, `ReaderCrashed`.
pub fn extract_guarded(
    readers: &Readers,
    path: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Extracted, Problem> {
    let is_allowed = bytes.len() as u64 <= limits.file_bytes;
    if is_allowed && is_risky(path, bytes) {
        readers.extract(path, bytes, limits)
    } else {
        extract(path, bytes, limits)
    }
}
