//! Webhooks: whom we tell of what happens here, what is still to be told, and who may tell us.

use serde::Serialize;

use crate::access::words;
use crate::delivery::{FeedbackReason, Verdict};
use crate::id::{
    AnswerId, ApiKeyId, BotId, DeliveryId, IncomingWebhookId, KbId, SourceId, TaskId, UserId,
    WebhookDeliveryId, WebhookId,
};
use crate::task::{Counts, TaskError, TaskKind, TaskState};
use crate::time::Timestamp;

/// Most webhooks that are told of events.
pub const MAX_WEBHOOKS: u64 = 100;
/// Most webhooks that may tell of one knowledge base.
pub const MAX_INCOMING_WEBHOOKS: u64 = 100;
/// Deliveries of one webhook that may wait. What comes on top is a dead letter at once.
pub const MAX_WAITING_DELIVERIES: u64 = 10_000;

/// What others can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookEvent {
    /// A task of a knowledge base has succeeded, failed or was cancelled.
    TaskEnded,
    /// The revision of a knowledge base was raised.
    KnowledgeBaseChanged,
    /// The knowledge bases that were asked hold nothing on a question.
    QuestionRefused,
    /// A person has rated an answer.
    FeedbackGiven,
}
words!(WebhookEvent, "event": TaskEnded = "task.ended", KnowledgeBaseChanged = "knowledge_base.changed",
    QuestionRefused = "question.refused", FeedbackGiven = "feedback.given");

/// An address that is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: String,
    pub events: Vec<WebhookEvent>,
    /// The only knowledge bases whose events are told; `None` is all.
    pub kbs: Option<Vec<KbId>>,
    pub enabled: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Webhook {
    /// Whether it wants to hear of `event` in these knowledge bases.
    pub fn wants(&self, event: WebhookEvent, kbs: &[KbId]) -> bool {
        let among = |wanted: &Vec<KbId>| kbs.iter().any(|kb| wanted.contains(kb));
        self.enabled && self.events.contains(&event) && self.kbs.as_ref().is_none_or(among)
    }
}

/// Where the telling of one event to one webhook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebhookDeliveryState {
    Pending,
    Delivered,
    /// Given up; somebody may send it again.
    Dead,
}
words!(WebhookDeliveryState, "state of a delivery": Pending = "pending", Delivered = "delivered", Dead = "dead");

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// The same at each attempt: by it the receiver recognises repeats.
    pub id: WebhookDeliveryId,
    pub webhook_id: WebhookId,
    pub event: WebhookEvent,
    pub kb_id: Option<KbId>,
    pub state: WebhookDeliveryState,
    /// Attempts that have begun.
    pub attempts: u32,
    pub due_at: Option<Timestamp>,
    /// HTTP status of the last attempt that was answered.
    pub last_status: Option<u16>,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What happened, as webhooks are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EventData {
    TaskEnded(TaskEnded),
    QuestionRefused(QuestionRefused),
    FeedbackGiven(FeedbackGiven),
    KnowledgeBaseChanged(KnowledgeBaseChanged),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskEnded {
    pub task_id: TaskId,
    pub kind: TaskKind,
    pub state: TaskState,
    pub knowledge_base_id: KbId,
    pub source_id: Option<SourceId>,
    pub counts: Counts,
    pub error: Option<TaskError>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnowledgeBaseChanged {
    pub knowledge_base_id: KbId,
    pub revision: i64,
    pub deleted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuestionRefused {
    pub question: String,
    /// All that were asked.
    pub knowledge_base_ids: Vec<KbId>,
    pub bot_id: Option<BotId>,
    /// The answer in a chat that says so.
    pub message_id: Option<DeliveryId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeedbackGiven {
    /// The answer that was rated, where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_id: Option<AnswerId>,
    /// The message that it was given by, where it was given by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<DeliveryId>,
    /// The bot that it was asked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
    pub question: Option<String>,
    /// Those that the answer shows something of.
    pub knowledge_base_ids: Vec<KbId>,
    pub verdict: Verdict,
    pub reason: Option<FeedbackReason>,
}

impl EventData {
    pub const fn event(&self) -> WebhookEvent {
        match self {
            Self::TaskEnded(_) => WebhookEvent::TaskEnded,
            Self::KnowledgeBaseChanged(_) => WebhookEvent::KnowledgeBaseChanged,
            Self::QuestionRefused(_) => WebhookEvent::QuestionRefused,
            Self::FeedbackGiven(_) => WebhookEvent::FeedbackGiven,
        }
    }

    /// The knowledge bases that it happened in.
    pub fn kbs(&self) -> &[KbId] {
        match self {
            Self::TaskEnded(ended) => std::slice::from_ref(&ended.knowledge_base_id),
            Self::KnowledgeBaseChanged(changed) => std::slice::from_ref(&changed.knowledge_base_id),
            Self::QuestionRefused(refused) => &refused.knowledge_base_ids,
            Self::FeedbackGiven(feedback) => &feedback.knowledge_base_ids,
        }
    }
}

/// Who may tell us that a knowledge base must change: whoever signs with its secret may do what its maker may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingWebhook {
    pub id: IncomingWebhookId,
    pub kb_id: KbId,
    pub name: String,
    pub maker: Maker,
    pub created_at: Timestamp,
    /// When it has told us something last.
    pub used_at: Option<Timestamp>,
}

/// Who has made an incoming webhook. What they may not do any more, it may not do any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    Person(UserId),
    ApiKey(ApiKeyId),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(kbs: Option<Vec<KbId>>) -> Webhook {
        let at = Timestamp::from_micros(0);
        Webhook {
            id: WebhookId::new(at),
            url: "https://n8n.example.org/webhook/nexus".to_owned(),
            events: vec![WebhookEvent::TaskEnded],
            kbs,
            enabled: true,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn a_webhook_hears_what_it_asked_for_and_nothing_else() {
        let at = Timestamp::from_micros(0);
        let (ours, theirs) = (KbId::new(at), KbId::new(at));
        let all = webhook(None);
        assert!(all.wants(WebhookEvent::TaskEnded, &[ours]) && all.wants(WebhookEvent::TaskEnded, &[]));
        assert!(!all.wants(WebhookEvent::FeedbackGiven, &[ours]));
        let narrow = webhook(Some(vec![ours]));
        assert!(narrow.wants(WebhookEvent::TaskEnded, &[theirs, ours]));
        assert!(
            !narrow.wants(WebhookEvent::TaskEnded, &[theirs]) && !narrow.wants(WebhookEvent::TaskEnded, &[])
        );
        let off = Webhook {
            enabled: false,
            ..all
        };
        assert!(!off.wants(WebhookEvent::TaskEnded, &[ours]));
    }
}
