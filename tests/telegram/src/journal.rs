//! What happened: every call of a bot and every call of a webhook, in the order of their ends.

use std::time::Duration;

use crate::trouble::TroubleKind;

#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it began, since the server's start.
    pub at: Duration,
    /// Until the reply was ready.
    pub took: Duration,
    pub bot: i64,
    /// As in Telegram's documentation; `download` for a file, `webhook` for an update that was brought to the bot.
    pub method: String,
    pub chat: Option<i64>,
    /// The message that was made, or that it was about.
    pub message: Option<i64>,
    /// What the call came to, whether or not the bot heard of it; absent if it was not carried out and had no reply.
    pub status: Option<u16>,
    /// Why it was refused.
    pub description: Option<String>,
    pub trouble: Option<TroubleKind>,
}

impl Entry {
    /// Whether it did what it was asked for, even if the bot never heard of it.
    pub fn is_done(&self) -> bool {
        self.status == Some(200)
    }
}

/// Sums that are cheap to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub calls: u64,
    /// Messages that bots have sent.
    pub sent: u64,
    /// Messages that bots have edited, each time.
    pub edited: u64,
    /// Messages that bots have deleted.
    pub deleted: u64,
    /// 429 because of [`Limits`](crate::Limits).
    pub limited: u64,
    /// Calls that got into trouble.
    pub troubled: u64,
    /// Calls for a chat that came before its `retry_after` was over.
    pub too_soon: u64,
    pub updates_made: u64,
    /// Updates that a bot has confirmed by an offset, or taken by a webhook.
    pub updates_confirmed: u64,
}
