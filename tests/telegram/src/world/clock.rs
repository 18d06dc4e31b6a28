//! The server's clock.

use std::time::{Duration, Instant, SystemTime};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    /// Unix time at the start.
    epoch: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    /// Since the start.
    pub(crate) elapsed: Duration,
    /// Unix time in seconds.
    pub(crate) unix: i64,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulated Telegram is a world of its own, whose clock the product under test must not share"
    )]
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            epoch: SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        let instant = Instant::now();
        let elapsed = instant.saturating_duration_since(self.start);
        Now {
            instant,
            elapsed,
            unix: i64::try_from((self.epoch + elapsed).as_secs()).unwrap_or(i64::MAX),
        }
    }
}
