//! At most so many calls in any stretch of time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Remembers the calls of one period. Exact where a bucket of tokens would let twice as many pass around a pause.
#[derive(Debug)]
pub(super) struct Window {
    limit: usize,
    period: Duration,
    calls: VecDeque<Instant>,
}

impl Window {
    pub(super) fn new(limit: u32, period: Duration) -> Self {
        Self {
            limit: limit.max(1) as usize,
            period,
            calls: VecDeque::new(),
        }
    }

    /// From when on another call may be made; `None`: now.
    pub(super) fn free_at(&self, now: Instant) -> Option<Instant> {
        self.below(self.limit, now)
    }

    /// The same for those who leave so many of `of` parts to others.
    pub(super) fn spare_at(&self, parts: usize, of: usize, now: Instant) -> Option<Instant> {
        let left = self.limit * parts / of;
        self.below((self.limit - left).max(1), now)
    }

    fn below(&self, limit: usize, now: Instant) -> Option<Instant> {
        let nth = self.calls.len().checked_sub(limit)?;
        let at = *self.calls.get(nth)? + self.period;
        (at > now).then_some(at)
    }

    pub(super) fn take(&mut self, now: Instant) {
        if self.calls.len() >= self.limit {
            self.calls.pop_front();
        }
        self.calls.push_back(now);
    }

    /// Whether it remembers nothing that matters.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.calls.back().is_none_or(|last| *last + self.period <= now)
    }
}
