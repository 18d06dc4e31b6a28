//! The provider's allowance, kept by waiting: requests and tokens a minute, questions before passages.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Mutex, watch};

use super::Caller;

/// So much of a minute's allowance may be used at once. Providers count in shorter steps than a minute.
const BURST_SHARE: u32 = 10;

#[derive(Debug)]
pub(super) struct Allowance {
    buckets: Vec<Bucket>,
    /// Questions that wait for a place: passages let them pass.
    questions: watch::Sender<usize>,
    /// One call of an ingestion waits at the buckets, the others behind it.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct Bucket {
    limiter: DefaultDirectRateLimiter,
    burst: u32,
    counts: Counts,
    clock: DefaultClock,
}

#[derive(Clone, Copy, Debug)]
enum Counts {
    Requests,
    Tokens,
}

impl Allowance {
    /// A limit of 0 is none.
    pub(super) fn new(requests_per_minute: u32, tokens_per_minute: u32) -> Self {
        let limits = [
            (Counts::Tokens, tokens_per_minute),
            (Counts::Requests, requests_per_minute),
        ];
        let buckets = limits
            .into_iter()
            .filter_map(|(counts, limit)| Some(Bucket::new(counts, NonZeroU32::new(limit)?)))
            .collect();
        Self {
            buckets,
            questions: watch::Sender::new(0),
            turn: Mutex::new(()),
        }
    }

    /// Waits until a call of so many tokens is allowed.
    pub(super) async fn take(&self, caller: Caller, tokens: usize) {
        match caller {
            Caller::Question => {
                let _waiting = Waiting::new(&self.questions);
                for bucket in &self.buckets {
                    while let Err(wait) = bucket.take(tokens) {
                        tokio::time::sleep(wait).await;
                    }
                }
            }
            Caller::Ingestion => {
                let _turn = self.turn.lock().await;
                for bucket in &self.buckets {
                    self.take_after_questions(bucket, tokens).await;
                }
            }
        }
    }

    async fn take_after_questions(&self, bucket: &Bucket, tokens: usize) {
        let mut questions = self.questions.subscribe();
        loop {
            // The sender is ours, so this does not fail.
            drop(questions.wait_for(|waiting| *waiting == 0).await);
            match bucket.take(tokens) {
                Ok(()) => return,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }
}

impl Bucket {
    fn new(counts: Counts, per_minute: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(per_minute.get() / BURST_SHARE).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(per_minute).allow_burst(burst);
        Self {
            limiter: RateLimiter::direct(quota),
            burst: burst.get(),
            counts,
            clock: DefaultClock::default(),
        }
    }

    /// Takes what the call counts, or says how long it is until it could. A call above the burst takes the whole of it.
    fn take(&self, tokens: usize) -> Result<(), Duration> {
        let cells = match self.counts {
            Counts::Requests => 1,
            Counts::Tokens => u32::try_from(tokens).unwrap_or(u32::MAX).clamp(1, self.burst),
        };
        let cells = NonZeroU32::new(cells).unwrap_or(NonZeroU32::MIN);
        match self.limiter.check_n(cells) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(not_until.wait_time_from(self.clock.now())),
            // Not above the burst, so it fits.
            Err(_) => Ok(()),
        }
    }
}

/// A question that waits, as long as this lives.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(questions: &'a watch::Sender<usize>) -> Self {
        questions.send_modify(|waiting| *waiting += 1);
        Self(questions)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn without_limits_nobody_waits() {
        let allowance = Allowance::new(0, 0);
        let started = Instant::now();
        for _ in 0..1_000 {
            allowance.take(Caller::Ingestion, 1_000_000).await;
        }
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn calls_come_at_the_pace_of_the_allowance() {
        // Ten a second, and no more than 60 at once.
        let allowance = Allowance::new(600, 0);
        let started = Instant::now();
        for _ in 0..63 {
            allowance.take(Caller::Ingestion, 1).await;
        }
        assert!(
            started.elapsed() >= Duration::from_millis(250),
            "{:?}",
            started.elapsed()
        );
        // A call above the whole burst of tokens takes the burst and does not wait for ever; a thousand come back a second.
        let tokens = Allowance::new(0, 60_000);
        tokens.take(Caller::Ingestion, 1_000_000).await;
        let started = Instant::now();
        tokens.take(Caller::Ingestion, 200).await;
        assert!(
            started.elapsed() >= Duration::from_millis(150),
            "{:?}",
            started.elapsed()
        );
    }

    #[tokio::test]
    async fn a_question_passes_the_passages_that_wait() {
        let allowance = Arc::new(Allowance::new(600, 0));
        let earlier_question = Waiting::new(&allowance.questions);
        let passage = tokio::spawn({
            let allowance = Arc::clone(&allowance);
            async move { allowance.take(Caller::Ingestion, 1).await }
        });
        while allowance.turn.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        allowance.take(Caller::Question, 1).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!passage.is_finished(), "there is room, but a question waits");
        drop(earlier_question);
        passage.await.unwrap();
    }
}
