//! Removing the rows of a deleted knowledge base, in steps that are short enough for other writers to wait.

use nexus_domain::KbId;

use crate::db::Tx;
use crate::embeddings::Embeddings;
use crate::error::StorageError;
use crate::knowledge_bases::KnowledgeBases;
use crate::session::on;
use crate::sql::statements;
use crate::types::limit;

statements! {
    DELETE_CHUNKS = "DELETE FROM chunks WHERE id IN (SELECT c.id FROM chunks c
            JOIN knowledge_bases k ON k.id = c.kb_id AND k.deleted_at IS NOT NULL WHERE c.kb_id = $1 LIMIT $2)
        RETURNING content_hash";
    DELETE_VERSIONS = "DELETE FROM document_versions WHERE kb_id = $1
        AND EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = $1 AND k.deleted_at IS NOT NULL)";
    DELETE_DOCUMENTS = "DELETE FROM documents WHERE kb_id = $1
        AND EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = $1 AND k.deleted_at IS NOT NULL)";
    DELETE_SOURCES = "DELETE FROM sources WHERE kb_id = $1
        AND EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = $1 AND k.deleted_at IS NOT NULL)";
    // A task that still runs is left: it finds its knowledge base gone and ends by itself.
    DELETE_TASKS = "DELETE FROM tasks WHERE kb_id = $1 AND state <> 'running'
        AND EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = $1 AND k.deleted_at IS NOT NULL)";
    // What was asked of it alone stands for nothing any more.
    DELETE_STANDING = "DELETE FROM standing_questions WHERE id IN (SELECT question_id FROM standing_question_kbs
            WHERE kb_id = $1)
        AND NOT EXISTS (SELECT 1 FROM standing_question_kbs o JOIN knowledge_bases k ON k.id = o.kb_id
            AND k.deleted_at IS NULL WHERE o.question_id = standing_questions.id)
        AND EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = $1 AND k.deleted_at IS NOT NULL)";
    DELETE_STANDING_KBS = "DELETE FROM standing_question_kbs WHERE kb_id = $1
        AND EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = $1 AND k.deleted_at IS NOT NULL)";
    DELETE_KB = "DELETE FROM knowledge_bases WHERE id = $1 AND deleted_at IS NOT NULL";
}

/// How far a purge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeStep {
    /// Rows went; commit, and call again.
    More { chunks: u64 },
    /// All rows of the knowledge base are gone once this transaction commits.
    Done,
}

impl KnowledgeBases<&mut Tx> {
    /// Removes up to `max_chunks` chunks of a deleted knowledge base with the cached embeddings of their texts, and with
    /// the last of them everything else that belongs to it. A live one is left alone.
    ///
    /// [`StorageError::ReferenceViolation`] if a task that has not noticed yet writes to it: try again later.
    pub async fn purge_step(&mut self, kb: KbId, max_chunks: usize) -> Result<PurgeStep, StorageError> {
        let id = kb.as_uuid();
        let contents: Vec<Vec<u8>> = on!(self.0, |c| {
            let delete = sqlx::query_scalar(DELETE_CHUNKS).bind(id).bind(limit(max_chunks));
            delete.fetch_all(c).await?
        });
        let chunks = contents.len();
        Embeddings(&mut *self.0).forget(contents).await?;
        if chunks >= max_chunks {
            return Ok(PurgeStep::More {
                chunks: chunks as u64,
            });
        }
        for sql in [
            DELETE_VERSIONS,
            DELETE_DOCUMENTS,
            DELETE_SOURCES,
            DELETE_TASKS,
            DELETE_STANDING,
            DELETE_STANDING_KBS,
            DELETE_KB,
        ] {
            on!(self.0, |c| sqlx::query(sql)
                .bind(id)
                .execute(c)
                .await?
                .rows_affected());
        }
        Ok(PurgeStep::Done)
    }
}
