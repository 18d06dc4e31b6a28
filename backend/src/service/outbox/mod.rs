//! The outbox: what is due is handed out to the process that serves the bot, and what it tells of it is written down.
//! Every step may be repeated, by this process or by the next one.

mod failures;
mod shown;

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::{
    Access, Action, Bot, BotId, Chat, ChatId, ChatState, Clock, Content, Delivery, DeliveryId, DeliveryState,
    LeaseToken, ProcessId, Role, Scope, TargetKind, TaskId, TaskPayload, Timestamp,
};
use nexus_storage::{Db, HandedOut, Settled, Tx};

use super::audit::Change;
use super::{Door, Presenter, ServiceError, Signals};
pub use failures::{Failure, FailureKind};

/// Between two looks at the rows while a process waits: what other processes write is found by looking.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Most parts of a message.
const MAX_PARTS: usize = 100;

#[derive(Clone, Debug)]
pub struct Outbox {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub signals: Signals,
    pub door: Door,
    pub present: Presenter,
}

/// What a process asks for.
#[derive(Clone, Debug)]
pub struct Take {
    pub holder: ProcessId,
    pub limit: usize,
    pub wait: Duration,
    /// What it has and works on; the rest of what was handed out to it has never reached it.
    pub working_on: Vec<DeliveryId>,
}

