//! Questions without an answer that stand until a knowledge base holds one.

use crate::access::words;
use crate::delivery::Language;
use crate::hash::ContentHash;
use crate::id::{AnswerId, BotId, ChatId, KbId, StandingQuestionId, UserId};
use crate::time::Timestamp;

/// What became of it. One whose time is over has no row any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StandingState {
    Open,
    /// The asker got a message with the answer.
    Told,
    /// The asker asked again and was answered.
    Answered,
    /// The answer was made, and the asker may not see it any more.
    Withdrawn,
    /// Its row cannot be read: nobody looks at it until it is asked again or its time is over.
    Unreadable,
}
words!(StandingState, "state of a standing question": Open = "open", Told = "told", Answered = "answered",
    Withdrawn = "withdrawn", Unreadable = "unreadable");

/// A question that a person asked in a chat and that was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingQuestion {
    pub id: StandingQuestionId,
    pub bot_id: BotId,
    pub chat_id: ChatId,
    /// 0 is the chat itself.
    pub topic_id: i64,
    pub user_id: UserId,
    /// Of its words: the same question of the same person in the same place is one.
    pub digest: ContentHash,
    pub language: Language,
    /// As it was asked.
    pub question: String,
    /// As it stands alone.
    pub searched: String,
    /// The knowledge bases that were chosen; none: whatever the person sees.
    pub chosen: Vec<KbId>,
    /// Telegram's id of the message that asked.
    pub reply_to: Option<i64>,
    /// The refusal, where answers are kept.
    pub answer_id: Option<AnswerId>,
    /// What was known when it was refused: words of the service that judges by it.
    pub baseline: String,
    /// Looks that failed one after the other.
    pub attempts: u32,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
}

impl StandingQuestion {
    /// Where it was asked, and by whom.
    pub const fn place(&self) -> (ChatId, i64, UserId) {
        (self.chat_id, self.topic_id, self.user_id)
    }

    pub fn topic(&self) -> Option<i64> {
        Some(self.topic_id).filter(|topic| *topic != 0)
    }
}
