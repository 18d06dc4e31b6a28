//! Questions that a knowledge base had no answer to.

use nexus_domain::{AnswerId, ApiKeyId, Asker, BotId, KbId, Timestamp, UserId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use super::Answers;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, limit};

statements! {
    REFUSED = "SELECT a.id, a.created_at, a.user_id, a.bot_id, a.api_key_id, a.question, a.searched FROM answer_kbs k
        JOIN answers a ON a.id = k.answer_id WHERE k.kb_id = $1 AND a.found = $2 ORDER BY k.answer_id DESC LIMIT $3";
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    created_at: At,
    user_id: Option<Uuid>,
    bot_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    question: String,
    searched: Option<String>,
}

/// A question that was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedQuestion {
    pub answer: AnswerId,
    pub at: Timestamp,
    pub asker: Asker,
    pub question: String,
    /// What was looked for, where that was not the question.
    pub searched: Option<String>,
}

impl From<Row> for RefusedQuestion {
    fn from(row: Row) -> Self {
        Self {
            answer: AnswerId::from_uuid(row.id),
            at: row.created_at.0,
            asker: Asker {
                user: row.user_id.map(UserId::from_uuid),
                bot: row.bot_id.map(BotId::from_uuid),
                api_key: row.api_key_id.map(ApiKeyId::from_uuid),
            },
            question: row.question,
            searched: row.searched,
        }
    }
}

impl<C: Connect> Answers<C> {
    /// The latest questions to a knowledge base that were refused, newest first.
    pub async fn refused(&mut self, kb: KbId, rows: usize) -> Result<Vec<RefusedQuestion>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(REFUSED)
            .bind(kb.as_uuid())
            .bind(false)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        Ok(rows.into_iter().map(RefusedQuestion::from).collect())
    }
}
