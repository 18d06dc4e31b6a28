//! Which passages messages show something of, so that a text that is deleted goes from what was said of it, too.

use nexus_domain::{ChunkId, Content, DeliveryId, DocumentId, KbId, ShownPassage, Timestamp, VersionId};
use sqlx::FromRow;
use sqlx::types::Uuid;

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
    OF_DOCUMENT = "SELECT DISTINCT delivery_id FROM shown_passages WHERE document_id = $1";
    OF_KB = "SELECT DISTINCT delivery_id FROM shown_passages WHERE kb_id = $1 LIMIT $2";
    // What is on its way goes out as what it says now.
    ERASE = "UPDATE deliveries SET content = $2, preview = NULL, version = version + 1, updated_at = $3 WHERE id = $1";
    FOLLOW = "UPDATE shown_passages SET chunk_id = $3 WHERE chunk_id = $1 AND delivery_id = $2
        AND NOT EXISTS (SELECT 1 FROM shown_passages o WHERE o.chunk_id = $3 AND o.delivery_id = $2)";
    DELETE_BUTTONS = "DELETE FROM buttons WHERE delivery_id = $1";
}

/// A message that shows something of a passage of a version that nobody sees any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownText {
    pub chunk: ChunkId,
    pub delivery: DeliveryId,
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

#[derive(Debug)]
pub struct ShownPassages<C>(pub(crate) C);

impl<C: Connect> ShownPassages<C> {
    /// What messages show of these versions.
    pub async fn of_versions(&mut self, versions: &[VersionId]) -> Result<Vec<ShownText>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in versions.chunks(IDS) {
                let mut select = sqlx::query_as(OF_VERSIONS);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let shown = rows.into_iter().map(|row| ShownText {
            chunk: ChunkId::from_uuid(row.chunk_id),
            delivery: DeliveryId::from_uuid(row.delivery_id),
            document: DocumentId::from_uuid(row.document_id),
            text: row.text,
            is_live: row.live == 1,
        });
        Ok(shown.collect())
    }

    /// Messages that show something of a document, in whatever version it was.
    pub async fn of_document(&mut self, document: DocumentId) -> Result<Vec<DeliveryId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(OF_DOCUMENT)
            .bind(document.as_uuid())
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(DeliveryId::from_uuid).collect())
    }

    /// Some of the messages that show something of a knowledge base.
    pub async fn of_kb(&mut self, kb: KbId, rows: usize) -> Result<Vec<DeliveryId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(OF_KB)
            .bind(kb.as_uuid())
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(DeliveryId::from_uuid).collect())
    }
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

    /// A passage was edited: the message goes with the one that has taken its place.
    pub async fn follow(&mut self, shown: &ShownText, to: ChunkId) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(FOLLOW)
            .bind(shown.chunk.as_uuid())
            .bind(shown.delivery.as_uuid())
            .bind(to.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Lets messages say something else, which shows nothing, and takes their buttons away.
    pub async fn erase(
        &mut self,
        deliveries: &[DeliveryId],
        content: &Content,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for delivery in deliveries {
                sqlx::query(ERASE)
                    .bind(delivery.as_uuid())
                    .bind(to_json(content))
                    .bind(At(now))
                    .execute(&mut *c)
                    .await?;
                for sql in [DELETE_OF, DELETE_BUTTONS] {
                    sqlx::query(sql).bind(delivery.as_uuid()).execute(&mut *c).await?;
                }
            }
        });
        Ok(())
    }
}
