//! What is answered to what comes from Telegram. A handler says what is to be [`Done`]; all of it is written in one
//! transaction together with the end of the update, under the lease of the chat. So an update is answered once, whoever dies
//! in between.

mod buttons;
mod commands;
mod conversation;
mod files;
mod keyboard;
mod questions;
mod settings;
mod standing;

use std::sync::Arc;

use nexus_domain::subscription::{Part, merged};
use nexus_domain::{
    Access, Bot, Chat, ChatKind, ChatState, Clock, Content, Delivery, DeliveryId, DeliveryState, Event,
    EventData, Feedback, KbId, Language, LeaseToken, Origin, Priority, Say, ShownPassage, Subscription,
    Timestamp, Update, UpdateState, User,
};
use nexus_storage::{ButtonRow, Db, NewAnswer, ShownBy, StorageError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::outbox::move_chat;
use super::people::introduce;
use super::{
    Calls, Documents, Door, KnowledgeBases, Presenter, Questions, Refusal, ServiceError, Signals, Tasks,
};
use crate::metrics::Metrics;
use conversation::ConversationChange;
pub use conversation::IDLE_AFTER;
use keyboard::Rows;
pub(super) use settings::takes_notices;
use standing::StandingChange;
pub use standing::StandingRules;

/// Attempts after which the person is told that a part of the server is away.
const MAX_ATTEMPTS: u32 = 5;
/// Attempts after which an update is given up: one that brings its worker down would otherwise do so for ever. More than those
/// that fail, for most of them are somebody's restarts.
const MAX_LOST_ATTEMPTS: u32 = 25;
/// How long a menu can be used.
const DIALOGUE_LIFE: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);
/// Updates of one chat that may wait; whoever writes more is told to slow down.
const MAX_WAITING: u64 = 30;

#[derive(Clone, Debug)]
pub struct Replies {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub door: Door,
    pub signals: Signals,
    pub present: Presenter,
    pub questions: Questions,
    pub knowledge_bases: KnowledgeBases,
    pub documents: Documents,
    pub tasks: Tasks,
    pub standing: StandingRules,
    pub metrics: Metrics,
}

/// A chat under a lease.
#[derive(Clone, Debug)]
pub struct HeldChat {
    pub chat: Chat,
    pub token: LeaseToken,
    /// The latest update that cancels something.
    pub cancelled_to: watch::Receiver<i64>,
}

/// Why an update was not handled.
#[derive(Debug, thiserror::Error)]
pub enum NotHandled {
    /// Another worker goes on.
    #[error("the lease of the chat was lost")]
    LeaseLost,
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StorageError> for NotHandled {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}

/// One update, and who wants what.
#[derive(Debug)]
struct Turn<'a> {
    held: &'a HeldChat,
    update: &'a Update,
    bot: Bot,
    user: User,
    subscription: Subscription,
    language: Language,
    access: Access,
}

/// What a person is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Dialogue {
    /// The message with the menu.
    menu: DeliveryId,
}

/// What the end of an update writes.
#[derive(Debug, Default)]
struct Done {
    /// New messages, in order.
    messages: Vec<Message>,
    /// Messages that say something else from now on.
    rewritten: Vec<Rewritten>,
    /// A merge patch for the person's settings.
    settings: Option<Value>,
    dialogue: DialogueChange,
    conversation: ConversationChange,
    /// What becomes of questions that stand.
    standing: StandingChange,
    feedback: Option<(DeliveryId, Feedback)>,
    /// What webhooks hear of.
    event: Option<EventData>,
    /// The answer to the question, to be asked for again.
    kept: Option<NewAnswer>,
    /// The calls of chat models that it took.
    calls: Option<Calls>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum DialogueChange {
    #[default]
    Stays,
    /// The first new message is a menu.
    Opens,
    Ends,
}

#[derive(Debug)]
struct Message {
    content: Content,
    kbs: Vec<KbId>,
    /// What it shows something of: it goes where their text is deleted.
    passages: Vec<ShownPassage>,
    rows: Rows,
}

#[derive(Debug)]
struct Rewritten {
    id: DeliveryId,
    content: Content,
    kbs: Vec<KbId>,
    passages: Vec<ShownPassage>,
    /// Buttons of its own; `None` where those in the content stand already.
    rows: Option<Rows>,
}

impl Message {
    fn say(say: Say) -> Self {
        Self::new(Content::say(say))
    }

