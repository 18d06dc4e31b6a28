//! Chats as admins see them, what admins say there, notices, and what people think of answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use nexus_domain::{
    Access, Action, Bot, Chat, ChatId, ChatState, Clock, Content, Delivery, DeliveryId, DeliveryState,
    Feedback, Keyboard, Language, Origin, Priority, Role, Scope, TargetKind, Timestamp, Update, User, UserId,
};
use nexus_storage::{ChatFilter, Db, Tx};
use uuid::Uuid;

use super::audit::Change;
use super::replies::takes_notices;
use super::{Door, ServiceError, Signals};

#[derive(Clone, Debug)]
pub struct Chats {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub signals: Signals,
    pub door: Door,
}

/// A message of a chat.
#[derive(Clone, Debug)]
pub enum ChatMessage {
    In(Update),
    Out(Delivery, Option<Feedback>),
}

impl ChatMessage {
    /// By which messages of a chat are ordered.
    pub fn id(&self) -> Uuid {
        match self {
            Self::In(update) => update.id.as_uuid(),
            Self::Out(delivery, _) => delivery.id.as_uuid(),
        }
    }
}

/// What became of a request for notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notified {
    pub queued: u32,
    pub skipped: u32,
}

impl Chats {
    /// Newest first. `user`: their private chats.
    pub async fn list(
        &self,
        user: Option<UserId>,
        bot: Option<&str>,
        before: Option<ChatId>,
        limit: usize,
    ) -> Result<Vec<Chat>, ServiceError> {
        let mut filter = ChatFilter::default();
        if let Some(user) = user {
            let Some(user) = self.db.users().get(user).await? else {
                return Ok(Vec::new());
            };
            filter.telegram_chat = Some(user.person.telegram_id.get());
        }
        if let Some(code) = bot {
            let Some(bot) = self.bot(code).await? else {
                return Ok(Vec::new());
            };
            filter.bot = Some(bot.id);
        }
        Ok(self.db.chats().list(&filter, before, limit).await?)
    }

    /// A chat, for those who manage people.
    pub async fn get(&self, access: &Access, id: ChatId) -> Result<Chat, ServiceError> {
        let found = self.db.chats().get(id).await?;
        let may = access.require(Role::Admin, Scope::Users).is_ok();
        found.filter(|_| may).ok_or(ServiceError::NotFound("chat"))
    }

