//! What a person has asked a bot of late, in one chat and topic: the questions that the next one may lean on.

use serde::{Deserialize, Serialize};

/// A question of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Telegram's number of the message, which grows in a chat.
    pub message_id: Option<i64>,
    /// As it was understood: it stands alone.
    pub question: String,
}

/// In the order of their messages, which is not that of their answers: an old question can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conversation(Vec<Asked>);

impl Conversation {
    /// Questions that are kept; what lies further back is another subject.
    pub const MAX_QUESTIONS: usize = 8;

    /// The questions before a message, oldest first; all of them for one without a number.
    pub fn before(&self, message_id: Option<i64>) -> impl Iterator<Item = &str> {
        let is_before = move |asked: &&Asked| match (asked.message_id, message_id) {
            (Some(earlier), Some(this)) => earlier < this,
            _ => true,
        };
        self.0
            .iter()
            .filter(is_before)
            .map(|asked| asked.question.as_str())
    }

    /// Adds a question in its place, instead of what the same message said before.
    pub fn note(&mut self, asked: Asked) {
        if asked.message_id.is_some() {
            self.0.retain(|known| known.message_id != asked.message_id);
        }
        let is_later = |known: &Asked| known.message_id.zip(asked.message_id).is_some_and(|(a, b)| a > b);
        let place = self.0.iter().position(is_later).unwrap_or(self.0.len());
        self.0.insert(place, asked);
        let too_many = self.0.len().saturating_sub(Self::MAX_QUESTIONS);
        self.0.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(message_id: i64, question: &str) -> Asked {
        Asked {
            message_id: Some(message_id),
            question: question.to_owned(),
        }
    }

    fn of(questions: impl IntoIterator<Item = Asked>) -> Conversation {
        let mut conversation = Conversation::default();
        questions
            .into_iter()
            .for_each(|question| conversation.note(question));
        conversation
    }

    #[test]
    fn the_oldest_is_dropped() {
        let many = of((0..20).map(|n| asked(n, &n.to_string())));
        let kept: Vec<_> = many.before(None).collect();
        assert_eq!(kept, ["12", "13", "14", "15", "16", "17", "18", "19"]);
    }

    #[test]
    fn what_is_changed_stays_in_its_place_and_leans_on_what_came_before() {
        let mut three = of([asked(10, "one"), asked(20, "two"), asked(30, "three")]);
        assert_eq!(three.before(Some(20)).collect::<Vec<_>>(), ["one"]);
        three.note(asked(20, "two again"));
        assert_eq!(
            three.before(None).collect::<Vec<_>>(),
            ["one", "two again", "three"]
        );
        three.note(asked(15, "forgotten before"));
        assert_eq!(
            three.before(Some(30)).collect::<Vec<_>>(),
            ["one", "forgotten before", "two again"]
        );
        three.note(Asked {
            message_id: None,
            question: "last".to_owned(),
        });
        assert_eq!(three.before(None).last(), Some("last"));
    }
}
