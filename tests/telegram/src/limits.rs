//! How much a bot may send (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>). Telegram
//! says numbers and not how it counts; here no window of time may hold more calls than its number.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::world::ChatKey;

/// A bot counts when it sends, Telegram when it hears of it; calls that come together by so much are forgiven.
const JITTER: Duration = Duration::from_millis(50);

/// At most so many calls within any window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub calls: u32,
    pub window: Duration,
    /// Whether edits count like messages.
    pub edits: bool,
}

/// What is `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub per_chat: Option<Limit>,
    /// For groups and channels, besides `per_chat`.
    pub per_group: Option<Limit>,
    pub overall: Option<Limit>,
}

impl Limits {
    pub const fn none() -> Self {
        Self {
            per_chat: None,
            per_group: None,
            overall: None,
        }
    }
}

impl Default for Limits {
    /// One message a second per chat with bursts of three, 20 a minute per group, 30 a second overall.
    fn default() -> Self {
        let limit = |calls, seconds, edits| Limit {
            calls,
            window: Duration::from_secs(seconds),
            edits,
        };
        Self {
            per_chat: Some(limit(3, 3, false)),
            per_group: Some(limit(20, 60, true)),
            overall: Some(limit(30, 1, true)),
        }
    }
}

/// A call that counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spending {
    pub(crate) chat: ChatKey,
    pub(crate) is_edit: bool,
    pub(crate) at: Instant,
}

/// What one bot has spent.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    overall: Window,
    chats: HashMap<ChatKey, (Window, Window)>,
}

impl Meter {
    /// Counts the call, or tells how long to wait; what is refused does not count.
    pub(crate) fn spend(&mut self, limits: &Limits, spending: Spending) -> Result<(), Duration> {
        let (chat, group) = self.chats.entry(spending.chat).or_default();
        let per_group = limits
            .per_group
            .filter(|_| !matches!(spending.chat, ChatKey::Private { .. }));
        let mut windows = [
            (limits.per_chat, chat),
            (per_group, group),
            (limits.overall, &mut self.overall),
        ];
        let counts = |limit: &Option<Limit>| limit.filter(|limit| limit.edits || !spending.is_edit);
        let wait = windows
            .iter_mut()
            .filter_map(|(limit, window)| counts(limit)?.wait(window, spending.at))
            .max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        for (limit, window) in windows {
            if counts(&limit).is_some() {
                window.calls.push_back(spending.at);
            }
        }
        Ok(())
    }
}

/// The calls that may still count, oldest first.
#[derive(Debug, Default)]
struct Window {
    calls: VecDeque<Instant>,
}

impl Limit {
    /// How long until there is room, if there is none now.
    fn wait(self, window: &mut Window, now: Instant) -> Option<Duration> {
        let length = self.window.saturating_sub(JITTER);
        while window
            .calls
            .front()
            .is_some_and(|call| now.saturating_duration_since(*call) >= length)
        {
            window.calls.pop_front();
        }
        let room = usize::try_from(self.calls).is_ok_and(|calls| window.calls.len() < calls);
        match window.calls.front() {
            Some(oldest) if !room => Some(length.saturating_sub(now.saturating_duration_since(*oldest))),
            None if !room => Some(self.window),
            _ => None,
        }
    }
}