    fn new(content: Content) -> Self {
        Self {
            content,
            kbs: Vec::new(),
            passages: Vec::new(),
            rows: Rows::default(),
        }
    }
}

impl Done {
    fn nothing() -> Self {
        Self::default()
    }

    fn message(message: Message) -> Self {
        Self {
            messages: vec![message],
            ..Self::default()
        }
    }

    fn say(say: Say) -> Self {
        Self::message(Message::say(say))
    }
}

impl Replies {
    /// Handles one update of a chat that the caller holds.
    pub async fn handle(&self, held: &HeldChat, update: &Update) -> Result<(), NotHandled> {
        let attempt = self.begin(held, update).await?;
        let Some(attempt) = attempt else {
            return Ok(());
        };
        match &update.event {
            Event::Left => return self.left(held, update).await,
            Event::Migrated { to } => return self.migrated(held, update, *to).await,
            Event::Joined if update.person.is_none() || held.chat.kind != ChatKind::Private => {
                let mut tx = self.db.begin().await?;
                tx.chats().set_state(held.chat.id, ChatState::Active).await?;
                tx.commit().await?;
                return self.end(held, update, None).await;
            }
            _ => {}
        }
        let turn = match self.turn(held, update).await {
            Err(error) if attempt > MAX_LOST_ATTEMPTS && !matches!(error, NotHandled::LeaseLost) => {
                tracing::error!(%error, update_id = update.update_id, "an update was given up");
                return self.end(held, update, None).await;
            }
            Ok(Some(turn)) => turn,
            // Nobody to answer: a bot that is gone, or an update without a person.
            Ok(None) => return self.end(held, update, None).await,
            Err(NotHandled::Failed(ServiceError::Refused(refusal))) => {
                return self.refuse(held, update, refusal).await;
            }
            Err(error) => return Err(error),
        };
        if attempt > MAX_LOST_ATTEMPTS {
            tracing::error!(
                update_id = update.update_id,
                trace_id = update.trace_id,
                "an update was given up"
            );
            let gave_up = ServiceError::Internal("it was tried too often".into());
            let done = self.failed(&turn, gave_up).await?;
            return self.finish(&turn, done, UpdateState::Failed).await;
        }
        let done = match self.done(&turn).await.and_then(|done| fits(&turn, done)) {
            Ok(done) => done,
            // It may be back soon; the person need not ask again.
            Err(NotHandled::Failed(ServiceError::Unavailable(cause))) if attempt < MAX_ATTEMPTS => {
                return Err(ServiceError::Unavailable(cause).into());
            }
            Err(NotHandled::Failed(error)) => self.failed(&turn, error).await?,
            Err(error) => return Err(error),
        };
        self.finish(&turn, done, UpdateState::Handled).await
    }

    async fn done(&self, turn: &Turn<'_>) -> Result<Done, NotHandled> {
        if self.is_flooded(turn).await? {
            return self.slow_down(turn).await;
        }
        match &turn.update.event {
            Event::Text { text } => self.question(turn, text, None).await,
            Event::Edit { text } => self.edited(turn, text).await,
            Event::Command { name, argument } => self.command(turn, name, argument).await,
            Event::Button { token } => self.button(turn, token).await,
            Event::File { .. } => self.file(turn).await,
            Event::Unsupported { what } => Ok(Done::say(Say::Unsupported { unsupported: *what })),
            Event::Joined | Event::Left | Event::Migrated { .. } => Ok(Done::nothing()),
        }
    }

    /// Whether the chat sends more than can be answered: but for the last of it, its questions are left.
    async fn is_flooded(&self, turn: &Turn<'_>) -> Result<bool, NotHandled> {
        let is_question = matches!(
            turn.update.event,
            Event::Text { .. } | Event::Edit { .. } | Event::Unsupported { .. }
        );
        Ok(is_question && self.db.updates().waiting(turn.held.chat.id).await? > MAX_WAITING)
    }

