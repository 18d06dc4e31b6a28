//! Risky formats, and the syntax of code, are read in a process of their own. It may panic, run out of memory or of time, or
//! write nonsense: a document that did it gets a problem, code goes without its syntax, and the next one gets another
//! process.
//!
//! The protocol is blocking frames over stdin and stdout (`wire`). Who starts the process, and as which program, is the
//! caller's business.

mod readers;
mod serve;
mod wire;

use nexus_domain::{Problem, ProblemCode};

use crate::extract::{self, Extracted};
use crate::limits::Limits;
pub use readers::Readers;
use readers::Unread;
pub use serve::serve_child;

/// Whether these bytes should be read in a process of their own.
pub fn is_risky(path: &str, bytes: &[u8]) -> bool {
    extract::is_risky(path, bytes)
}

/// [`extract`](crate::extract()), with risky formats and the syntax of code read by a child process.
///
/// Problems beyond those of [`extract`](crate::extract()): `TimedOut`, `MemoryLimit`, `ReaderCrashed`. A grammar that breaks
/// down is none: that code comes without its syntax, and says why ([`Extracted::unparsed`]).
pub fn extract_guarded(
    readers: &Readers,
    path: &str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Extracted, Problem> {
    let is_allowed = bytes.len() as u64 <= limits.file_bytes;
    let mut extracted = if is_allowed && is_risky(path, bytes) {
        readers.extract(path, bytes, limits)?
    } else {
        extract::extract_with(path, bytes, limits, &mut || {})
            .map_err(|(code, why)| Problem::of_file(path, code, why))?
    };
    let Some(language) = extracted.language else {
        return Ok(extracted);
    };
    match readers.syntax(&extracted.text, language, limits) {
        Ok(syntax) => extracted.syntax = syntax,
        Err(Unread::Broken((_, why))) => extracted.unparsed = Some(why),
        Err(Unread::NotStarted(why)) => {
            return Err(Problem::of_file(path, ProblemCode::ReaderCrashed, why));
        }
    }
    Ok(extracted)
}
