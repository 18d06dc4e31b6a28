//! Who is told that the backend is away: every person who waits, once per outage. Pure: the caller has the clock.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nexus_api::{ChatKind, Update, UpdateEvent};

use crate::words::Language;

/// Failures after which people are told, unless it takes longer to fail.
const FAILURES: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(5);
/// Chats that are told in one outage. Later ones hear nothing until the backend is back.
const MAX_TOLD: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    failures: u32,
    told: HashSet<i64>,
}

impl Outage {
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }

    /// A batch could not be stored. Gives the chats to be told now, in their languages.
    pub(super) fn failed(&mut self, batch: &[Update], now: Instant) -> Vec<(i64, Language)> {
        let since = *self.since.get_or_insert(now);
        self.failures += 1;
        if self.failures < FAILURES && now.duration_since(since) < PATIENCE {
            return Vec::new();
        }
        let waiting = batch.iter().filter(|update| is_waited_for(update));
        let mut chats = Vec::new();
        for update in waiting {
            if self.told.len() < MAX_TOLD && self.told.insert(update.chat.id) {
                let tag = update
                    .from
                    .as_ref()
                    .and_then(|from| from.language_code.as_deref());
                chats.push((update.chat.id, Language::for_tag(tag.unwrap_or_default())));
            }
        }
        chats
    }
}

/// Whether somebody alone with the bot waits for an answer to it.
fn is_waited_for(update: &Update) -> bool {
    let waits = !matches!(
        update.event,
        UpdateEvent::Left | UpdateEvent::Joined | UpdateEvent::Migrated { .. }
    );
    waits && update.chat.kind == ChatKind::Private
}

#[cfg(test)]
mod tests {
    use nexus_api::TelegramChat;

    use super::*;

    fn question(chat: i64, kind: ChatKind) -> Update {
        Update {
            update_id: 1,
            chat: TelegramChat {
                id: chat,
                kind,
                title: None,
            },
            topic_id: None,
            message_id: Some(1),
            from: None,
            event: UpdateEvent::Text { text: "?".to_owned() },
        }
    }

    #[test]
    fn people_are_told_once_and_only_after_a_while() {
        let now = Instant::now();
        let mut outage = Outage::default();
        let batch = [
            question(1, ChatKind::Private),
            question(1, ChatKind::Private),
            question(-2, ChatKind::Group),
        ];
        assert_eq!(outage.failed(&batch, now), []);
        assert_eq!(outage.failed(&batch, now), []);
        assert_eq!(outage.failed(&batch, now), [(1, Language::En)]);
        assert_eq!(outage.failed(&batch, now), []);
        outage.over();
        assert_eq!(outage.failed(&batch, now), []);
        assert_eq!(outage.failed(&batch, now + PATIENCE), [(1, Language::En)]);
    }
}
