//! Reading one file within its bounds, and what a broken stream means.

use std::io::{self, ErrorKind, Read};

use nexus_domain::ProblemCode;

use super::meter::{Exceeded, within_ratio};
use crate::limits::Limits;

/// Why a file's bytes were not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// This file is left out.
    File(ProblemCode, String),
    /// The nested archive that holds it ends here.
    Container(ProblemCode, String),
    /// The whole upload ends here.
    Upload(ProblemCode, String),
}

impl Refusal {
    /// What a failed read says.
    pub(super) fn of(error: &io::Error) -> Self {
        let exceeded = error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>());
        exceeded.map_or_else(
            || {
                let (code, why) = broken(error);
                Self::File(code, why)
            },
            |exceeded| exceeded.clone().into(),
        )
    }
}

impl From<Exceeded> for Refusal {
    fn from(Exceeded { code, why, whole }: Exceeded) -> Self {
        match whole {
            true => Self::Upload(code, why),
            false => Self::Container(code, why),
        }
    }
}

/// Sizes as the container declares them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    /// 0 where only reading tells (a compressed stream).
    pub(super) unpacked: u64,
    /// `None` where files are not packed one by one (tar).
    pub(super) packed: Option<u64>,
}

/// The first bytes of a stream, enough to tell what it is.
pub(super) fn head(from: &mut dyn Read, size: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    from.take(size).read_to_end(&mut head)?;
    Ok(head)
}

/// Reads one file, whose `bytes` so far are given, to its end. A stream that ends early is the caller's to judge: only
/// containers know.
pub(super) fn read_file(
    limits: &Limits,
    mut bytes: Vec<u8>,
    from: &mut dyn Read,
    declared: Declared,
) -> Result<Vec<u8>, Refusal> {
    const STEP: u64 = 64 << 10;
    if declared.unpacked > limits.file_bytes {
        return Err(too_large(limits, declared.unpacked));
    }
    let mut fresh = bytes.len();
    while fresh > 0 {
        let len = bytes.len() as u64;
        if len > limits.file_bytes {
            return Err(too_large(limits, len));
        }
        if let Some(packed) = declared.packed {
            within_ratio(limits, len, packed).map_err(|over| Refusal::File(over.code, over.why))?;
        }
        let read = from.take(STEP).read_to_end(&mut bytes);
        fresh = read.map_err(|error| Refusal::of(&error))?;
    }
    bytes.shrink_to_fit();
    Ok(bytes)
}

fn too_large(limits: &Limits, size: u64) -> Refusal {
    let why = format!(
        "{size} bytes or more, {} are allowed for one file",
        limits.file_bytes
    );
    Refusal::File(ProblemCode::TooLarge, why)
}

/// What a failed read of unpacked data says about the container.
pub(super) fn broken(error: &io::Error) -> (ProblemCode, String) {
    let text = error.to_string();
    // The tar library tells an early end only by its text, and zstd a window that is too large.
    let early =
        error.kind() == ErrorKind::UnexpectedEof || text.contains("EOF") || text.contains("entire block");
    let memory = error.kind() == ErrorKind::OutOfMemory || text.contains("too much memory");
    let code = match (early, memory) {
        (true, _) => ProblemCode::Truncated,
        (_, true) => ProblemCode::MemoryLimit,
        _ => ProblemCode::Corrupt,
    };
    (code, format!("The data cannot be unpacked: {text}"))
}