    /// Says so, once.
    async fn slow_down(&self, turn: &Turn<'_>) -> Result<Done, NotHandled> {
        let content = self.present.refusal("too_many_requests", &turn.update.trace_id);
        let mut deliveries = self.db.deliveries();
        let last = deliveries.of_chat(turn.held.chat.id, None, 1).await?;
        let was_said = last.first().is_some_and(|last| match &last.content {
            Some(Content::Error { code, .. }) => code == "too_many_requests",
            _ => false,
        });
        Ok(if was_said {
            Done::nothing()
        } else {
            Done::message(Message::new(content))
        })
    }

    async fn begin(&self, held: &HeldChat, update: &Update) -> Result<Option<u32>, NotHandled> {
        let mut tx = self.db.begin().await?;
        if !tx.chats().fence(held.chat.id, held.token).await? {
            return Err(NotHandled::LeaseLost);
        }
        let attempt = tx.updates().begin(update.id).await?;
        tx.commit().await?;
        Ok(attempt)
    }

    /// Introduces the person and reads what they may do.
    async fn turn<'a>(&self, held: &'a HeldChat, update: &'a Update) -> Result<Option<Turn<'a>>, NotHandled> {
        let Some(bot) = self.db.bots().get(held.chat.bot_id).await? else {
            return Ok(None);
        };
        let Some(person) = &update.person else {
            return Ok(None);
        };
        let origin = origin(update);
        let now = self.clock.now();
        let introducer = super::people::of_bot(bot.id).from_origin(origin.clone());
        let mut tx = self.db.begin().await?;
        let introduced = introduce(&mut tx, &introducer, person, bot.id, now).await?;
        tx.chats().set_state(held.chat.id, ChatState::Active).await?;
        tx.commit().await?;
        let access = self.door.in_chat(bot.id, introduced.user.id, origin).await?;
        Ok(Some(Turn {
            held,
            update,
            language: settings::language(&introduced.subscription, &introduced.user),
            bot,
            user: introduced.user,
            subscription: introduced.subscription,
            access,
        }))
    }

    fn error(&self, turn: &Turn<'_>, error: ServiceError) -> Content {
        let text = turn.bot.texts.error.clone();
        self.present.error(error, &turn.update.trace_id, text)
    }

    /// Says what went wrong, in the place of an answer that was begun.
    async fn failed(&self, turn: &Turn<'_>, error: ServiceError) -> Result<Done, NotHandled> {
        let content = self.error(turn, error);
        let begun = self
            .db
            .deliveries()
            .of_update(turn.bot.id, turn.update.update_id)
            .await?;
        Ok(match begun.into_iter().next() {
            None => Done::message(Message::new(content)),
            Some(begun) => Done {
                rewritten: vec![Rewritten {
                    id: begun.id,
                    content,
                    kbs: Vec::new(),
                    passages: Vec::new(),
                    rows: None,
                }],
                ..Done::default()
            },
        })
    }

    /// The person is blocked, or the bot is turned off: they are told in a private chat, and nothing is done.
    async fn refuse(&self, held: &HeldChat, update: &Update, refusal: Refusal) -> Result<(), NotHandled> {
        if held.chat.kind != ChatKind::Private || matches!(update.event, Event::Joined) {
            return self.end(held, update, None).await;
        }
        let tag = update
            .person
            .as_ref()
            .and_then(|person| person.language_code.as_deref());
        let language = Language::for_tag(tag.unwrap_or_default());
        let content = self.present.error(refusal.into(), &update.trace_id, None);
        self.end(held, update, Some((content, language))).await
    }

    async fn left(&self, held: &HeldChat, update: &Update) -> Result<(), NotHandled> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        tx.chats().set_state(held.chat.id, ChatState::Left).await?;
        tx.deliveries().drop_of_chat(held.chat.id, now).await?;
        tx.conversations().delete_of_chat(held.chat.id).await?;
        tx.standing_questions().delete_of_chat(held.chat.id).await?;
        tx.commit().await?;
        self.end(held, update, None).await
    }

    async fn migrated(&self, held: &HeldChat, update: &Update, to: i64) -> Result<(), NotHandled> {
        let mut tx = self.db.begin().await?;
        move_chat(&mut tx, held.chat.bot_id, held.chat.id, to, self.clock.now()).await?;
        tx.commit().await?;
        self.end(held, update, None).await
    }

