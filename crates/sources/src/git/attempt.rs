//! Trying again: a host that is busy or breaks off is waited for, as long as patience lasts.

use std::time::{Duration, Instant};

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::{Settings, SourceError, Watch};

/// The first wait where the host does not say how long; each further one is four times as long. What breaks off in the
/// middle of a transfer is so fetched four times within the default patience, not forty.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const WAIT_GROWS: u32 = 4;
/// How often the watch is asked during a wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(super) enum Setback {
    /// Worth another try.
    Passing {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// What came is no good. Worth another try, without what is there already.
    Damaged(String),
    Final(SourceError),
}

impl Setback {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self::Passing {
            reason: reason.into(),
            retry_after: None,
        }
    }
}

impl From<SourceError> for Setback {
    fn from(error: SourceError) -> Self {
        Self::Final(error)
    }
}

impl From<std::io::Error> for Setback {
    fn from(error: std::io::Error) -> Self {
        Self::Final(error.into())
    }
}

/// What is left of the patience of one sync.
pub(super) struct Patience<'a> {
    left: Duration,
    next: Duration,
    watch: &'a dyn Watch,
}

impl<'a> Patience<'a> {
    pub(super) fn new(settings: &Settings, watch: &'a dyn Watch) -> Self {
        Self {
            left: settings.patience,
            next: FIRST_WAIT,
            watch,
        }
    }

    /// Tries until it succeeds, fails for good, or patience ends.
    pub(super) fn run<T>(
        &mut self,
        mut attempt: impl FnMut() -> Result<T, Setback>,
    ) -> Result<T, SourceError> {
        loop {
            if self.watch.is_stopped() {
                return Err(SourceError::Stopped);
            }
            match attempt() {
                Ok(done) => return Ok(done),
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Damaged(reason)) => self.wait(reason, None)?,
                Err(Setback::Passing { reason, retry_after }) => self.wait(reason, retry_after)?,
            }
        }
    }

    fn wait(&mut self, reason: String, retry_after: Option<Duration>) -> Result<(), SourceError> {
        // Never less than our own wait: a host that always says "at once" would be asked for ever.
        let wait = retry_after.map_or(self.next, |told| told.max(self.next));
        let Some(left) = self.left.checked_sub(wait) else {
            return Err(SourceError::Away { reason, retry_after });
        };
        self.left = left;
        self.next = self.next.saturating_mul(WAIT_GROWS);
        tracing::debug!(%reason, ?wait, "a git host is waited for");
        self.watch.waits_for(Some(&reason));
        let begun = Instant::now();
        let mut is_stopped = self.watch.is_stopped();
        while !is_stopped && begun.elapsed() < wait {
            std::thread::sleep(LOOK_EVERY.min(wait.saturating_sub(begun.elapsed())));
            is_stopped = self.watch.is_stopped();
        }
        self.watch.waits_for(None);
        if is_stopped {
            return Err(SourceError::Stopped);
        }
        Ok(())
    }
}

/// `Retry-After`: seconds, or a date, which is read by the host's own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let told = text(RETRY_AFTER)?;
    if let Ok(seconds) = told.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = DateTime::parse_from_rfc2822(told).ok()?;
    let now = DateTime::parse_from_rfc2822(text(DATE)?).ok()?;
    Some((then - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_wait_is_read_in_both_forms() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:30 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None, "no date to compare with");
        headers.insert(DATE, "Wed, 21 Oct 2015 07:28:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
    }
}
