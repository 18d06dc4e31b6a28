//! What a person is in the middle of, in one chat and topic. Forgotten after a while.

use nexus_domain::{ChatId, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, from_json, to_json};

statements! {
    GET = "SELECT state FROM dialogues WHERE chat_id = $1 AND topic_id = $2 AND user_id = $3 AND expires_at > $4";
    PUT = "INSERT INTO dialogues (chat_id, topic_id, user_id, state, expires_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (chat_id, topic_id, user_id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at";
    DELETE = "DELETE FROM dialogues WHERE chat_id = $1 AND topic_id = $2 AND user_id = $3";
    DELETE_EXPIRED = "DELETE FROM dialogues WHERE expires_at <= $1";
}

#[derive(Debug)]
pub struct Dialogues<C>(pub(crate) C);

impl<C: Connect> Dialogues<C> {
    /// `None` once it has expired. Topic 0 is the chat itself.
    pub async fn get<T: DeserializeOwned>(
        &mut self,
        (chat, topic, user): (ChatId, i64, UserId),
        now: Timestamp,
    ) -> Result<Option<T>, StorageError> {
        let state: Option<String> = on!(self.0, |c| {
            let select = sqlx::query_scalar(GET).bind(chat.as_uuid()).bind(topic);
            let select = select.bind(user.as_uuid()).bind(At(now));
            select.fetch_optional(c).await?
        });
        state
            .map(|state| from_json(&state, "state of a dialogue"))
            .transpose()
    }
}

impl Dialogues<&mut Tx> {
    pub async fn put<T: Serialize + Sync>(
        &mut self,
        (chat, topic, user): (ChatId, i64, UserId),
        state: &T,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let insert = sqlx::query(PUT).bind(chat.as_uuid()).bind(topic);
            let insert = insert.bind(user.as_uuid()).bind(to_json(state));
            insert.bind(At(expires_at)).execute(c).await?.rows_affected()
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

    pub async fn delete_expired(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_EXPIRED)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }
}
