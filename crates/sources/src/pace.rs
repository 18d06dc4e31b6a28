//! How slow an answer may come. A server that says one byte before each time-out would otherwise be read for weeks.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use crate::Watch;

/// Bounds of slowness. Only time counts that was spent waiting for the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// In each such time a long answer (a pack of git) brings at least `bytes`. A server that counts its objects sends little
    /// but signs of life for some minutes.
    pub window: Duration,
    pub bytes: u64,
    /// And it ends within this time.
    pub longest: Duration,
    /// What one request to a site takes on average, and for each 16 KiB of its answer a second more …
    pub answer: Duration,
    /// … and so much may all requests of a sync be late together.
    pub late: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(300),
            bytes: 64 << 10,
            longest: Duration::from_secs(6 * 3_600),
            answer: Duration::from_secs(10),
            late: Duration::from_secs(600),
        }
    }
}

/// Bytes that take a second.
const SECOND_OF_BYTES: u64 = 16 << 10;

/// Why reading was ended from this side.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("it sends less than {} bytes in {} s", .0.bytes, .0.window.as_secs_f32())]
    TooSlow(Pace),
    #[error("it takes longer than {} s", .0.longest.as_secs_f32())]
    TooLong(Pace),
    #[error("stopped on request")]
    Stopped,
}

impl Ended {
    /// What [`Paced`] ended a read with, if it did.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// Reads as long as somebody wants it and it comes fast enough. The watch is asked before each read, which itself ends when
/// nothing comes for as long as the client allows.
pub(crate) struct Paced<'a, R> {
    reader: R,
    watch: &'a dyn Watch,
    pace: Pace,
    waited: Duration,
    /// Of the window that runs.
    since: Duration,
    bytes: u64,
}

impl<R> fmt::Debug for Paced<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced")
            .field("waited", &self.waited)
            .finish_non_exhaustive()
    }
}

impl<'a, R: Read> Paced<'a, R> {
    pub(crate) fn new(reader: R, watch: &'a dyn Watch, pace: Pace) -> Self {
        Self {
            reader,
            watch,
            pace,
            waited: Duration::ZERO,
            since: Duration::ZERO,
            bytes: 0,
        }
    }

    fn check(&mut self) -> Result<(), Ended> {
        if self.watch.is_stopped() {
            return Err(Ended::Stopped);
        }
        if self.waited > self.pace.longest {
            return Err(Ended::TooLong(self.pace));
        }
        if self.waited.saturating_sub(self.since) >= self.pace.window {
            if self.bytes < self.pace.bytes {
                return Err(Ended::TooSlow(self.pace));
            }
            (self.since, self.bytes) = (self.waited, 0);
        }
        Ok(())
    }
}

impl<R: Read> Read for Paced<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check().map_err(io::Error::other)?;
        let begun = Instant::now();
        let read = self.reader.read(buffer);
        self.waited += begun.elapsed();
        self.bytes += *read.as_ref().unwrap_or(&0) as u64;
        read
    }
}

/// How late the answers of one site are together.
#[derive(Debug, Default)]
pub(crate) struct Lateness(Cell<Duration>);

impl Lateness {
    /// Notes a request that took `time` and brought `bytes`; `true` once it is too much.
    pub(crate) fn note(&self, pace: Pace, time: Duration, bytes: u64) -> bool {
        let allowed = pace.answer + Duration::from_secs(bytes / SECOND_OF_BYTES);
        let late = (self.0.get() + time).saturating_sub(allowed);
        self.0.set(late);
        late > pace.late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Free;

    impl Watch for Free {
        fn total(&self, _: u64) {}
        fn waits_for(&self, _: Option<&str>) {}
        fn is_stopped(&self) -> bool {
            false
        }
    }

    /// Gives a byte each 20 ms.
    struct Trickle;

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(20));
            buffer.iter_mut().take(1).for_each(|byte| *byte = b'a');
            Ok(1)
        }
    }

    fn ended(pace: Pace) -> String {
        let mut bytes = [0; 1_000];
        let error = Paced::new(Trickle, &Free, pace)
            .read_exact(&mut bytes)
            .unwrap_err();
        Ended::of(&error).unwrap().to_string()
    }

    #[test]
    fn a_trickle_is_not_read_to_its_end() {
        let quick = Pace {
            window: Duration::from_millis(200),
            bytes: 1_000,
            ..Pace::default()
        };
        assert!(ended(quick).contains("less than 1000 bytes"));
        let short = Pace {
            longest: Duration::from_millis(200),
            ..Pace::default()
        };
        assert!(ended(short).contains("longer than"));
    }

    #[test]
    fn many_slow_answers_are_late_together_and_large_ones_may_take_their_time() {
        let pace = Pace::default();
        let minute = Duration::from_secs(60);
        let late = Lateness::default();
        let answers = (1..).find(|_| late.note(pace, minute, 100)).unwrap();
        assert_eq!(answers, 13);
        let large = Lateness::default();
        assert!((0..1_000).all(|_| !large.note(pace, minute, 1 << 20)));
        let quick = Lateness::default();
        assert!((0..20_000).all(|_| !quick.note(pace, Duration::from_secs(9), 0)));
    }
}
