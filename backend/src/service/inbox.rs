//! The inbox: what bots pass on from Telegram is written down, each update once, and nothing else. It is handled later.

use std::collections::{BTreeSet, HashMap};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use nexus_domain::{
    Access, Bot, Chat, ChatId, ChatKind, ChatState, Clock, Event, Person, ProcessId, Timestamp, Update,
    UpdateId, UpdateState,
};
use nexus_storage::Db;

use super::{ServiceError, Signals};

/// Telegram keeps an update for a day (<https://core.telegram.org/bots/api#getting-updates>), so it cannot come again after
/// that. After a week without updates Telegram chooses their next number at random, and it may be one that we know.
const KNOWN_FOR: Duration = Duration::from_secs(2 * 24 * 3_600);

#[derive(Clone, Debug)]
pub struct Inbox {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub signals: Signals,
}

/// An update as a bot passes it on. Checked by the boundary.
#[derive(Clone, Debug)]
pub struct NewUpdate {
    pub update_id: i64,
    pub telegram_chat_id: i64,
    pub chat_kind: ChatKind,
    pub chat_title: Option<String>,
    pub topic_id: Option<i64>,
    pub message_id: Option<i64>,
    pub person: Option<Person>,
    pub event: Event,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub new: u32,
    pub known: u32,
}

impl Inbox {
    /// The bot of this code, if the caller may know of it and is it.
    pub async fn bot(&self, access: &Access, code: &str) -> Result<Bot, ServiceError> {
        // No code holds such a character, and a database may not take it.
        let found = match code.contains('\0') {
            true => None,
            false => self.db.bots().by_code(code).await?,
        };
        let seen = found.filter(|bot| super::bots::sees(access, bot.id));
        let bot = seen.ok_or(ServiceError::NotFound("bot"))?;
        access.require_bot(bot.id)?;
        Ok(bot)
    }

    /// Makes the process the one that serves the bot, or keeps it that.
    pub async fn take_lease(
        &self,
        bot: &Bot,
        holder: ProcessId,
        lasts: Duration,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        // Else a crowd of chats could cost the process its lease.
        let mut tx = self.db.begin_ahead().await?;
        if !tx.bot_leases().take(bot.id, holder, now.plus(lasts), now).await? {
            return Err(ServiceError::BotLeaseHeld);
        }
        tx.commit().await?;
        Ok(())
    }

    /// Lets another process serve the bot at once. A lease that is not there needs no giving back.
    pub async fn give_back_lease(&self, bot: &Bot, holder: ProcessId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin().await?;
        tx.bot_leases().give_back(bot.id, holder).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes a batch down in one transaction. When this returns, nothing of it can be lost.
    pub async fn store(&self, bot: &Bot, mut updates: Vec<NewUpdate>) -> Result<Stored, ServiceError> {
        // Batches that come at the same time take hold of their chats in one order.
        updates.sort_by_key(|update| (update.telegram_chat_id, update.update_id));
        let now = self.clock.now();
        let candidates = candidates(bot, &updates, now);
        // Telegram waits for this, and what is answered to it can wait.
        let mut tx = self.db.begin_ahead().await?;
        let chats = tx.chats().arrive(&candidates).await?;
        let chats: HashMap<_, _> = chats
            .into_iter()
            .map(|chat| (chat.telegram_chat_id, chat.id))
            .collect();
        let rows = updates.into_iter().map(|update| {
            let chat = chats.get(&update.telegram_chat_id);
            let chat = chat.ok_or_else(|| ServiceError::Internal("a chat was not stored".into()))?;
            Ok(row(bot, *chat, update, now))
        });
        let rows = rows.collect::<Result<Vec<_>, ServiceError>>()?;
        let mut new = tx.updates().insert(&rows).await?;
        let not_new: Vec<_> = rows.iter().filter(|row| !new.contains(&row.id)).collect();
        for row in not_new {
            let before = now.minus(KNOWN_FOR);
            let is_another = tx
                .updates()
                .give_number_free(bot.id, row.update_id, before)
                .await?;
            if is_another {
                new.extend(tx.updates().insert(slice::from_ref(row)).await?);
            }
        }
        let new: Vec<_> = rows.iter().filter(|row| new.contains(&row.id)).collect();
        let woken: BTreeSet<_> = new.iter().map(|row| row.chat_id).collect();
        let woken: Vec<_> = woken.into_iter().collect();
        tx.chats().wake(&woken, now).await?;
        for row in &new {
            if matches!(&row.event, Event::Command { name, .. } if name == "cancel") {
                tx.chats().cancel_to(row.chat_id, row.update_id).await?;
            }
        }
        tx.commit().await?;
        for row in &new {
            tracing::debug!(
                bot = bot.code,
                update_id = row.update_id,
                trace_id = row.trace_id,
                "update stored"
            );
        }
        self.signals.updates();
        let count = |updates: usize| u32::try_from(updates).unwrap_or(u32::MAX);
        Ok(Stored {
            new: count(new.len()),
            known: count(rows.len() - new.len()),
        })
    }
}

/// A row for each chat that there may not be yet; of what is said of a chat, the latest counts. The updates come sorted by chat.
fn candidates(bot: &Bot, updates: &[NewUpdate], now: Timestamp) -> Vec<Chat> {
    let chats = updates.chunk_by(|one, next| one.telegram_chat_id == next.telegram_chat_id);
    let latest = chats.filter_map(<[NewUpdate]>::last);
    let candidate = |update: &NewUpdate| Chat {
        id: ChatId::new(now),
        bot_id: bot.id,
        telegram_chat_id: update.telegram_chat_id,
        kind: update.chat_kind,
        title: update.chat_title.clone(),
        state: ChatState::Active,
        created_at: now,
        last_message_at: now,
    };
    latest.map(candidate).collect()
}

fn row(bot: &Bot, chat: ChatId, update: NewUpdate, now: Timestamp) -> Update {
    Update {
        id: UpdateId::new(now),
        bot_id: bot.id,
        update_id: update.update_id,
        chat_id: chat,
        user_id: None,
        topic_id: update.topic_id,
        message_id: update.message_id,
        person: update.person,
        event: update.event,
        state: UpdateState::Waiting,
        attempts: 0,
        trace_id: nexus_telemetry::trace_of_update(&bot.code, update.update_id),
        received_at: now,
    }
}
