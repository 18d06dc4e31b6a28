//! The outbox: what is due is handed out to the process that serves the bot, and what it tells of it is written down.
//! Every step may be repeated, by this process or by the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::bot::BotError;
use nexus_domain::{
    Access, Action, Bot, BotId, Chat, ChatId, ChatState, Clock, Content, Delivery, DeliveryId, DeliveryState,
    KbId, LeaseToken, Origin, Priority, ProcessId, Role, Scope, TargetKind, TaskId, TaskPayload, Timestamp,
    UserId,
};
use nexus_storage::{Db, HandedOut, Settled, Tx};

use super::audit::Change;
use super::replies::takes_notices;
use super::{Door, Presenter, Refusal, ServiceError, Signals, dead_letters};

/// Between two looks at the rows while a process waits: what other processes write is found by looking.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Failures after which a delivery becomes a dead letter.
const MAX_ATTEMPTS: u32 = 12;
/// First wait after a failure that may pass; doubled with each one.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(600);
/// Wait after Telegram has refused the bot's token: somebody must do something first.
const BOT_REFUSED: Duration = Duration::from_secs(60);
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

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    BotFatal,
    ChatFatal,
    Retry,
    Terminal,
    MessageGone,
    FileRefused,
}

#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    /// What the person is told of a file.
    pub code: Option<&'static str>,
    pub retry_after: Option<Duration>,
    pub migrated_to: Option<i64>,
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

    /// Rights may have changed since the content was made: whoever may not see it any more gets the refusal instead.
    async fn may_be_shown(&self, delivery: &Delivery) -> Result<bool, ServiceError> {
        let is_unasked = tells_unasked(delivery);
        let is_unseen = is_unasked && delivery.parts.is_empty();
        if is_unseen && !matches!(delivery.content, Some(Content::Answer { .. })) {
            // What it told of was deleted.
            self.drop_unseen(delivery).await?;
            return Ok(false);
        }
        let Some(user) = delivery.user_id.filter(|_| !delivery.kbs.is_empty()) else {
            return Ok(true);
        };
        let origin = Origin {
            address: None,
            trace_id: delivery.trace_id.as_str().into(),
        };
        let refusal = match self.door.in_chat(delivery.bot_id, user, origin).await {
            Ok(access) => {
                if !self.sees_all(&access, &delivery.kbs).await? {
                    ServiceError::NotFound("knowledge base")
                } else if self.is_unwanted(delivery, user).await? {
                    ServiceError::NotFound("message")
                } else {
                    return Ok(true);
                }
            }
            // The bot was turned off at this moment: it is sent when it is on again.
            Err(error @ ServiceError::Refused(Refusal::BotDisabled)) => return Err(error),
            Err(error @ ServiceError::Refused(_)) => error,
            Err(error) => return Err(error),
        };
        if is_unseen {
            self.drop_unseen(delivery).await?;
            return Ok(false);
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        tx.buttons().delete_of(delivery.id).await?;
        if is_unasked {
            tx.standing_questions().withdraw_message(delivery.id, now).await?;
        }
        let content = self.present.error(refusal, &delivery.trace_id, None);
        tx.deliveries().write(delivery.id, &content, &[], now).await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(false)
    }

    /// Nobody waits for it: a refusal would tell of what may not be known. Its question may be gone, or asked anew.
    async fn drop_unseen(&self, delivery: &Delivery) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        tx.buttons().delete_of(delivery.id).await?;
        tx.standing_questions().withdraw_message(delivery.id, now).await?;
        let settled = Settled {
            state: DeliveryState::Dropped,
            parts: Vec::new(),
            due_at: None,
            attempts: delivery.attempts,
            error: None,
            keeps: false,
        };
        tx.deliveries().settle(delivery.id, &settled, now).await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(())
    }

    /// Whether it is a message that nobody has asked for now, to somebody who has come to take none.
    async fn is_unwanted(&self, delivery: &Delivery, user: UserId) -> Result<bool, ServiceError> {
        if !tells_unasked(delivery) {
            return Ok(false);
        }
        let subscription = self.db.subscriptions().by(user, delivery.bot_id).await?;
        Ok(!subscription.is_some_and(|subscription| takes_notices(&subscription)))
    }

    /// Admins see every knowledge base, but nobody one that was deleted.
    async fn sees_all(&self, access: &Access, kbs: &[KbId]) -> Result<bool, ServiceError> {
        for kb in kbs {
            if !access.sees(*kb) || self.db.knowledge_bases().get(*kb).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
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

    pub async fn failed(
        &self,
        id: DeliveryId,
        lease: LeaseToken,
        failure: &Failure,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let known = self.db.deliveries().get(id).await?;
        let chat = known.ok_or(ServiceError::LeaseLost)?.chat_id;
        let mut tx = self.db.begin().await?;
        // The chat before its delivery: workers take hold of them in this order.
        if failure.kind == FailureKind::ChatFatal {
            tx.chats().set_state(chat, ChatState::Left).await?;
        } else if failure.migrated_to.is_some() {
            tx.chats().touch(chat, now).await?;
        }
        let HandedOut { delivery, .. } = held(&mut tx, id, lease).await?;
        tracing::warn!(
            delivery = %id,
            update_id = delivery.update_id,
            trace_id = delivery.trace_id,
            kind = ?failure.kind,
            message = failure.message,
            "delivery failed"
        );
        let attempts = delivery.attempts.saturating_add(1);
        let mut settled = Settled {
            state: delivery.state,
            parts: delivery.parts.clone(),
            due_at: Some(now.plus(pause(attempts, failure.retry_after))),
            attempts,
            error: Some(failure.message.clone()),
            keeps: false,
        };
        match failure.kind {
            FailureKind::BotFatal => {
                settled.due_at = Some(now.plus(BOT_REFUSED));
                settled.attempts = delivery.attempts;
                let error = BotError {
                    message: failure.message.clone(),
                    at: now,
                };
                tx.bots().set_error(delivery.bot_id, Some(&error)).await?;
            }
            FailureKind::Retry if failure.migrated_to.is_some() => {
                if let Some(to) = failure.migrated_to {
                    move_chat(&mut tx, delivery.bot_id, chat, to, now).await?;
                    settled.parts.clear();
                    settled.due_at = Some(now);
                }
            }
            FailureKind::ChatFatal => {}
            FailureKind::Retry if attempts < MAX_ATTEMPTS => {}
            FailureKind::MessageGone if delivery.question.is_some() && attempts < MAX_ATTEMPTS => {
                settled.parts.clear();
                settled.due_at = Some(now);
            }
            FailureKind::MessageGone if delivery.question.is_some() => {
                settled.state = DeliveryState::Dead;
                settled.due_at = None;
            }
            // A menu or a card that somebody has deleted is not wanted.
            FailureKind::MessageGone => {
                settled.state = DeliveryState::Dropped;
                settled.due_at = None;
                tx.deliveries().look_again(id, None).await?;
            }
            // Without content there is nothing to keep as a dead letter: it is tried with the content.
            FailureKind::Retry | FailureKind::Terminal if delivery.content.is_none() => {
                settled.due_at = None;
            }
            FailureKind::Retry | FailureKind::Terminal => {
                settled.state = DeliveryState::Dead;
                settled.due_at = None;
            }
            FailureKind::FileRefused => {}
        }
        tx.deliveries().settle(id, &settled, now).await?;
        match failure.kind {
            FailureKind::ChatFatal => {
                tx.deliveries().drop_of_chat(chat, now).await?;
                tx.standing_questions().delete_of_chat(chat).await?;
            }
            FailureKind::FileRefused => {
                let code = failure.code.unwrap_or("not_found");
                let content = self.present.refusal(code, &delivery.trace_id);
                tx.deliveries().write(id, &content, &[], now).await?;
            }
            _ if settled.state == DeliveryState::Dead => {
                dead_letters::tell_admins(&mut tx, &delivery, &failure.message, now).await?;
            }
            _ => {}
        }
        tx.commit().await?;
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

/// Whether it answers a question that was refused long ago, also where its text was deleted since: no other notice has a
/// question.
fn tells_unasked(delivery: &Delivery) -> bool {
    delivery.priority == Priority::Notice && delivery.update_id.is_none() && delivery.question.is_some()
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

/// How long a delivery waits after a failure.
fn pause(attempts: u32, asked: Option<Duration>) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let own = RETRY_FIRST.saturating_mul(1 << doublings).min(RETRY_LONGEST);
    own.max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_waits_longer_each_time_and_as_long_as_telegram_asks() {
        let seconds =
            |attempts, asked: Option<u64>| pause(attempts, asked.map(Duration::from_secs)).as_secs();
        assert_eq!([1, 2, 3, 10].map(|n| seconds(n, None)), [1, 2, 4, 512]);
        assert_eq!(seconds(30, None), 600);
        assert_eq!(seconds(1, Some(35)), 35);
        assert_eq!(seconds(7, Some(35)), 64);
    }
}