    /// Newest first.
    pub async fn messages(
        &self,
        chat: ChatId,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<ChatMessage>, ServiceError> {
        let mut messages: Vec<_> = self
            .db
            .updates()
            .of_chat(chat, before, limit)
            .await?
            .into_iter()
            .map(ChatMessage::In)
            .collect();
        for delivery in self.db.deliveries().of_chat(chat, before, limit).await? {
            let feedback = self.db.feedback().of(delivery.id).await?;
            messages.push(ChatMessage::Out(delivery, feedback));
        }
        messages.sort_unstable_by_key(|message| std::cmp::Reverse(message.id()));
        messages.truncate(limit);
        Ok(messages)
    }

    /// A message from an admin.
    pub async fn send(&self, access: &Access, chat: &Chat, text: String) -> Result<Delivery, ServiceError> {
        if chat.state == ChatState::Left {
            return Err(ServiceError::DeliveryState(
                "the chat was left: nothing can be sent there",
            ));
        }
        let now = self.clock.now();
        let trace_id = access.origin().trace_id.to_string();
        let delivery = message(chat, None, Priority::Answer, text, trace_id, now);
        let mut tx = self.db.begin().await?;
        tx.deliveries().insert(&delivery, None).await?;
        Change::new(Action::MessageSend, TargetKind::Chat, chat.id)
            .with("message", delivery.id.to_string())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(delivery)
    }

    /// A message of low priority to people who use the bot and take such.
    pub async fn notify(
        &self,
        access: &Access,
        code: &str,
        users: &[UserId],
        text: &str,
    ) -> Result<Notified, ServiceError> {
        let bot = self.bot(code).await?.ok_or(ServiceError::NotFound("bot"))?;
        let now = self.clock.now();
        let trace_id = access.origin().trace_id.to_string();
        let mut done = Notified::default();
        let users: BTreeSet<_> = users.iter().copied().collect();
        let mut tx = self.db.begin().await?;
        for user in users {
            let Some((user, chat)) = reachable(&mut tx, &bot, user).await? else {
                done.skipped += 1;
                continue;
            };
            let mut notice = message(
                &chat,
                Some(user.id),
                Priority::Notice,
                text.to_owned(),
                trace_id.clone(),
                now,
            );
            let tag = user.person.language_code.as_deref().unwrap_or_default();
            notice.language = Language::for_tag(tag);
            tx.deliveries().insert(&notice, None).await?;
            done.queued += 1;
        }
        Change::new(Action::NotificationSend, TargetKind::Bot, bot.id)
            .with("queued", done.queued)
            .with("skipped", done.skipped)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(done)
    }

    /// What goes out, if the caller may read it: the bot itself, whoever it is for, and those who manage people.
    pub async fn delivery(&self, access: &Access, id: DeliveryId) -> Result<Delivery, ServiceError> {
        let found = self.db.deliveries().get(id).await?;
        let seen = found.filter(|delivery| {
            access.require_bot(delivery.bot_id).is_ok()
                || access.require(Role::Admin, Scope::Users).is_ok()
                || delivery.user_id.is_some()
                    && delivery.user_id == access.caller().user()
                    && access.caller().bot().is_none_or(|bot| bot == delivery.bot_id)
        });
        seen.ok_or(ServiceError::NotFound("message"))
    }

    /// What was written so far; `None` once nothing more will be, or whom it is for may not see what it is written from.
    pub async fn preview(&self, id: DeliveryId) -> Result<Option<String>, ServiceError> {
        let delivery = self.db.deliveries().get(id).await?;
        match delivery {
            Some(delivery) if delivery.state == DeliveryState::Writing => {
                if let Some(user) = delivery.user_id.filter(|_| !delivery.kbs.is_empty()) {
                    let reader = self
                        .door
                        .in_chat(delivery.bot_id, user, Origin::default())
                        .await?;
                    if !delivery.kbs.iter().all(|kb| reader.sees(*kb)) {
                        return Ok(None);
                    }
                }
                let preview = self.db.deliveries().preview(id).await?;
                Ok(Some(preview.unwrap_or_default()))
            }
            _ => Ok(None),
        }
    }

    /// What the person whom an answer is for thinks of it.
    pub async fn rate(
        &self,
        access: &Access,
        delivery: &Delivery,
        feedback: Feedback,
    ) -> Result<(), ServiceError> {
        let user = access
            .caller()
            .user()
            .filter(|user| Some(*user) == delivery.user_id);
        let user = user.ok_or(ServiceError::Denied(nexus_domain::access::Denied::NotTheReader))?;
        if delivery.question.is_none() {
            return Err(ServiceError::DeliveryState("only answers to questions are rated"));
        }
        let mut tx = self.db.begin().await?;
        tx.feedback()
            .put(delivery.id, user, feedback, self.clock.now())
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn bot(&self, code: &str) -> Result<Option<Bot>, ServiceError> {
        if code.contains('\0') {
            return Ok(None);
        }
        Ok(self.db.bots().by_code(code).await?)
    }
}

/// The person and their private chat with the bot, if they want to hear from it.
async fn reachable(tx: &mut Tx, bot: &Bot, user: UserId) -> Result<Option<(User, Chat)>, ServiceError> {
    let Some(user) = tx.users().get(user).await?.filter(|user| !user.blocked) else {
        return Ok(None);
    };
    let subscription = tx.subscriptions().by(user.id, bot.id).await?;
    if !subscription.is_some_and(|subscription| takes_notices(&subscription)) {
        return Ok(None);
    }
    let own = user.person.telegram_id.get();
    let chat = tx.chats().by_telegram_id(bot.id, own).await?;
    Ok(chat
        .filter(|chat| chat.state == ChatState::Active)
        .map(|chat| (user, chat)))
}

fn message(
    chat: &Chat,
    user: Option<UserId>,
    priority: Priority,
    text: String,
    trace_id: String,
    now: Timestamp,
) -> Delivery {
    let content = Content::Text {
        text,
        keyboard: Keyboard::default(),
    };
    Delivery {
        user_id: user,
        content: Some(content),
        ..Delivery::new((chat.bot_id, chat.id), priority, Language::En, trace_id, now)
    }
}
