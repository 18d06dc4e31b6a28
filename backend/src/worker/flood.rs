//! Tells when updates come so fast that storing them, for which Telegram waits, needs the machine for itself. Chats are taken
//! up one after the other then.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// New updates a second. Most of two processors are needed to store five times as many.
const FLOOD: u64 = 100;
/// How long they are counted before it is said again.
const WINDOW: Duration = Duration::from_millis(200);
/// How long a chat waits for the one before it, at most; divided by the number of processors. On two, fifty chats a second are
/// taken up however long each takes.
const MOST_GIVEN_WAY: Duration = Duration::from_millis(40);

/// Held while a chat is worked on that was taken up in a flood.
pub(super) type Turn = OwnedSemaphorePermit;

#[derive(Debug)]
pub(super) struct Flood {
    since: Instant,
    so_far: u64,
    is_on: bool,
    most_given_way: Duration,
    /// Whose permit the chat has that was taken up last.
    last: Arc<Semaphore>,
}

impl Flood {
    /// Begins to count: `so_far` have come.
    pub(super) fn new(so_far: u64) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            since: Instant::now(),
            so_far,
            is_on: false,
            most_given_way: MOST_GIVEN_WAY / u32::try_from(processors).unwrap_or(u32::MAX),
            last: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits, if there is a flood now that `so_far` have come, for the chat that was taken up last.
    pub(super) async fn turn(&mut self, so_far: u64) -> Option<Turn> {
        if !self.is_on(so_far, Instant::now()) {
            return None;
        }
        let before = Arc::clone(&self.last).acquire_owned();
        if let Ok(turn) = timeout(self.most_given_way, before).await {
            return turn.ok();
        }
        // That one waits for a model, or so: nobody waits for it a second time.
        self.last = Arc::new(Semaphore::new(1));
        Arc::clone(&self.last).try_acquire_owned().ok()
    }

    fn is_on(&mut self, so_far: u64, now: Instant) -> bool {
        let took = now.saturating_duration_since(self.since);
        if took >= WINDOW {
            let came = u128::from(so_far.saturating_sub(self.so_far));
            self.is_on = came * 1_000 >= u128::from(FLOOD) * took.as_millis();
            self.since = now;
            self.so_far = so_far;
        }
        self.is_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_fast_is_a_flood_until_it_ebbs() {
        let mut flood = Flood::new(7);
        let mut now = flood.since;
        assert!(!flood.is_on(1_000, now), "too soon to tell");
        now += WINDOW;
        assert!(flood.is_on(7 + 20, now));
        assert!(flood.is_on(7 + 20, now), "nothing new is known");
        now += WINDOW;
        assert!(!flood.is_on(7 + 20 + 19, now));
        now += WINDOW * 100;
        assert!(!flood.is_on(7 + 20 + 19 + 1_999, now), "a burst of long ago");
        now += WINDOW;
        assert!(flood.is_on(1 << 40, now));
    }

    #[tokio::test]
    async fn in_a_flood_a_chat_waits_for_the_one_before_it_but_not_for_long() {
        let mut flood = Flood::new(0);
        assert!(
            flood.turn(1_000).await.is_none(),
            "nobody waits where there is none"
        );
        // One that has no end: the next window is far away.
        let day = Duration::from_secs(86_400);
        (flood.is_on, flood.since, flood.most_given_way) = (true, Instant::now() + day, day);
        let quick = flood.turn(0).await.unwrap();
        let is_over = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let soon = tokio::spawn({
            let is_over = Arc::clone(&is_over);
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                is_over.store(true, std::sync::atomic::Ordering::Relaxed);
                drop(quick);
            }
        });
        let stuck = flood.turn(0).await.unwrap();
        assert!(is_over.load(std::sync::atomic::Ordering::Relaxed));
        soon.await.unwrap();
        flood.most_given_way = Duration::from_millis(1);
        let after = flood.turn(0).await.unwrap();
        // Whoever waited for the stuck one now would wait for a day.
        flood.most_given_way = day;
        drop(after);
        assert!(flood.turn(0).await.is_some());
        drop(stuck);
    }
}
