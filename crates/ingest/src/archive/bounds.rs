//! Reading within bounds: how much, how fast it grows, and what a broken stream means. Declared sizes are never believed.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use nexus_domain::ProblemCode;

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
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>()) {
            Some(Exceeded {
                code,
                why,
                whole: true,
            }) => Self::Upload(*code, why.clone()),
            Some(Exceeded {
                code,
                why,
                whole: false,
            }) => Self::Container(*code, why.clone()),
            None => {
                let (code, why) = broken(error);
                Self::File(code, why)
            }
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

/// What was unpacked so far of an upload. Clones count together: whatever layer bytes come out of, they count once.
#[derive(Clone, Debug)]
pub(super) struct Meter(Rc<Counters>);

#[derive(Debug)]
struct Counters {
    limits: Limits,
    packed: u64,
    unpacked: Cell<u64>,
    nested: Cell<Option<Nested>>,
}

/// The nested archive that is open.
#[derive(Clone, Copy, Debug)]
struct Nested {
    packed: u64,
    /// What was unpacked before it.
    before: u64,
}

impl Meter {
    pub(super) fn new(limits: &Limits, packed: u64) -> Self {
        Self(Rc::new(Counters {
            limits: *limits,
            packed,
            unpacked: Cell::new(0),
            nested: Cell::new(None),
        }))
    }

    /// From here on bytes are those of a nested archive, too, which takes `packed` bytes in the outer one.
    pub(super) fn enter(&self, packed: u64) {
        let before = self.0.unpacked.get();
        self.0.nested.set(Some(Nested { packed, before }));
    }

    pub(super) fn leave(&self) {
        self.0.nested.set(None);
    }

    /// Counts bytes that came out, and refuses what is too much of them.
    fn add(&self, bytes: u64) -> Result<(), Exceeded> {
        let (limits, packed) = (&self.0.limits, self.0.packed);
        let unpacked = self.0.unpacked.get().saturating_add(bytes);
        self.0.unpacked.set(unpacked);
        if unpacked > limits.unpacked_bytes {
            return Err(Exceeded {
                code: ProblemCode::TooLarge,
                why: format!("More than {} bytes unpacked", limits.unpacked_bytes),
                whole: true,
            });
        }
        if suspicious(limits, unpacked, packed) {
            return Err(Exceeded::ratio(packed, unpacked, true));
        }
        match self.0.nested.get() {
            Some(nested) if suspicious(limits, unpacked - nested.before, nested.packed) => {
                Err(Exceeded::ratio(nested.packed, unpacked - nested.before, false))
            }
            _ => Ok(()),
        }
    }
}

fn suspicious(limits: &Limits, unpacked: u64, packed: u64) -> bool {
    unpacked > limits.ratio_floor_bytes && unpacked / limits.ratio.max(1) > packed
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
        if let Some(packed) = declared.packed
            && suspicious(limits, len, packed)
        {
            let Exceeded { code, why, .. } = Exceeded::ratio(packed, len, false);
            return Err(Refusal::File(code, why));
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

/// A bound that was hit inside of a reader.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct Exceeded {
    code: ProblemCode,
    why: String,
    /// Of the upload, not only of the nested archive.
    whole: bool,
}

impl Exceeded {
    fn ratio(packed: u64, unpacked: u64, whole: bool) -> Self {
        Self {
            code: ProblemCode::SuspiciousRatio,
            why: format!("{packed} bytes became more than {unpacked}"),
            whole,
        }
    }
}

/// A stream whose whole output is metered: headers and skipped files count like any other byte. It is not read again
/// behind an error: what a decoder would do then, nobody promises.
#[derive(Debug)]
pub(super) struct Metered<R> {
    inner: R,
    meter: Meter,
    failed: Option<ErrorKind>,
}

impl<R> Metered<R> {
    pub(super) const fn new(inner: R, meter: Meter) -> Self {
        Self {
            inner,
            meter,
            failed: None,
        }
    }

    pub(super) const fn inner(&self) -> &R {
        &self.inner
    }

    /// Whether the stream itself failed; a bound that was hit is no failure of it.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.failed {
            return Err(io::Error::new(kind, "the data before it is damaged"));
        }
        let read = self.inner.read(buffer);
        if let Err(error) = &read
            && error.kind() != ErrorKind::Interrupted
        {
            self.failed = Some(error.kind());
        }
        let count = read?;
        self.meter.add(count as u64).map_err(io::Error::other)?;
        Ok(count)
    }
}
