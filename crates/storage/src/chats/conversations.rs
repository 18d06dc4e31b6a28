//! What people have asked of late, per chat, topic and person. Forgotten when nothing is asked for a while.

use nexus_domain::{ChatId, Conversation, Timestamp, UserId};

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, from_json, to_json};

statements! {
    GET = "SELECT questions FROM conversations
        WHERE chat_id = $1 AND topic_id = $2 AND user_id = $3 AND updated_at > $4";
    PUT = "INSERT INTO conversations (chat_id, topic_id, user_id, questions, updated_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (chat_id, topic_id, user_id) DO UPDATE SET questions = excluded.questions,
            updated_at = excluded.updated_at";
    DELETE = "DELETE FROM conversations WHERE chat_id = $1 AND topic_id = $2 AND user_id = $3";
    DELETE_OF_CHAT = "DELETE FROM conversations WHERE chat_id = $1";
    DELETE_IDLE = "DELETE FROM conversations WHERE updated_at <= $1";
}

#[derive(Debug)]
pub struct Conversations<C>(pub(crate) C);

impl<C: Connect> Conversations<C> {
    /// `None` if nothing was asked since. Topic 0 is the chat itself.
    pub async fn get(
        &mut self,
        (chat, topic, user): (ChatId, i64, UserId),
        since: Timestamp,
    ) -> Result<Option<Conversation>, StorageError> {
        let questions: Option<String> = on!(self.0, |c| {
            let select = sqlx::query_scalar(GET).bind(chat.as_uuid()).bind(topic);
            let select = select.bind(user.as_uuid()).bind(At(since));
            select.fetch_optional(c).await?
        });
        questions
            .map(|questions| from_json(&questions, "questions of a conversation"))
            .transpose()
    }
}

impl Conversations<&mut Tx> {
    pub async fn put(
        &mut self,
        (chat, topic, user): (ChatId, i64, UserId),
        conversation: &Conversation,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let insert = sqlx::query(PUT).bind(chat.as_uuid()).bind(topic);
            let insert = insert.bind(user.as_uuid()).bind(to_json(conversation));
            insert.bind(At(now)).execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// Whether there was one.
    pub async fn delete(&mut self, (chat, topic, user): (ChatId, i64, UserId)) -> Result<bool, StorageError> {
        let deleted = on!(self.0, |c| sqlx::query(DELETE)
            .bind(chat.as_uuid())
            .bind(topic)
            .bind(user.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(deleted > 0)
    }

    /// Those of everybody in a chat.
    pub async fn delete_of_chat(&mut self, chat: ChatId) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_OF_CHAT)
            .bind(chat.as_uuid())
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Those in which nothing was asked since.
    pub async fn delete_idle(&mut self, since: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_IDLE)
            .bind(At(since))
            .execute(c)
            .await?
            .rows_affected()))
    }
}
