//! Versions of documents: what waits to be embedded, and what waits to be swept.

use std::collections::HashSet;

use nexus_domain::{ChunkId, GenerationId, KbId, VersionId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::LOCK_CURRENT;
use crate::embeddings::Embeddings;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{limit, number};

statements! {
    RETIRED = "SELECT id, kb_id FROM document_versions WHERE state = 'retired' ORDER BY id LIMIT $1";
    ABANDONED = "SELECT v.id, v.kb_id FROM document_versions v LEFT JOIN tasks t ON t.id = v.task_id
        WHERE v.state = 'pending' AND (t.id IS NULL OR t.state NOT IN ('queued', 'running'))
        ORDER BY v.task_id, v.id LIMIT $1";
    CHUNK_IDS = "SELECT id FROM chunks WHERE version_id = $1 ORDER BY ordinal";
    UNEMBEDDED = "SELECT v.id, v.chunk_count FROM document_versions v
        WHERE v.kb_id = $1 AND v.state = 'current' AND v.id > $3 AND NOT EXISTS (
            SELECT 1 FROM embedded_versions e WHERE e.version_id = v.id AND e.generation_id = $2)
        ORDER BY v.id LIMIT $4";
    KBS_UNEMBEDDED = "SELECT k.id FROM knowledge_bases k WHERE k.deleted_at IS NULL AND EXISTS (
            SELECT 1 FROM document_versions v
            WHERE v.kb_id = k.id AND v.state = 'current' AND NOT EXISTS (
                SELECT 1 FROM embedded_versions e WHERE e.version_id = v.id AND e.generation_id = $1))
        ORDER BY k.id";
    // Versions that went meanwhile are left out.
    SET_EMBEDDED = ids_in!("INSERT INTO embedded_versions (version_id, generation_id, has_vectors)
        SELECT id, CAST($65 AS BIGINT), CAST($66 AS BOOLEAN) FROM document_versions WHERE id IN ", " ON CONFLICT DO NOTHING");
    HAS_VECTORS = "SELECT 1 FROM embedded_versions e JOIN document_versions v ON v.id = e.version_id
        WHERE v.kb_id = $1 AND v.state = 'current' AND e.generation_id = $2 AND e.has_vectors LIMIT 1";
    RESET_EMBEDDED = "DELETE FROM embedded_versions WHERE generation_id = $2
        AND version_id IN (SELECT id FROM document_versions WHERE kb_id = $1)";
    DOCUMENTS_OF = ids_in!("SELECT DISTINCT document_id FROM document_versions WHERE id IN ",
        " AND state <> 'current'");
    DELETE_CHUNKS = ids_in!("DELETE FROM chunks WHERE version_id IN (
        SELECT id FROM document_versions WHERE state <> 'current' AND id IN ", ") RETURNING content_hash");
    DELETE_VERSIONS = ids_in!("DELETE FROM document_versions WHERE id IN ", " AND state <> 'current'");
    DELETE_DOCUMENTS = ids_in!("DELETE FROM documents WHERE id IN ", " AND deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM document_versions v WHERE v.document_id = documents.id)");
}

/// A version and how many chunks it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionSize {
    pub id: VersionId,
    pub chunk_count: u64,
}

#[derive(FromRow)]
struct SizeRow {
    id: Uuid,
    chunk_count: i64,
}

type OfKb = (VersionId, KbId);

fn of_kb((version, kb): (Uuid, Uuid)) -> OfKb {
    (VersionId::from_uuid(version), KbId::from_uuid(kb))
}

#[derive(Debug)]
pub struct Versions<C>(pub(crate) C);

impl<C: Connect> Versions<C> {
    /// Retired versions, oldest first.
    pub async fn retired(&mut self, rows: usize) -> Result<Vec<OfKb>, StorageError> {
        let rows: Vec<(Uuid, Uuid)> = on!(self.0, |c| sqlx::query_as(RETIRED)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        Ok(rows.into_iter().map(of_kb).collect())
    }

    /// Pending versions that nobody will switch on: their task is settled or gone. (A task that is resumed retires
    /// what it left and starts with new versions.)
    pub async fn abandoned(&mut self, rows: usize) -> Result<Vec<OfKb>, StorageError> {
        let rows: Vec<(Uuid, Uuid)> = on!(self.0, |c| sqlx::query_as(ABANDONED)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        Ok(rows.into_iter().map(of_kb).collect())
    }

    /// Ids of all chunks of a version, whatever its state.
    pub async fn chunk_ids(&mut self, version: VersionId) -> Result<Vec<ChunkId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(CHUNK_IDS)
            .bind(version.as_uuid())
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(ChunkId::from_uuid).collect())
    }

