//! Reading within bounds: how much, how fast it grows, and what a broken stream means. Declared sizes are never believed.

use std::io::{self, ErrorKind, Read};

use nexus_domain::ProblemCode;

use super::sniff;
use crate::limits::Limits;

/// Why a file's bytes were not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// This file is left out.
    File(ProblemCode, String),
    /// The whole upload ends here.
    Upload(ProblemCode, String),
}

/// Sizes as the container declares them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) unpacked: u64,
    /// `None` where files are not packed one by one (tar).
    pub(super) packed: Option<u64>,
}

/// What was unpacked so far, of an upload of `packed` bytes.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    packed: u64,
    unpacked: u64,
}

impl Meter {
    pub(super) fn new(limits: &Limits, packed: u64) -> Self {
        Self {
            limits: *limits,
            packed,
            unpacked: 0,
        }
    }

    /// Counts bytes that came out, and refuses what is too much of them.
    fn add(&mut self, bytes: u64) -> Result<(), (ProblemCode, String)> {
        self.unpacked = self.unpacked.saturating_add(bytes);
        if self.unpacked > self.limits.unpacked_bytes {
            let why = format!("More than {} bytes unpacked", self.limits.unpacked_bytes);
            return Err((ProblemCode::TooLarge, why));
        }
        if self.suspicious(self.unpacked, self.packed) {
            let why = format!("{} bytes became more than {}", self.packed, self.unpacked);
            return Err((ProblemCode::SuspiciousRatio, why));
        }
        Ok(())
    }

    fn suspicious(&self, unpacked: u64, packed: u64) -> bool {
        unpacked > self.limits.ratio_floor_bytes && unpacked / self.limits.ratio.max(1) > packed
    }

    /// Reads one file to its end. A stream that ends early is the caller's to judge: only containers know.
    pub(super) fn read(
        &mut self,
        name: &str,
        mut from: impl Read,
        declared: Declared,
    ) -> Result<Vec<u8>, Refusal> {
        const STEP: u64 = 64 << 10;
        let mut bytes = Vec::new();
        read_up_to(&mut from, &mut bytes, 512)?;
        if let Some(format) = nested(name, &bytes) {
            let why = format!("A {format} archive inside the archive is not opened");
            return Err(Refusal::File(ProblemCode::NestedArchive, why));
        }
        if declared.unpacked > self.limits.file_bytes {
            return Err(self.too_large(declared.unpacked));
        }
        let mut fresh = bytes.len();
        while fresh > 0 {
            self.add(fresh as u64)
                .map_err(|(code, why)| Refusal::Upload(code, why))?;
            let len = bytes.len() as u64;
            if len > self.limits.file_bytes {
                return Err(self.too_large(len));
            }
            if declared.packed.is_some_and(|packed| self.suspicious(len, packed)) {
                let why = format!(
                    "{} bytes became more than {len}",
                    declared.packed.unwrap_or_default()
                );
                return Err(Refusal::File(ProblemCode::SuspiciousRatio, why));
            }
            fresh = read_up_to(&mut from, &mut bytes, STEP)?;
        }
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    fn too_large(&self, size: u64) -> Refusal {
        let why = format!(
            "{size} bytes or more, {} are allowed for one file",
            self.limits.file_bytes
        );
        Refusal::File(ProblemCode::TooLarge, why)
    }
}

fn read_up_to(from: &mut impl Read, bytes: &mut Vec<u8>, limit: u64) -> Result<usize, Refusal> {
    from.take(limit).read_to_end(bytes).map_err(|error| {
        let (code, why) = broken(&error);
        Refusal::File(code, why)
    })
}

fn nested(name: &str, head: &[u8]) -> Option<&'static str> {
    match sniff::archive_magic(head) {
        Some("zip") if sniff::is_zip_document(name) => None,
        Some(format) => Some(format),
        None => sniff::is_tar_header(head).then_some("tar"),
    }
}

/// What a failed read of unpacked data says about the container.
pub(super) fn broken(error: &io::Error) -> (ProblemCode, String) {
    if let Some(exceeded) = error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>()) {
        return (exceeded.code, exceeded.why.clone());
    }
    let text = error.to_string();
    // The tar library tells an early end only by its text.
    let early =
        error.kind() == ErrorKind::UnexpectedEof || text.contains("EOF") || text.contains("entire block");
    let memory = text.contains("too much memory");
    let code = match (early, memory) {
        (true, _) => ProblemCode::Truncated,
        (_, true) => ProblemCode::UnsupportedCompression,
        _ => ProblemCode::Corrupt,
    };
    (code, format!("The data cannot be unpacked: {text}"))
}

/// A bound that was hit inside of a reader.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct Exceeded {
    code: ProblemCode,
    why: String,
}

/// A stream whose whole output is metered: headers and skipped files count like any other byte.
#[derive(Debug)]
pub(super) struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R> Metered<R> {
    pub(super) fn new(inner: R, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.meter.add(count as u64) {
            Ok(()) => Ok(count),
            Err((code, why)) => Err(io::Error::other(Exceeded { code, why })),
        }
    }
}
