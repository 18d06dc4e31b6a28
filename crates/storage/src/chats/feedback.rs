//! What people think of answers that messages give: one row per message and person, the last word counts. It is the word on
//! the answer itself, too, where that is kept.

use nexus_domain::webhook::FeedbackGiven;
use nexus_domain::{AnswerId, BotId, DeliveryId, EventData, Feedback, Timestamp, UserId};
use sqlx::types::Uuid;

use crate::answers::Answers;
use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, from_json, word};
use crate::webhooks::WebhookDeliveries;

statements! {
    GET = "SELECT verdict, reason FROM feedback WHERE delivery_id = $1 ORDER BY updated_at DESC LIMIT 1";
    PUT = "INSERT INTO feedback (delivery_id, user_id, verdict, reason, updated_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (delivery_id, user_id) DO UPDATE SET verdict = excluded.verdict, reason = excluded.reason,
            updated_at = excluded.updated_at";
    ANSWER = "SELECT bot_id, kbs, question FROM deliveries WHERE id = $1";
}

#[derive(Debug)]
pub struct Feedbacks<C>(pub(crate) C);

impl<C: Connect> Feedbacks<C> {
    /// The latest on an answer.
    pub async fn of(&mut self, delivery: DeliveryId) -> Result<Option<Feedback>, StorageError> {
        let row: Option<(String, Option<String>)> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(delivery.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(|(verdict, reason)| {
            Ok(Feedback {
                verdict: word(&verdict)?,
                reason: reason.as_deref().map(word).transpose()?,
            })
        })
        .transpose()
    }
}

impl Feedbacks<&mut Tx> {
    pub async fn put(
        &mut self,
        delivery: DeliveryId,
        user: UserId,
        feedback: Feedback,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let insert = sqlx::query(PUT).bind(delivery.as_uuid()).bind(user.as_uuid());
            let insert = insert
                .bind(feedback.verdict.as_str())
                .bind(feedback.reason.map(nexus_domain::FeedbackReason::as_str));
            insert.bind(At(now)).execute(c).await?.rows_affected()
        });
        let kept = Answers(&mut *self.0)
            .rate_delivery(delivery, feedback, now)
            .await?;
        self.publish(delivery, kept, feedback, now).await
    }

    async fn publish(
        &mut self,
        delivery: DeliveryId,
        kept: Option<AnswerId>,
        feedback: Feedback,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let answer: Option<(Uuid, String, Option<String>)> = on!(self.0, |c| sqlx::query_as(ANSWER)
            .bind(delivery.as_uuid())
            .fetch_optional(c)
            .await?);
        let Some((bot, kbs, question)) = answer else {
            return Ok(());
        };
        let given = FeedbackGiven {
            answer_id: kept,
            message_id: Some(delivery),
            bot_id: Some(BotId::from_uuid(bot)),
            question,
            knowledge_base_ids: from_json(&kbs, "knowledge bases of a message")?,
            verdict: feedback.verdict,
            reason: feedback.reason,
        };
        let mut deliveries = WebhookDeliveries(&mut *self.0);
        deliveries.publish(&EventData::FeedbackGiven(given), now).await
    }
}
