//! The reader's side: what runs in the process that may die.

use std::io::{self, BufReader, Read, Write};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::wire::{self, Answer, Ask};
use crate::extract::extract_with;
use crate::limits::Limits;
use crate::syntax;

/// Reads documents, and the syntax of code, for a parent process until it closes `input`. To be called by a process that
/// does nothing else: it bounds its memory by [`Limits::child_memory_bytes`] first, for good, and keeps panics from being
/// printed.
///
/// All other limits come with each request.
pub fn serve_child(limits: Limits, input: impl Read, mut output: impl Write) -> io::Result<()> {
    bound_memory(limits.child_memory_bytes)?;
    std::panic::set_hook(Box::new(|_| {}));
    let mut input = BufReader::new(input);
    while let Some((head, bytes)) = wire::read_request(&mut input)? {
        let mut lost = Ok(());
        let mut beat = || {
            if lost.is_ok() {
                lost = output.write_all(&[wire::BEAT]).and_then(|()| output.flush());
            }
        };
        let answer = match head.ask {
            Ask::Document { path } => match extract_with(&path, &bytes, &head.limits, &mut beat) {
                Ok(extracted) => Answer::Extracted(extracted),
                Err((code, why)) => Answer::Refused(code, why),
            },
            Ask::Syntax { language } => {
                let text = std::str::from_utf8(&bytes).map_err(io::Error::other)?;
                Answer::Syntax(syntax::of(text, language))
            }
        };
        drop(bytes);
        lost?;
        wire::write_answer(&mut output, &answer)?;
    }
    Ok(())
}

/// Data beyond what there is now. Where the system does not tell or not obey, time is still bounded.
fn bound_memory(more: u64) -> io::Result<()> {
    let bound = |resource, soft: u64| {
        let maximum = getrlimit(resource).maximum;
        let current = Some(maximum.map_or(soft, |maximum| maximum.min(soft)));
        setrlimit(
            resource,
            Rlimit {
                current,
                maximum: current,
            },
        )
    };
    // A process that dies of a document need not leave its memory on the disk.
    bound(Resource::Core, 0)?;
    bound(Resource::Data, data_now().saturating_add(more))?;
    Ok(())
}

/// What counts against the limit already (`VmData` of proc(5)).
fn data_now() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default().saturating_mul(1_024)
}
