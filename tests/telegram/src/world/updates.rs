//! Updates: what a bot is told, until it has confirmed it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Bot, World};

/// Telegram tells these only to a bot that asks for them.
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) update: Value,
    /// Updates of a lane are brought to a webhook one after the other.
    pub(crate) lane: i64,
}

impl World {
    /// Puts an update into a bot's queue, if it wants this kind.
    pub(crate) fn tell(&mut self, bot: i64, kind: &str, lane: i64, update: BTreeMap<String, Value>) {
        let Some(bot) = self.bots.get_mut(&bot) else {
            return;
        };
        let is_wanted = match &bot.allowed {
            Some(allowed) => allowed.contains(kind),
            None => !ON_REQUEST.contains(&kind),
        };
        if is_wanted {
            self.counters.updates_made += 1;
            bot.push(lane, update);
        }
    }
}

impl Bot {
    fn push(&mut self, lane: i64, update: BTreeMap<String, Value>) {
        self.last_update += 1;
        let id = self.last_update;
        let mut update: Value = update.into_iter().collect();
        update["update_id"] = id.into();
        self.pending.insert(id, Pending { update, lane });
        if let Some(webhook) = &mut self.webhook {
            webhook.queue(lane, id);
        }
    }

    /// Forgets the updates before `offset`, or all but the last `-offset`, and tells how many they were.
    pub(crate) fn confirm(&mut self, offset: i64) -> u64 {
        let before = self.pending.len();
        let first = match offset {
            0 => return 0,
            1.. => Some(offset),
            _ => {
                let kept = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                self.pending.keys().rev().nth(kept.saturating_sub(1)).copied()
            }
        };
        if let Some(first) = first {
            self.pending = self.pending.split_off(&first);
        }
        u64::try_from(before - self.pending.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn allow(&mut self, kinds: &[String]) {
        self.allowed = (!kinds.is_empty()).then(|| kinds.iter().cloned().collect());
    }
}