impl Outbox {
    /// Waits until something is due, or the wait is over.
    pub async fn take(
        &self,
        access: &Access,
        bot: &Bot,
        take: &Take,
    ) -> Result<Vec<(Delivery, Chat)>, ServiceError> {
        let until = Instant::now() + take.wait;
        loop {
            let mut woken = std::pin::pin!(self.signals.listen_for_deliveries());
            woken.as_mut().enable();
            let handed = self.hand_out(bot.id, take).await?;
            let mut wanted = Vec::with_capacity(handed.len());
            for (delivery, chat) in handed {
                if self.may_be_shown(&delivery).await? {
                    wanted.push((delivery, chat));
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if !wanted.is_empty() || left.is_zero() {
                return Ok(wanted);
            }
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(left.min(LOOK_EVERY)) => {}
            }
            // A bot that was turned off meanwhile, or whose token was revoked, gets nothing more.
            self.door.again(access).await?.require_bot(bot.id)?;
        }
    }

    async fn hand_out(&self, bot: BotId, take: &Take) -> Result<Vec<(Delivery, Chat)>, ServiceError> {
        let now = self.clock.now();
        if !self.db.bot_leases().is_held(bot, take.holder, now).await? {
            return Err(ServiceError::LeaseLost);
        }
        let mut tx = self.db.begin().await?;
        if !tx.bot_leases().fence(bot, take.holder, now).await? {
            return Err(ServiceError::LeaseLost);
        }
        let handed = tx
            .deliveries()
            .hand_out(bot, take.holder, &take.working_on, take.limit, now)
            .await?;
        tx.commit().await?;
        Ok(handed)
    }

    /// Gives up a delivery that cannot be told to anybody: one row must not stop all others.
    pub async fn give_up(&self, id: DeliveryId, error: String) -> Result<(), ServiceError> {
        tracing::error!(delivery = %id, error, "a delivery cannot be read");
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if let Some(delivery) = tx.deliveries().lock(id).await? {
            let settled = Settled {
                state: DeliveryState::Dead,
                parts: delivery.parts,
                due_at: None,
                attempts: delivery.attempts,
                error: Some(error),
                keeps: false,
            };
            tx.deliveries().settle(id, &settled, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A delivery of the calling bot.
    pub async fn get(&self, access: &Access, id: DeliveryId) -> Result<Delivery, ServiceError> {
        let found = self.db.deliveries().get(id).await?;
        let seen = found.filter(|delivery| super::bots::sees(access, delivery.bot_id));
        seen.ok_or(ServiceError::NotFound("delivery"))
    }

    /// The placeholder, or a further part, stands in the chat. Told twice, it counts once.
    pub async fn placed(
        &self,
        id: DeliveryId,
        lease: LeaseToken,
        part: usize,
        message_id: i64,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let found = tx.deliveries().hold(id, lease).await?;
        let Some(HandedOut { delivery, is_current }) = found else {
            // The placeholder of an answer that is being written ends its hand-out: this is that report again.
            let known = tx.deliveries().get(id).await?.is_some_and(|delivery| {
                delivery.content.is_none() && delivery.parts.get(part) == Some(&message_id)
            });
            return if known {
                Ok(())
            } else {
                Err(ServiceError::LeaseLost)
            };
        };
        let mut parts = delivery.parts.clone();
        if parts.get(part) != Some(&message_id) {
            if part != parts.len() || part >= MAX_PARTS {
                let reason = format!("part {} comes next", parts.len());
                return Err(ServiceError::invalid("part", reason));
            }
            parts.push(message_id);
        }
        // A placeholder is all that there is to do until there is content.
        let keeps = delivery.content.is_some() && is_current;
        let settled = Settled {
            state: delivery.state,
            parts,
            due_at: delivery.content.is_some().then_some(now),
            attempts: delivery.attempts,
            error: None,
            keeps,
        };
        tx.deliveries().settle(id, &settled, now).await?;
        tx.commit().await?;
        if !keeps {
            self.signals.deliveries();
        }
        Ok(())
    }

    /// All stands in the chat; `task`: what became of a file that was to be fetched.
    pub async fn sent(
        &self,
        id: DeliveryId,
        lease: LeaseToken,
        parts: usize,
        task: Option<TaskId>,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let HandedOut {
            mut delivery,
            is_current,
        } = held(&mut tx, id, lease).await?;
        if parts > delivery.parts.len() {
            let reason = format!("{} parts are known", delivery.parts.len());
            return Err(ServiceError::invalid("parts", reason));
        }
        if delivery.content.is_none() {
            return Err(ServiceError::DeliveryState("its content is not written yet"));
        }
        delivery.parts.truncate(parts);
        let settled = Settled {
            state: if is_current {
                DeliveryState::Sent
            } else {
                DeliveryState::Pending
            },
            parts: delivery.parts.clone(),
            due_at: (!is_current).then_some(now),
            attempts: 0,
            error: None,
            keeps: false,
        };
        tx.deliveries().settle(id, &settled, now).await?;
        if let Some(task) = task {
            watch(&mut tx, &delivery, task, now).await?;
        }
        tx.commit().await?;
        // The next message of the chat may go.
        self.signals.deliveries();
        Ok(())
    }

    /// Dead letters, newest first.
    pub async fn dead(
        &self,
        bot: Option<BotId>,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, ServiceError> {
        Ok(self.db.deliveries().dead(bot, before, limit).await?)
    }

    /// Sends a dead letter once more.
    pub async fn retry(&self, access: &Access, id: DeliveryId) -> Result<(), ServiceError> {
        access.require(Role::Admin, Scope::Bots)?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let found = tx.deliveries().lock(id).await?;
        let delivery = found.ok_or(ServiceError::NotFound("delivery"))?;
        if delivery.state != DeliveryState::Dead {
            return Err(ServiceError::DeliveryState("only a dead letter is sent again"));
        }
        let settled = Settled {
            state: DeliveryState::Pending,
            parts: delivery.parts,
            due_at: Some(now),
            attempts: 0,
            error: None,
            keeps: false,
        };
        tx.deliveries().settle(id, &settled, now).await?;
        if delivery.task_id.is_some() {
            tx.deliveries().look_again(id, Some(now)).await?;
        }
        Change::new(Action::DeliveryRetry, TargetKind::Delivery, id)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(())
    }
}

async fn held(tx: &mut Tx, id: DeliveryId, lease: LeaseToken) -> Result<HandedOut, ServiceError> {
    tx.deliveries()
        .hold(id, lease)
        .await?
        .ok_or(ServiceError::LeaseLost)
}

/// Makes the message of a file that was fetched the card of its task.
async fn watch(tx: &mut Tx, delivery: &Delivery, task: TaskId, now: Timestamp) -> Result<(), ServiceError> {
    let Some(Content::FetchFile {
        knowledge_base_id: kb,
        file_unique_id,
        file_name,
        ..
    }) = &delivery.content
    else {
        return Err(ServiceError::invalid("task_id", "no file was to be fetched"));
    };
    let found = tx.tasks().get(task).await?;
    let of_the_file = |task: &nexus_domain::Task| {
        task.kb_id == Some(*kb) && matches!(task.payload, TaskPayload::IngestUpload { .. })
    };
    if !found.is_some_and(|task| of_the_file(&task)) {
        return Err(ServiceError::invalid("task_id", "no such task reads the file"));
    }
    tx.telegram_files().put(*kb, file_unique_id, task, now).await?;
    tx.deliveries().watch(delivery.id, task, file_name, now).await?;
    Ok(())
}

/// The group has got another id: what was to go to the old one goes there.
pub(super) async fn move_chat(
    tx: &mut Tx,
    bot: BotId,
    chat: ChatId,
    to: i64,
    now: Timestamp,
) -> Result<(), ServiceError> {
    // Messages are numbered anew there.
    tx.conversations().delete_of_chat(chat).await?;
    match tx.chats().by_telegram_id(bot, to).await? {
        Some(taken) if taken.id == chat => {}
        // Something came from the new one first.
        Some(taken) => {
            tx.chats().set_state(chat, ChatState::Left).await?;
            tx.buttons().move_to(chat, taken.id).await?;
            tx.deliveries().move_to(chat, taken.id, now).await?;
            tx.standing_questions().move_to(chat, taken.id).await?;
        }
        None => {
            tx.chats().move_to(chat, to).await?;
            tx.deliveries().move_to(chat, chat, now).await?;
            tx.standing_questions().move_to(chat, chat).await?;
        }
    }
    Ok(())
}