    /// Ends an update that needs nobody's rights, perhaps with a word.
    async fn end(
        &self,
        held: &HeldChat,
        update: &Update,
        word: Option<(Content, Language)>,
    ) -> Result<(), NotHandled> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.chats().fence(held.chat.id, held.token).await? {
            return Err(NotHandled::LeaseLost);
        }
        match (begun(&mut tx, update, &[]).await?, word) {
            (Some(begun), word) => {
                let content = word.map_or(Content::say(Say::Cancelled), |(content, _)| content);
                tx.deliveries().write(begun, &content, &[], now).await?;
            }
            (None, Some((content, language))) => {
                let delivery = Delivery {
                    content: Some(content),
                    ..blank(held, update, language, now)
                };
                tx.deliveries().insert(&delivery, None).await?;
            }
            (None, None) => {}
        }
        tx.updates()
            .finish(update.id, UpdateState::Handled, None, now)
            .await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(())
    }

    /// Writes what is to be done and the end of the update, or nothing.
    async fn finish(&self, turn: &Turn<'_>, done: Done, state: UpdateState) -> Result<(), NotHandled> {
        let (held, update) = (turn.held, turn.update);
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.chats().fence(held.chat.id, held.token).await? {
            return Err(NotHandled::LeaseLost);
        }
        if !tx
            .updates()
            .finish(update.id, state, Some(turn.user.id), now)
            .await?
        {
            return Ok(());
        }
        let rewritten: Vec<_> = done.rewritten.iter().map(|rewritten| rewritten.id).collect();
        // An answer that an earlier attempt began and that this one has no use for says what is said instead.
        let mut begun = begun(&mut tx, update, &rewritten).await?;
        let mut menu = None;
        for message in done.messages {
            if let Some(begun) = begun.take() {
                let (content, buttons) = message.rows.below(turn, begun, message.content, now);
                tx.deliveries().write(begun, &content, &message.kbs, now).await?;
                insert_buttons(&mut tx, &buttons).await?;
                note_shown(&mut tx, begun, &message.passages, now).await?;
                menu = menu.or(Some(begun));
                continue;
            }
            let delivery = Delivery {
                user_id: Some(turn.user.id),
                kbs: message.kbs,
                ..blank(held, update, turn.language, now)
            };
            let (content, buttons) = message.rows.below(turn, delivery.id, message.content, now);
            let delivery = Delivery {
                content: Some(content),
                ..delivery
            };
            menu = menu.or(Some(delivery.id));
            tx.deliveries().insert(&delivery, None).await?;
            insert_buttons(&mut tx, &buttons).await?;
            note_shown(&mut tx, delivery.id, &message.passages, now).await?;
        }
        if let Some(begun) = begun {
            let nothing = Content::say(Say::Cancelled);
            tx.deliveries().write(begun, &nothing, &[], now).await?;
        }
        for rewritten in done.rewritten {
            let content = match rewritten.rows {
                None => rewritten.content,
                Some(rows) => {
                    let (content, buttons) = rows.below(turn, rewritten.id, rewritten.content, now);
                    tx.buttons().delete_of(rewritten.id).await?;
                    insert_buttons(&mut tx, &buttons).await?;
                    content
                }
            };
            tx.deliveries()
                .write(rewritten.id, &content, &rewritten.kbs, now)
                .await?;
            note_shown(&mut tx, rewritten.id, &rewritten.passages, now).await?;
        }
        if let Some(patch) = done.settings {
            set_settings(&mut tx, turn, &patch).await?;
        }
        if let Some((delivery, feedback)) = done.feedback {
            tx.feedback().put(delivery, turn.user.id, feedback, now).await?;
        }
        if let Some(kept) = &done.kept {
            tx.answers().insert(kept).await?;
        }
        if let Some(calls) = &done.calls {
            let answer = done.kept.as_ref().map(|kept| kept.row.id);
            calls.keep_in(&mut tx, answer).await?;
        }
        if let Some(event) = &done.event {
            tx.webhook_deliveries().publish(event, now).await?;
        }
        match (done.dialogue, menu) {
            (DialogueChange::Opens, Some(menu)) => {
                let dialogue = Dialogue { menu };
                tx.dialogues()
                    .put(turn.place(), &dialogue, now.plus(DIALOGUE_LIFE))
                    .await?;
            }
            (DialogueChange::Ends, _) => {
                tx.dialogues().delete(turn.place()).await?;
            }
            _ => {}
        }
        let message = turn.update.message_id;
        standing::change(&mut tx, turn.place(), message, done.standing, now).await?;
        conversation::change(&mut tx, turn.place(), done.conversation, now).await?;
        tx.commit().await?;
        if let Some(calls) = &done.calls {
            calls.are_kept();
        }
        self.signals.deliveries();
        tracing::info!(
            bot = turn.bot.code,
            update_id = update.update_id,
            trace_id = update.trace_id,
            "update handled"
        );
        Ok(())
    }
}

