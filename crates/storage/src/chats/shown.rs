//! Which passages messages show something of, so that a text that is deleted goes from what was said of it, too. The copies
//! that answers keep go by the same rule: whoever asks here hears of both.

use nexus_domain::{ChunkId, Content, DeliveryId, DocumentId, KbId, ShownPassage, Timestamp, VersionId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::answers::KeptPassages;
use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{At, limit, to_json};

statements! {
    INSERT = "INSERT INTO shown_passages (chunk_id, delivery_id, document_id, kb_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING";
    DELETE_OF = "DELETE FROM shown_passages WHERE delivery_id = $1";
    // A passage whose row is gone was swept while the message was made; one that waits for the sweep is found by it.
    IS_LIVE = "SELECT 1 FROM chunks c JOIN documents d ON d.id = $1 AND d.deleted_at IS NULL
        JOIN knowledge_bases k ON k.id = d.kb_id AND k.deleted_at IS NULL WHERE c.id = $2";
    OF_VERSIONS = ids_in!("SELECT s.chunk_id, s.delivery_id, s.document_id, c.text,
            CASE WHEN d.id IS NULL OR d.deleted_at IS NOT NULL THEN 0 ELSE 1 END AS live
        FROM chunks c JOIN shown_passages s ON s.chunk_id = c.id LEFT JOIN documents d ON d.id = s.document_id
        WHERE c.version_id IN ", "");
    COPIES_OF_VERSIONS = ids_in!("SELECT p.lives_in AS chunk_id, p.id AS copy, p.document_id, c.text,
            CASE WHEN d.id IS NULL OR d.deleted_at IS NOT NULL THEN 0 ELSE 1 END AS live
        FROM chunks c JOIN kept_passages p ON p.lives_in = c.id AND p.text IS NOT NULL
        LEFT JOIN documents d ON d.id = p.document_id WHERE c.version_id IN ", "");
    OF_DOCUMENT = "SELECT DISTINCT delivery_id FROM shown_passages WHERE document_id = $1";
    COPIES_OF_DOCUMENT = "SELECT id FROM kept_passages WHERE document_id = $1 AND text IS NOT NULL";
    OF_KB = "SELECT DISTINCT delivery_id FROM shown_passages WHERE kb_id = $1 LIMIT $2";
    COPIES_OF_KB = "SELECT id FROM kept_passages WHERE kb_id = $1 AND text IS NOT NULL LIMIT $2";
    // What is on its way goes out as what it says now.
    ERASE = "UPDATE deliveries SET content = $2, preview = NULL, version = version + 1, updated_at = $3 WHERE id = $1";
    FOLLOW = "UPDATE shown_passages SET chunk_id = $3 WHERE chunk_id = $1 AND delivery_id = $2
        AND NOT EXISTS (SELECT 1 FROM shown_passages o WHERE o.chunk_id = $3 AND o.delivery_id = $2)";
    DELETE_BUTTONS = "DELETE FROM buttons WHERE delivery_id = $1";
}

/// What shows something of a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownBy {
    Message(DeliveryId),
    /// The copy of this number, from which answers are replayed.
    Copy(i64),
}

impl ShownBy {
    fn message(id: Uuid) -> Self {
        Self::Message(DeliveryId::from_uuid(id))
    }
}

/// What shows something of a passage of a version that nobody sees any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownText {
    pub chunk: ChunkId,
    pub by: ShownBy,
    pub document: DocumentId,
    pub text: String,
    /// Whether the document is still there, in another version.
    pub is_live: bool,
}

#[derive(FromRow)]
struct Row {
    chunk_id: Uuid,
    delivery_id: Uuid,
    document_id: Uuid,
    text: String,
    live: i32,
}

#[derive(FromRow)]
struct CopyRow {
    chunk_id: Uuid,
    copy: i64,
    document_id: Uuid,
    text: String,
    live: i32,
}

impl From<Row> for ShownText {
    fn from(row: Row) -> Self {
        Self {
            chunk: ChunkId::from_uuid(row.chunk_id),
            by: ShownBy::message(row.delivery_id),
            document: DocumentId::from_uuid(row.document_id),
            text: row.text,
            is_live: row.live == 1,
        }
    }
}

impl From<CopyRow> for ShownText {
    fn from(row: CopyRow) -> Self {
        Self {
            chunk: ChunkId::from_uuid(row.chunk_id),
            by: ShownBy::Copy(row.copy),
            document: DocumentId::from_uuid(row.document_id),
            text: row.text,
            is_live: row.live == 1,
        }
    }
}

#[derive(Debug)]
pub struct ShownPassages<C>(pub(crate) C);

impl<C: Connect> ShownPassages<C> {
    /// What is shown of these versions.
    pub async fn of_versions(&mut self, versions: &[VersionId]) -> Result<Vec<ShownText>, StorageError> {
        let (messages, copies): (Vec<Row>, Vec<CopyRow>) = on!(self.0, |c| {
            let (mut messages, mut copies) = (Vec::new(), Vec::new());
            for batch in versions.chunks(IDS) {
                let mut select = sqlx::query_as(OF_VERSIONS);
                let mut select_copies = sqlx::query_as(COPIES_OF_VERSIONS);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                    select_copies = select_copies.bind(id.as_uuid());
                }
                messages.append(&mut select.fetch_all(&mut *c).await?);
                copies.append(&mut select_copies.fetch_all(&mut *c).await?);
            }
            (messages, copies)
        });
        let messages = messages.into_iter().map(ShownText::from);
        Ok(messages.chain(copies.into_iter().map(ShownText::from)).collect())
    }

    /// What shows something of a document, in whatever version it was.
    pub async fn of_document(&mut self, document: DocumentId) -> Result<Vec<ShownBy>, StorageError> {
        let (messages, copies): (Vec<Uuid>, Vec<i64>) = on!(self.0, |c| {
            let messages = sqlx::query_scalar(OF_DOCUMENT).bind(document.as_uuid());
            let messages = messages.fetch_all(&mut *c).await?;
            let copies = sqlx::query_scalar(COPIES_OF_DOCUMENT).bind(document.as_uuid());
            (messages, copies.fetch_all(&mut *c).await?)
        });
        Ok(shown_by(messages, copies))
    }

    /// Some of what shows something of a knowledge base: up to so many messages, and as many copies.
    pub async fn of_kb(&mut self, kb: KbId, rows: usize) -> Result<Vec<ShownBy>, StorageError> {
        let (messages, copies): (Vec<Uuid>, Vec<i64>) = on!(self.0, |c| {
            let messages = sqlx::query_scalar(OF_KB).bind(kb.as_uuid()).bind(limit(rows));
            let messages = messages.fetch_all(&mut *c).await?;
            let copies = sqlx::query_scalar(COPIES_OF_KB)
                .bind(kb.as_uuid())
                .bind(limit(rows));
            (messages, copies.fetch_all(&mut *c).await?)
        });
        Ok(shown_by(messages, copies))
    }
}

