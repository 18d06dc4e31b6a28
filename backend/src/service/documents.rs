//! Documents and sources of a knowledge base.

use std::sync::Arc;

use nexus_domain::{
    Access, Action, Clock, Document, DocumentId, KnowledgeBase, LineRange, TargetKind, TaskPayload,
};
use nexus_storage::{Db, SourceSummary};

use super::ServiceError;
use super::audit::Change;
use crate::worker::Queue;

#[derive(Clone, Debug)]
pub struct Documents {
    db: Db,
    clock: Arc<dyn Clock>,
    queue: Queue,
}

impl Documents {
    pub fn new(db: Db, clock: Arc<dyn Clock>, queue: Queue) -> Self {
        Self { db, clock, queue }
    }

    pub async fn get(&self, access: &Access, id: DocumentId) -> Result<Document, ServiceError> {
        let document = self.db.documents().get(id).await?;
        document
            .filter(|document| access.sees(document.kb_id))
            .ok_or(ServiceError::NotFound("document"))
    }

    /// Documents in the order of their paths, after `after`.
    pub async fn list(
        &self,
        kb: &KnowledgeBase,
        after: Option<(String, DocumentId)>,
        limit: usize,
    ) -> Result<Vec<Document>, ServiceError> {
        let after = after.as_ref().map(|(path, id)| (path.as_str(), *id));
        Ok(self.db.documents().list(kb.id, None, after, limit).await?)
    }

    pub async fn sources(&self, kb: &KnowledgeBase) -> Result<Vec<SourceSummary>, ServiceError> {
        Ok(self.db.sources().list(kb.id).await?)
    }

    /// The lines `range` of the text, put together from the chunks at the lines where they stand. Chunks cover every
    /// line that is not blank.
    pub async fn text(&self, document: &Document, range: LineRange) -> Result<String, ServiceError> {
        let chunks = self.db.chunks().of_document(document.id).await?;
        let mut text = String::new();
        let mut next_line = range.first;
        for chunk in chunks {
            for (line, content) in (chunk.lines.first..).zip(chunk.text.lines()) {
                if line < range.first || line > range.last {
                    continue;
                }
                // Blank lines between chunks; a line that two chunks share goes on where it was cut.
                while next_line < line {
                    text.push('\n');
                    next_line += 1;
                }
                if next_line > line && text.ends_with('\n') {
                    text.pop();
                }
                text.push_str(content);
                text.push('\n');
                next_line = line + 1;
            }
        }
        Ok(text)
    }

    pub async fn delete(&self, access: &Access, document: &Document) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if tx.documents().delete(document.id, now).await? {
            tx.knowledge_bases().bump_revision(document.kb_id, now).await?;
            Change::new(Action::DocumentDelete, TargetKind::Document, document.id)
                .of_kb(Some(document.kb_id))
                .record(&mut tx, access, now)
                .await?;
            self.queue
                .enqueue_once(&mut tx, None, TaskPayload::Sweep, "")
                .await?;
        }
        tx.commit().await?;
        self.queue.wake();
        Ok(())
    }
}
