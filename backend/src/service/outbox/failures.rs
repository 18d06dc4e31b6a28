//! What becomes of a delivery that has failed.

use std::time::Duration;

use nexus_domain::bot::BotError;
use nexus_domain::{ChatState, DeliveryId, DeliveryState, LeaseToken};
use nexus_storage::{HandedOut, Settled};

use super::{Outbox, held, move_chat};
use crate::service::{ServiceError, dead_letters};

/// Failures after which a delivery becomes a dead letter.
const MAX_ATTEMPTS: u32 = 12;
/// First wait after a failure that may pass; doubled with each one.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(600);
/// Wait after Telegram has refused the bot's token: somebody must do something first.
const BOT_REFUSED: Duration = Duration::from_secs(60);

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
