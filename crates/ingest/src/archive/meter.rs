//! How much comes out of an upload, and how much of it is too much. Declared sizes are never believed.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use nexus_domain::ProblemCode;

use crate::limits::Limits;

/// What was unpacked so far of an upload. Clones count together.
///
/// - **All work.** Every byte that any decoder gave counts for [`Limits::unpacked_bytes`], at each layer that it came
///   through and whatever became of it. What this bound leaves of the upload is not read. It is the one that holds for any
///   number of bombs, each of which was stopped in time: together they cost no more than one large upload does.
/// - **Growth of the upload**, by [`Limits::ratio`]: of its stream (tar, 7z) all bytes, of what is packed by itself (the files
///   of a zip) those that are handed out. What was refused is no reason to refuse its neighbours. The upload ends there.
/// - **Growth of a nested archive**, against what it takes in the upload. What all of them hand out may not grow beyond what
///   the upload may grow to, either. The nested archive ends there, and what it lies in goes on.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    counters: Rc<Counters>,
    source: Source,
}

/// Where metered bytes come from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// The upload as one stream.
    Stream,
    /// Something in it that is packed by itself.
    Part,
}

#[derive(Debug)]
struct Counters {
    limits: Limits,
    packed: u64,
    /// All bytes.
    unpacked: Cell<u64>,
    /// What counts for the upload's growth.
    own: Cell<u64>,
    /// What was handed out of nested archives, where it is not in `own` anyway.
    from_nested: Cell<u64>,
    /// Bytes of parts since a file was handed out.
    of_parts: Cell<u64>,
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
        Self {
            counters: Rc::new(Counters {
                limits: *limits,
                packed,
                unpacked: Cell::new(0),
                own: Cell::new(0),
                from_nested: Cell::new(0),
                of_parts: Cell::new(0),
                nested: Cell::new(None),
            }),
            source: Source::Stream,
        }
    }

    /// For a stream that is read from here on: the upload's, or that of the nested archive that is open.
    pub(super) fn of_stream(&self) -> Self {
        match self.counters.nested.get() {
            Some(_) => self.of_part(),
            None => self.clone(),
        }
    }

    /// For a file that is packed by itself.
    pub(super) fn of_part(&self) -> Self {
        Self {
            source: Source::Part,
            ..self.clone()
        }
    }

    /// From here on bytes are those of a nested archive, too, which takes `packed` bytes in the outer one.
    pub(super) fn enter(&self, packed: u64) {
        let before = self.counters.unpacked.get();
        self.counters.nested.set(Some(Nested { packed, before }));
        self.counters.of_parts.set(0);
    }

    pub(super) fn leave(&self) {
        self.counters.nested.set(None);
        self.counters.of_parts.set(0);
    }

    /// Counts bytes that came out, and refuses what is too much of them.
    fn add(&self, bytes: u64) -> Result<(), Exceeded> {
        let counters = &*self.counters;
        let (limits, own) = (&counters.limits, &counters.own);
        let unpacked = raise(&counters.unpacked, bytes);
        match self.source {
            Source::Stream => raise(own, bytes),
            Source::Part => raise(&counters.of_parts, bytes),
        };
        if unpacked > limits.unpacked_bytes {
            return Err(Exceeded::total(limits));
        }
        if let Some(nested) = counters.nested.get() {
            within_ratio(limits, unpacked - nested.before, nested.packed).map_err(Exceeded::of_nested)?;
        }
        match self.source {
            Source::Stream => within_ratio(limits, own.get(), counters.packed),
            Source::Part => Ok(()),
        }
    }

    /// Counts a file that is about to be handed out, as far as it did not count as a part of the stream.
    pub(super) fn hand_out(&self, bytes: u64) -> Result<(), Exceeded> {
        let counters = &*self.counters;
        let fresh = counters.of_parts.take().min(bytes);
        let own = counters.own.get();
        if counters.nested.get().is_none() {
            counters.own.set(own.saturating_add(fresh));
            return within_ratio(&counters.limits, counters.own.get(), counters.packed);
        }
        let from_nested = counters.from_nested.get().saturating_add(fresh);
        within_ratio(&counters.limits, own.saturating_add(from_nested), counters.packed)
            .map_err(Exceeded::of_nested)?;
        counters.from_nested.set(from_nested);
        Ok(())
    }
}

fn raise(counter: &Cell<u64>, by: u64) -> u64 {
    counter.set(counter.get().saturating_add(by));
    counter.get()
}

/// Refuses what grew more than anything honest does.
pub(crate) fn within_ratio(limits: &Limits, unpacked: u64, packed: u64) -> Result<(), Exceeded> {
    if unpacked <= limits.ratio_floor_bytes || unpacked / limits.ratio.max(1) <= packed {
        return Ok(());
    }
    Err(Exceeded {
        code: ProblemCode::SuspiciousRatio,
        why: format!(
            "{packed} packed bytes became {unpacked} and more; {} times as much is allowed",
            limits.ratio
        ),
        whole: true,
    })
}

/// A bound that was hit.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Exceeded {
    pub(crate) code: ProblemCode,
    pub(crate) why: String,
    /// Of the upload, not only of the nested archive.
    pub(super) whole: bool,
}

impl Exceeded {
    fn total(limits: &Limits) -> Self {
        Self {
            code: ProblemCode::TooLarge,
            why: format!(
                "More than {} bytes were unpacked, which are allowed for one upload with all archives in it and all that was \
                 refused; the rest was not read",
                limits.unpacked_bytes
            ),
            whole: true,
        }
    }

    fn of_nested(self) -> Self {
        Self { whole: false, ..self }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            ratio: 10,
            ratio_floor_bytes: 100,
            unpacked_bytes: 10_000,
            ..Limits::default()
        }
    }

    #[test]
    fn a_nested_archive_that_grows_too_much_leaves_nothing_behind_but_its_work() {
        let meter = Meter::new(&limits(), 100);
        for _ in 0..9 {
            meter.enter(20);
            let inner = meter.of_stream();
            inner.add(200).unwrap();
            assert!(!inner.add(900).unwrap_err().whole);
            meter.leave();
            meter.add(10).unwrap();
            meter.hand_out(10).unwrap();
        }
        meter.enter(20);
        assert_eq!(
            meter.of_stream().add(200).unwrap_err().code,
            ProblemCode::TooLarge
        );
    }

    #[test]
    fn what_nested_archives_hand_out_may_not_grow_beyond_the_upload() {
        let meter = Meter::new(&limits(), 100);
        for _ in 0..2 {
            meter.enter(50);
            meter.of_stream().add(500).unwrap();
            meter.hand_out(500).unwrap();
            meter.leave();
        }
        meter.enter(50);
        meter.of_stream().add(11).unwrap();
        assert!(!meter.hand_out(11).unwrap_err().whole);
        meter.leave();
        meter.add(1_000).unwrap();
        assert!(meter.add(10).unwrap_err().whole, "its own growth ends the upload");
    }

    #[test]
    fn a_part_counts_for_the_upload_when_it_is_handed_out_and_no_byte_twice() {
        let meter = Meter::new(&limits(), 100);
        meter.of_part().add(5_000).unwrap();
        meter.of_part().add(10).unwrap();
        meter.hand_out(10).unwrap();
        meter.add(990).unwrap();
        meter.hand_out(990).unwrap();
        meter.of_part().add(10).unwrap();
        assert!(meter.hand_out(10).unwrap_err().whole);
    }
}
