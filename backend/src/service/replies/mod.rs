//! What is answered to what comes from Telegram. A handler says what is to be [`Done`]; all of it is written in one
//! transaction together with the end of the update, under the lease of the chat. So an update is answered once, whoever dies
//! in between.

mod buttons;
mod commands;
mod conversation;
mod done;
mod ends;
mod files;
mod keyboard;
mod questions;
mod settings;
mod standing;
mod write;

use std::sync::Arc;

use nexus_domain::subscription::merged;
use nexus_domain::{
    Access, Bot, Chat, ChatKind, ChatState, Clock, Content, Delivery, Event, Language, LeaseToken, Origin,
    Say, Subscription, Update, UpdateState, User,
};
use nexus_storage::{Db, StorageError};
use tokio::sync::watch;

use super::people::introduce;
use super::{Documents, Door, KnowledgeBases, Presenter, Questions, ServiceError, Signals, Tasks};
use crate::metrics::Metrics;
pub use conversation::IDLE_AFTER;
use done::{Dialogue, DialogueChange, Done, Message, Rewritten};
pub(super) use settings::takes_notices;
pub use standing::StandingRules;
use write::{begun, blank, insert_buttons, note_shown, set_settings};

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

/// What cannot be stored is an answer of its own, and no failure to write it down.
fn fits(turn: &Turn<'_>, done: Done) -> Result<Done, NotHandled> {
    if let Some(patch) = &done.settings {
        merged(&turn.subscription.settings, patch)
            .map_err(|error| ServiceError::invalid("settings", error))?;
    }
    Ok(done)
}