fn shown_by(messages: Vec<Uuid>, copies: Vec<i64>) -> Vec<ShownBy> {
    let messages = messages.into_iter().map(ShownBy::message);
    messages.chain(copies.into_iter().map(ShownBy::Copy)).collect()
}

impl ShownPassages<&mut Tx> {
    /// Notes what a message shows, instead of what it showed before. `false`: some of it was deleted meanwhile.
    pub async fn put(
        &mut self,
        delivery: DeliveryId,
        passages: &[ShownPassage],
    ) -> Result<bool, StorageError> {
        Ok(on!(self.0, |c| {
            let delete = sqlx::query(DELETE_OF).bind(delivery.as_uuid());
            delete.execute(&mut *c).await?;
            let mut are_live = true;
            for passage in passages {
                let insert = sqlx::query(INSERT)
                    .bind(ChunkId::as_uuid(passage.chunk))
                    .bind(delivery.as_uuid());
                let insert = insert.bind(passage.document.as_uuid()).bind(passage.kb.as_uuid());
                insert.execute(&mut *c).await?;
                let live: Option<i32> = sqlx::query_scalar(IS_LIVE)
                    .bind(passage.document.as_uuid())
                    .bind(passage.chunk.as_uuid())
                    .fetch_optional(&mut *c)
                    .await?;
                are_live &= live.is_some();
            }
            are_live
        }))
    }

    /// A passage was edited: what shows it goes with the one that has taken its place.
    pub async fn follow(&mut self, shown: &ShownText, to: ChunkId) -> Result<(), StorageError> {
        match shown.by {
            ShownBy::Copy(copy) => KeptPassages(&mut *self.0).follow(copy, to).await,
            ShownBy::Message(delivery) => {
                on!(self.0, |c| sqlx::query(FOLLOW)
                    .bind(shown.chunk.as_uuid())
                    .bind(delivery.as_uuid())
                    .bind(to.as_uuid())
                    .execute(c)
                    .await?
                    .rows_affected());
                Ok(())
            }
        }
    }

    /// Lets messages say something else, which shows nothing, and takes their buttons away; empties copies, and the answers
    /// that show something of them.
    pub async fn erase(
        &mut self,
        shown: &[ShownBy],
        content: &Content,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for shown in shown {
            match shown {
                ShownBy::Copy(copy) => KeptPassages(&mut *self.0).erase(*copy).await?,
                ShownBy::Message(delivery) => self.erase_message(*delivery, content, now).await?,
            }
        }
        Ok(())
    }

    async fn erase_message(
        &mut self,
        delivery: DeliveryId,
        content: &Content,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            sqlx::query(ERASE)
                .bind(delivery.as_uuid())
                .bind(to_json(content))
                .bind(At(now))
                .execute(&mut *c)
                .await?;
            for sql in [DELETE_OF, DELETE_BUTTONS] {
                sqlx::query(sql).bind(delivery.as_uuid()).execute(&mut *c).await?;
            }
        });
        Ok(())
    }
}
