//! Bots.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

use super::updates::Pending;
use super::{ChatKey, Webhook};
use crate::limits::Meter;

/// A press of a button.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    pub(crate) at: Instant,
    /// What the bot has said to it: a text, and whether as an alert.
    pub(crate) answer: Option<(String, bool)>,
}

#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) id: i64,
    pub(crate) username: String,
    /// Updates that it has not confirmed, by their ids.
    pub(crate) pending: BTreeMap<i64, Pending>,
    pub(crate) last_update: i64,
    /// Kinds of updates that it wants, if it has said so.
    pub(crate) allowed: Option<HashSet<String>>,
    /// The number of the newest `getUpdates`.
    pub(crate) poll: u64,
    pub(crate) webhook: Option<Webhook>,
    /// How many webhooks it has had.
    pub(crate) webhooks: u64,
    /// By scope and language.
    pub(crate) commands: BTreeMap<(String, String), Value>,
    pub(crate) callbacks: HashMap<String, Callback>,
    pub(crate) meter: Meter,
    /// When it may call again for a chat, after a 429.
    pub(crate) quiet: HashMap<ChatKey, Instant>,
    /// People whom it has seen, and could write to if they had opened a chat.
    pub(crate) acquainted: HashSet<i64>,
}

impl Bot {
    pub(crate) fn new(id: i64, username: &str) -> Self {
        Self {
            id,
            username: username.to_owned(),
            pending: BTreeMap::new(),
            // Telegram begins anywhere.
            last_update: 700_000_000,
            allowed: None,
            poll: 0,
            webhook: None,
            webhooks: 0,
            commands: BTreeMap::new(),
            callbacks: HashMap::new(),
            meter: Meter::default(),
            quiet: HashMap::new(),
            acquainted: HashSet::new(),
        }
    }
}
