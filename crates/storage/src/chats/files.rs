//! Files of Telegram that a knowledge base was fed with, and the task that read them.

use nexus_domain::{KbId, TaskId, Timestamp};
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::At;

statements! {
    GET = "SELECT task_id FROM telegram_files WHERE kb_id = $1 AND file_unique_id = $2";
    PUT = "INSERT INTO telegram_files (kb_id, file_unique_id, task_id, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (kb_id, file_unique_id) DO UPDATE SET task_id = excluded.task_id, created_at = excluded.created_at";
}

#[derive(Debug)]
pub struct TelegramFiles<C>(pub(crate) C);

impl<C: Connect> TelegramFiles<C> {
    /// The task that has read the file into the knowledge base.
    pub async fn task(&mut self, kb: KbId, file_unique_id: &str) -> Result<Option<TaskId>, StorageError> {
        let task: Option<Uuid> = on!(self.0, |c| sqlx::query_scalar(GET)
            .bind(kb.as_uuid())
            .bind(file_unique_id)
            .fetch_optional(c)
            .await?);
        Ok(task.map(TaskId::from_uuid))
    }
}

impl TelegramFiles<&mut Tx> {
    pub async fn put(
        &mut self,
        kb: KbId,
        file_unique_id: &str,
        task: TaskId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let insert = sqlx::query(PUT).bind(kb.as_uuid()).bind(file_unique_id);
            insert
                .bind(task.as_uuid())
                .bind(At(now))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }
}