impl Turn<'_> {
    /// Where its dialogue lies.
    fn place(&self) -> (nexus_domain::ChatId, i64, nexus_domain::UserId) {
        (self.held.chat.id, self.update.topic_id.unwrap_or(0), self.user.id)
    }

    fn is_private(&self) -> bool {
        self.held.chat.kind == ChatKind::Private
    }
}

fn origin(update: &Update) -> Origin {
    Origin {
        address: None,
        trace_id: update.trace_id.as_str().into(),
    }
}

/// A reply to the update that says nothing yet.
fn blank(held: &HeldChat, update: &Update, language: Language, now: Timestamp) -> Delivery {
    Delivery {
        id: DeliveryId::new(now),
        bot_id: held.chat.bot_id,
        chat_id: held.chat.id,
        user_id: None,
        update_id: Some(update.update_id),
        topic_id: update.topic_id,
        reply_to: update.message_id,
        priority: Priority::Answer,
        language,
        state: DeliveryState::Pending,
        content: None,
        kbs: Vec::new(),
        question: None,
        task_id: None,
        file_name: None,
        parts: Vec::new(),
        lease: None,
        due_at: Some(now),
        attempts: 0,
        error: None,
        trace_id: update.trace_id.clone(),
        created_at: now,
        updated_at: now,
    }
}

/// The answer to the update that was begun and is not among these.
async fn begun(tx: &mut Tx, update: &Update, known: &[DeliveryId]) -> Result<Option<DeliveryId>, NotHandled> {
    let answers = tx.deliveries().of_update(update.bot_id, update.update_id).await?;
    let begun = answers
        .into_iter()
        .find(|answer| answer.state == DeliveryState::Writing && !known.contains(&answer.id));
    Ok(begun.map(|answer| answer.id))
}

/// What cannot be stored is an answer of its own, and no failure to write it down.
fn fits(turn: &Turn<'_>, done: Done) -> Result<Done, NotHandled> {
    if let Some(patch) = &done.settings {
        merged(&turn.subscription.settings, patch)
            .map_err(|error| ServiceError::invalid("settings", error))?;
    }
    Ok(done)
}

/// Remembers what a message shows; where some of it was deleted while it was written, it says that instead.
async fn note_shown(
    tx: &mut Tx,
    delivery: DeliveryId,
    passages: &[ShownPassage],
    now: Timestamp,
) -> Result<(), StorageError> {
    if !tx.shown_passages().put(delivery, passages).await? {
        let content = Content::say(Say::TextDeleted);
        tx.shown_passages()
            .erase(&[ShownBy::Message(delivery)], &content, now)
            .await?;
    }
    Ok(())
}

async fn insert_buttons(tx: &mut Tx, buttons: &[ButtonRow]) -> Result<(), NotHandled> {
    for button in buttons {
        tx.buttons().insert(button).await?;
    }
    Ok(())
}

/// Merges a patch into the person's settings as they are now.
async fn set_settings(tx: &mut Tx, turn: &Turn<'_>, patch: &Value) -> Result<(), NotHandled> {
    let found = tx.subscriptions().get(turn.subscription.id).await?;
    let Some(subscription) = found else {
        return Ok(());
    };
    let settings =
        merged(&subscription.settings, patch).map_err(|error| ServiceError::invalid("settings", error))?;
    let version = subscription.settings_version;
    let set = tx
        .subscriptions()
        .set_part(subscription.id, Part::Settings, &settings, version)
        .await?;
    match set {
        Some(_) => Ok(()),
        None => Err(ServiceError::Unavailable("the settings have just changed".into()).into()),
    }
}
