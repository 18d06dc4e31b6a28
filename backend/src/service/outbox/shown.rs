//! Who may still be shown what a delivery holds, at the moment when it goes out.

use nexus_domain::{Access, Content, Delivery, DeliveryState, KbId, Origin, Priority, UserId};
use nexus_storage::Settled;

use super::Outbox;
use crate::service::replies::takes_notices;
use crate::service::{Refusal, ServiceError};

impl Outbox {
    /// Rights may have changed since the content was made: whoever may not see it any more gets the refusal instead.
    pub(super) async fn may_be_shown(&self, delivery: &Delivery) -> Result<bool, ServiceError> {
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
}

/// Whether it answers a question that was refused long ago, also where its text was deleted since: no other notice has a
/// question.
fn tells_unasked(delivery: &Delivery) -> bool {
    delivery.priority == Priority::Notice && delivery.update_id.is_none() && delivery.question.is_some()
}
