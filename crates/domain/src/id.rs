//! Typed ids. Every id is a UUIDv7 made from a [`Clock`](crate::Clock), so rows sort by creation and no id is ever
//! used again.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Uuid};

use crate::time::Timestamp;

/// Orders the ids that are made within one millisecond of each other by this process.
static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());

fn uuid_v7(at: Timestamp) -> Uuid {
    let micros = u64::try_from(at.as_micros()).unwrap_or(0);
    let (seconds, nanos) = (micros / 1_000_000, (micros % 1_000_000) * 1_000);
    let context = CONTEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let nanos = u32::try_from(nanos).expect("less than a second of nanoseconds fits u32");
    Uuid::new_v7(uuid::Timestamp::from_unix(&*context, seconds, nanos))
}

fn made_at(id: Uuid) -> Timestamp {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |at| at.to_unix());
    let micros = i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    Timestamp::from_micros(micros.saturating_add(i64::from(nanos / 1_000)))
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, created at `at`.
            pub fn new(at: Timestamp) -> Self {
                Self(uuid_v7(at))
            }

            /// An id that was stored or sent before.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// When it was made, to the millisecond; the epoch for an id that tells no time.
            pub fn made_at(self) -> Timestamp {
                made_at(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    )+};
}

typed_ids! {
    /// A knowledge base.
    KbId;
    /// Where a set of documents of one knowledge base comes from.
    SourceId;
    /// A document: one path of one source.
    DocumentId;
    /// One content of a document. A document shows exactly one version at a time.
    VersionId;
    /// A passage of one version; also its point id in both indexes.
    ChunkId;
    /// A background task.
    TaskId;
    /// A file that a caller has uploaded.
    UploadId;
    /// An API key (its row, not its secret).
    ApiKeyId;
    /// A person.
    UserId;
    /// A Telegram bot.
    BotId;
    /// A person's use of a bot.
    SubscriptionId;
    /// A bot's token for this API (its row, not its secret).
    ServiceTokenId;
    /// A person's sign-in (its row, not its token).
    SessionId;
    /// An entry of the audit log.
    AuditId;
    /// A bot's chat at Telegram.
    ChatId;
    /// Something that came from Telegram; its id among the messages of its chat.
    UpdateId;
    /// A message on its way to Telegram; its id among the messages of its chat.
    DeliveryId;
    /// An answer that is kept.
    AnswerId;
    /// A question that stands until it can be answered.
    StandingQuestionId;
    /// A call of a model at its provider.
    ModelCallId;
    /// A bot's process, from its start to its end.
    ProcessId;
    /// An address that is told of events.
    WebhookId;
    /// One event on its way to a webhook.
    WebhookDeliveryId;
    /// Who may tell us of a knowledge base.
    IncomingWebhookId;
    /// Fences the writes of a worker that holds a task: changes with every claim.
    LeaseToken;
}

/// A dense index built with one embedding model. Counted up from 1; 0 means "not embedded".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GenerationId(pub i64);

impl GenerationId {
    /// What a version carries until a dense index holds it.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_at_one_instant_sort_in_the_order_of_their_making() {
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        let ids: Vec<_> = (0..1_000).map(|_| ChunkId::new(at)).collect();
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
