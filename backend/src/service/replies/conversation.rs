//! What a person has asked before, so that the next question can lean on it. Only questions are kept, as they were understood:
//! nothing of an answer, and so of no document. A question counts once it is answered, in the transaction that ends its update.

use std::time::Duration;

use nexus_domain::{Asked, ChatId, Timestamp, UserId};
use nexus_rag::Answer;
use nexus_rag::follow_up;
use nexus_storage::{StorageError, Tx};

use super::{NotHandled, Replies, Turn};

/// A conversation in which nothing was asked for so long is over: 6 hours.
pub const IDLE_AFTER: Duration = Duration::from_secs(6 * 3_600);

/// What becomes of the conversation at the end of an update.
#[derive(Debug, Default)]
pub(super) enum ConversationChange {
    #[default]
    Stays,
    Asked(Asked),
    Ends,
}

impl ConversationChange {
    /// The question, whether or not anything was found, as what was understood and answered.
    pub(super) fn asked(turn: &Turn<'_>, text: &str, answer: &Answer) -> Self {
        let understood = answer.retrieval.question.as_deref().unwrap_or(text);
        let understood = follow_up::Turn::standing_alone(understood);
        Self::Asked(Asked {
            message_id: turn.update.message_id,
            question: understood.question().to_owned(),
        })
    }
}

impl Replies {
    /// The questions before the one that this update asks or changes, oldest first.
    pub(super) async fn asked_before(&self, turn: &Turn<'_>) -> Result<Vec<follow_up::Turn>, NotHandled> {
        let since = self.clock.now().minus(IDLE_AFTER);
        let conversation = self.db.conversations().get(turn.place(), since).await?;
        let conversation = conversation.unwrap_or_default();
        Ok(conversation
            .before(turn.update.message_id)
            .map(follow_up::Turn::standing_alone)
            .collect())
    }
}

/// Belongs into the transaction that ends the update: so a question counts once, whoever dies in between.
pub(super) async fn change(
    tx: &mut Tx,
    place: (ChatId, i64, UserId),
    change: ConversationChange,
    now: Timestamp,
) -> Result<(), StorageError> {
    match change {
        ConversationChange::Stays => {}
        ConversationChange::Asked(asked) => {
            let known = tx.conversations().get(place, now.minus(IDLE_AFTER)).await?;
            let mut conversation = known.unwrap_or_default();
            conversation.note(asked);
            tx.conversations().put(place, &conversation, now).await?;
        }
        ConversationChange::Ends => {
            tx.conversations().delete(place).await?;
        }
    }
    Ok(())
}