    /// Current versions of a knowledge base that the dense index of this generation does not hold, by id, after `after`.
    pub async fn unembedded(
        &mut self,
        kb: KbId,
        generation: GenerationId,
        after: Option<VersionId>,
        rows: usize,
    ) -> Result<Vec<VersionSize>, StorageError> {
        let after = after.map_or(Uuid::nil(), VersionId::as_uuid);
        let rows: Vec<SizeRow> = on!(self.0, |c| {
            let select = sqlx::query_as(UNEMBEDDED).bind(kb.as_uuid()).bind(generation.0);
            select.bind(after).bind(limit(rows)).fetch_all(c).await?
        });
        rows.into_iter()
            .map(|row| {
                let chunk_count = number(row.chunk_count, "count of chunks")?;
                Ok(VersionSize {
                    id: VersionId::from_uuid(row.id),
                    chunk_count,
                })
            })
            .collect()
    }

    /// Whether the dense index of this generation is to hold vectors of a knowledge base.
    pub async fn has_vectors(&mut self, kb: KbId, generation: GenerationId) -> Result<bool, StorageError> {
        let found: Option<i32> = on!(self.0, |c| sqlx::query_scalar(HAS_VECTORS)
            .bind(kb.as_uuid())
            .bind(generation.0)
            .fetch_optional(c)
            .await?);
        Ok(found.is_some())
    }

    /// Live knowledge bases that have versions for [`unembedded`](Self::unembedded).
    pub async fn kbs_unembedded(&mut self, generation: GenerationId) -> Result<Vec<KbId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(KBS_UNEMBEDDED)
            .bind(generation.0)
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(KbId::from_uuid).collect())
    }
}

impl Versions<&mut Tx> {
    /// Those of the versions that are current. They stay so until the transaction ends: what is written to an index
    /// before that has rows, and whoever removes the rows later finds it there.
    pub async fn lock_current(&mut self, versions: &[VersionId]) -> Result<HashSet<VersionId>, StorageError> {
        let lock = LOCK_CURRENT.on(self.0.kind());
        let ids: Vec<Uuid> = on!(self.0, |c| {
            let mut ids = Vec::with_capacity(versions.len());
            for batch in versions.chunks(IDS) {
                let mut select = sqlx::query_scalar(lock);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                }
                ids.append(&mut select.fetch_all(&mut *c).await?);
            }
            ids
        });
        Ok(ids.into_iter().map(VersionId::from_uuid).collect())
    }

    /// Notes that the dense index of this generation holds all chunks of these versions that its model can read: none, if
    /// not `has_vectors`.
    pub async fn set_embedded(
        &mut self,
        versions: &[VersionId],
        generation: GenerationId,
        has_vectors: bool,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for batch in versions.chunks(IDS) {
                let mut insert = sqlx::query(SET_EMBEDDED);
                for id in padded(batch) {
                    insert = insert.bind(id.as_uuid());
                }
                insert
                    .bind(generation.0)
                    .bind(has_vectors)
                    .execute(&mut *c)
                    .await?;
            }
        });
        Ok(())
    }

    /// Forgets what the dense index of this generation holds of a knowledge base: the index was lost.
    pub async fn reset_embedded(&mut self, kb: KbId, generation: GenerationId) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(RESET_EMBEDDED)
            .bind(kb.as_uuid())
            .bind(generation.0)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Removes versions with their chunks and the cached embeddings of texts that are in no other chunk, and with the
    /// last version of a deleted document the document. Current versions are left alone. How many versions went.
    pub async fn delete_versions(&mut self, versions: &[VersionId]) -> Result<u64, StorageError> {
        let mut deleted = 0;
        for batch in versions.chunks(IDS) {
            let documents = self.documents_of(batch).await?;
            deleted += self.delete_batch(batch, &documents).await?;
        }
        Ok(deleted)
    }

    async fn documents_of(&mut self, versions: &[VersionId]) -> Result<Vec<Uuid>, StorageError> {
        Ok(on!(self.0, |c| {
            let mut select = sqlx::query_scalar(DOCUMENTS_OF);
            for id in padded(versions) {
                select = select.bind(id.as_uuid());
            }
            select.fetch_all(c).await?
        }))
    }

    async fn delete_batch(
        &mut self,
        versions: &[VersionId],
        documents: &[Uuid],
    ) -> Result<u64, StorageError> {
        let versions: Vec<Uuid> = versions.iter().map(|id| id.as_uuid()).collect();
        // Chunks before versions before documents: each refers to the next.
        let contents: Vec<Vec<u8>> = on!(self.0, |c| {
            let mut delete = sqlx::query_scalar(DELETE_CHUNKS);
            for id in padded(&versions) {
                delete = delete.bind(id);
            }
            delete.fetch_all(&mut *c).await?
        });
        Embeddings(&mut *self.0).forget(contents).await?;
        Ok(on!(self.0, |c| {
            let mut deleted = 0;
            for (sql, ids) in [
                (DELETE_VERSIONS, versions.as_slice()),
                (DELETE_DOCUMENTS, documents),
            ] {
                if ids.is_empty() {
                    continue;
                }
                let mut delete = sqlx::query(sql);
                for id in padded(ids) {
                    delete = delete.bind(id);
                }
                let rows = delete.execute(&mut *c).await?.rows_affected();
                deleted = if sql == DELETE_VERSIONS { rows } else { deleted };
            }
            deleted
        }))
    }
}
