//! Knowledge bases. A deleted one disappears at once and its name is free; its rows go later ([`crate::purge`]).

use std::collections::BTreeSet;

use nexus_domain::{GenerationId, KbId, KnowledgeBase, Quotas, Timestamp, Visibility, WebhookEvent};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{At, check_text, from_json, limit, number, to_json, word};
use crate::webhooks::WebhookDeliveries;

macro_rules! columns {
    () => {
        "id, name, description, revision, lexical_average_milli, visibility, quotas, created_at, updated_at"
    };
}

statements! {
    GET = concat!("SELECT ", columns!(), " FROM knowledge_bases WHERE id = $1 AND deleted_at IS NULL");
    GET_BY_NAME = concat!("SELECT ", columns!(), " FROM knowledge_bases WHERE name = $1 AND deleted_at IS NULL");
    LIST = concat!("SELECT ", columns!(), " FROM knowledge_bases
        WHERE deleted_at IS NULL AND name > $1 ORDER BY name LIMIT $2");
    LIST_AMONG = ids_in!(concat!("SELECT ", columns!(), " FROM knowledge_bases WHERE id IN "),
        " AND deleted_at IS NULL AND name > $65 ORDER BY name LIMIT $66");
    LIST_IDS = "SELECT id FROM knowledge_bases WHERE deleted_at IS NULL ORDER BY id";
    REVISIONS = ids_in!("SELECT id, revision FROM knowledge_bases WHERE deleted_at IS NULL AND id IN ", " ORDER BY id");
    // Few have limits: those that have none cost nothing to read.
    LIST_QUOTAS = "SELECT id, NULLIF(quotas, '{}') FROM knowledge_bases WHERE deleted_at IS NULL ORDER BY id";
    DELETED = "SELECT id FROM knowledge_bases WHERE deleted_at IS NOT NULL ORDER BY id LIMIT $1";
    STATS = "SELECT COUNT(*) AS documents,
            CAST(COALESCE(SUM(v.chunk_count), 0) AS BIGINT) AS chunks,
            CAST(COALESCE(SUM(CASE WHEN e.version_id IS NULL THEN 0 ELSE v.chunk_count END), 0) AS BIGINT)
                AS embedded_chunks,
            CAST(COALESCE(SUM(v.term_total), 0) AS BIGINT) AS term_total
        FROM documents d JOIN document_versions v ON v.id = d.version_id
        LEFT JOIN embedded_versions e ON e.version_id = v.id AND e.generation_id = $2
        WHERE d.kb_id = $1 AND d.deleted_at IS NULL";
    INSERT = concat!("INSERT INTO knowledge_bases (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    UPDATE = concat!("UPDATE knowledge_bases
        SET name = $2, description = $3, visibility = $4, quotas = $5, updated_at = $6
        WHERE id = $1 AND deleted_at IS NULL RETURNING ", columns!());
    LOCK = concat!("UPDATE knowledge_bases SET name = name WHERE id = $1 AND deleted_at IS NULL
        RETURNING ", columns!());
    BUMP_REVISION = "UPDATE knowledge_bases SET revision = revision + 1, updated_at = $2
        WHERE id = $1 AND deleted_at IS NULL RETURNING revision";
    BUMP_REVISIONS = "UPDATE knowledge_bases SET revision = revision + 1, updated_at = $1 WHERE deleted_at IS NULL
        RETURNING id, revision";
    // Those who write a knowledge base's first points at the same time weigh them by one average.
    FIRST_LEXICAL_AVERAGE = "UPDATE knowledge_bases SET lexical_average_milli =
            CASE WHEN lexical_average_milli = 0 THEN $2 ELSE lexical_average_milli END
        WHERE id = $1 RETURNING lexical_average_milli";
    // A write that changes nothing: in PostgreSQL it lets one such transaction at a time go on.
    HOLD = "UPDATE knowledge_bases SET revision = revision WHERE id = $1 AND deleted_at IS NULL";
    SET_LEXICAL_AVERAGE = "UPDATE knowledge_bases SET lexical_average_milli = $2 WHERE id = $1";
    // Nothing else was ever wanted of it, and nothing came; nobody but its maker was let in.
    DELETE_NEVER_FILLED = "UPDATE knowledge_bases SET deleted_at = $2, updated_at = $2, revision = revision + 1
        WHERE deleted_at IS NULL AND updated_at <= $1 AND id IN (SELECT t.kb_id FROM tasks t
            WHERE t.kind = 'import_kb' AND t.state IN ('failed', 'cancelled') AND t.finished_at <= $1
                AND t.finished_at >= knowledge_bases.updated_at)
            AND NOT EXISTS (SELECT 1 FROM kb_bots b WHERE b.kb_id = knowledge_bases.id)
            AND (SELECT COUNT(*) FROM kb_members m WHERE m.kb_id = knowledge_bases.id) <= 1
            AND NOT EXISTS (SELECT 1 FROM sources s WHERE s.kb_id = knowledge_bases.id)
            AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.kb_id = knowledge_bases.id
                AND (t.kind <> 'import_kb' OR t.state NOT IN ('failed', 'cancelled')))
        RETURNING id, revision";
    DELETE = "UPDATE knowledge_bases SET deleted_at = $2, updated_at = $2, revision = revision + 1
        WHERE id = $1 AND deleted_at IS NULL RETURNING revision";
}

#[derive(FromRow)]
struct KbRow {
    id: Uuid,
    name: String,
    description: String,
    revision: i64,
    lexical_average_milli: i64,
    visibility: String,
    quotas: String,
    created_at: At,
    updated_at: At,
}

impl TryFrom<KbRow> for KnowledgeBase {
    type Error = StorageError;

    fn try_from(row: KbRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: KbId::from_uuid(row.id),
            name: row.name,
            description: row.description,
            revision: row.revision,
            lexical_average_milli: row.lexical_average_milli,
            visibility: word(&row.visibility)?,
            quotas: from_json(&row.quotas, "quotas of a knowledge base")?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// What people can change of a knowledge base; all of it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KbChange {
    pub name: String,
    pub description: String,
    pub visibility: Visibility,
    pub quotas: Quotas,
}

/// How much a knowledge base holds, counted over what is current.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KbStats {
    pub documents: u64,
    pub chunks: u64,
    /// Chunks of documents that the dense index of the asked generation holds.
    pub embedded_chunks: u64,
    /// Analysed terms of all chunks: over `chunks`, the average length that BM25 normalises by.
    pub term_total: u64,
}

#[derive(FromRow)]
struct StatsRow {
    documents: i64,
    chunks: i64,
    embedded_chunks: i64,
    term_total: i64,
}

#[derive(Debug)]
pub struct KnowledgeBases<C>(pub(crate) C);

impl<C: Connect> KnowledgeBases<C> {
    pub async fn get(&mut self, id: KbId) -> Result<Option<KnowledgeBase>, StorageError> {
        let row: Option<KbRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    pub async fn get_by_name(&mut self, name: &str) -> Result<Option<KnowledgeBase>, StorageError> {
        if check_text(name, "the name").is_err() {
            return Ok(None);
        }
        let row: Option<KbRow> = on!(self.0, |c| sqlx::query_as(GET_BY_NAME)
            .bind(name)
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// All live knowledge bases, with their daily limits.
    pub async fn list_quotas(&mut self) -> Result<Vec<(KbId, Quotas)>, StorageError> {
        let rows: Vec<(Uuid, Option<String>)> =
            on!(self.0, |c| sqlx::query_as(LIST_QUOTAS).fetch_all(c).await?);
        rows.into_iter()
            .map(|(id, quotas)| {
                let quotas = quotas.map(|quotas| from_json(&quotas, "quotas of a knowledge base"));
                Ok((KbId::from_uuid(id), quotas.transpose()?.unwrap_or_default()))
            })
            .collect()
    }

    /// Live knowledge bases by name, after the name `after`.
    pub async fn list(
        &mut self,
        after: Option<&str>,
        rows: usize,
    ) -> Result<Vec<KnowledgeBase>, StorageError> {
        let after = after.unwrap_or_default();
        check_text(after, "the name to start after")?;
        let rows: Vec<KbRow> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(after)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Those of `among` that live, by name, after the name `after`.
    pub async fn list_among(
        &mut self,
        among: &BTreeSet<KbId>,
        after: Option<&str>,
        rows: usize,
    ) -> Result<Vec<KnowledgeBase>, StorageError> {
        let after = after.unwrap_or_default();
        check_text(after, "the name to start after")?;
        let ids: Vec<Uuid> = among.iter().map(|id| id.as_uuid()).collect();
        let mut found: Vec<KbRow> = on!(self.0, |c| {
            let mut found = Vec::new();
            for batch in ids.chunks(IDS) {
                let mut select = sqlx::query_as(LIST_AMONG);
                for id in padded(batch) {
                    select = select.bind(*id);
                }
                let select = select.bind(after).bind(limit(rows));
                found.append(&mut select.fetch_all(&mut *c).await?);
            }
            found
        });
        // Each batch gave its first ones.
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        found.truncate(rows);
        found.into_iter().map(TryInto::try_into).collect()
    }

    /// All live knowledge bases.
    pub async fn list_ids(&mut self) -> Result<Vec<KbId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(LIST_IDS).fetch_all(c).await?);
        Ok(ids.into_iter().map(KbId::from_uuid).collect())
    }

    /// The revisions of those among `kbs` that are there.
    pub async fn revisions(&mut self, kbs: &[KbId]) -> Result<Vec<(KbId, i64)>, StorageError> {
        let rows: Vec<(Uuid, i64)> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in kbs.chunks(IDS) {
                let mut select = sqlx::query_as(REVISIONS);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let revisions = rows
            .into_iter()
            .map(|(id, revision)| (KbId::from_uuid(id), revision));
        Ok(revisions.collect())
    }

    /// Deleted ones whose rows are not purged yet.
    pub async fn deleted(&mut self, rows: usize) -> Result<Vec<KbId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(DELETED)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(KbId::from_uuid).collect())
    }

    /// Counts what is current; nothing is embedded in [`GenerationId::NONE`].
    pub async fn stats(&mut self, kb: KbId, generation: GenerationId) -> Result<KbStats, StorageError> {
        let row: StatsRow = on!(self.0, |c| sqlx::query_as(STATS)
            .bind(kb.as_uuid())
            .bind(generation.0)
            .fetch_one(c)
            .await?);
        Ok(KbStats {
            documents: number(row.documents, "count of documents")?,
            chunks: number(row.chunks, "count of chunks")?,
            embedded_chunks: number(row.embedded_chunks, "count of embedded chunks")?,
            term_total: number(row.term_total, "count of terms")?,
        })
    }
}

impl KnowledgeBases<&mut Tx> {
    /// [`StorageError::UniqueViolation`] if a live one has this name.
    pub async fn insert(&mut self, kb: &KnowledgeBase) -> Result<(), StorageError> {
        check_text(&kb.name, "the name")?;
        check_text(&kb.description, "the description")?;
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(kb.id.as_uuid())
                .bind(&kb.name)
                .bind(&kb.description);
            let insert = insert.bind(kb.revision).bind(kb.lexical_average_milli);
            let insert = insert.bind(kb.visibility.as_str()).bind(to_json(&kb.quotas));
            insert
                .bind(At(kb.created_at))
                .bind(At(kb.updated_at))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// The knowledge base as it is, held until the transaction ends: who changes a part of it knows the rest.
    pub async fn lock(&mut self, id: KbId) -> Result<Option<KnowledgeBase>, StorageError> {
        let row: Option<KbRow> = on!(self.0, |c| sqlx::query_as(LOCK)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// The changed row; `None` if there is none. [`StorageError::UniqueViolation`] if the name is taken.
    pub async fn update(
        &mut self,
        id: KbId,
        change: &KbChange,
        now: Timestamp,
    ) -> Result<Option<KnowledgeBase>, StorageError> {
        check_text(&change.name, "the name")?;
        check_text(&change.description, "the description")?;
        let row: Option<KbRow> = on!(self.0, |c| {
            let update = sqlx::query_as(UPDATE)
                .bind(id.as_uuid())
                .bind(&change.name)
                .bind(&change.description);
            let update = update
                .bind(change.visibility.as_str())
                .bind(to_json(&change.quotas));
            update.bind(At(now)).fetch_optional(c).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// Raises every revision: what all knowledge bases find may have changed.
    pub async fn bump_revisions(&mut self, now: Timestamp) -> Result<(), StorageError> {
        let raised: Vec<(Uuid, i64)> = on!(self.0, |c| sqlx::query_as(BUMP_REVISIONS)
            .bind(At(now))
            .fetch_all(c)
            .await?);
        if WebhookDeliveries(&mut *self.0)
            .is_wanted(WebhookEvent::KnowledgeBaseChanged)
            .await?
        {
            for (kb, revision) in raised {
                self.changed(KbId::from_uuid(kb), revision, false, now).await?;
            }
        }
        Ok(())
    }

    /// Makes every cached answer of it stale. Belongs into each transaction that changes what can be retrieved.
    /// The new revision; `None` if the knowledge base was deleted.
    pub async fn bump_revision(&mut self, id: KbId, now: Timestamp) -> Result<Option<i64>, StorageError> {
        let raised: Option<i64> = on!(self.0, |c| {
            sqlx::query_scalar(BUMP_REVISION)
                .bind(id.as_uuid())
                .bind(At(now))
                .fetch_optional(c)
                .await?
        });
        if let Some(revision) = raised {
            self.changed(id, revision, false, now).await?;
        }
        Ok(raised)
    }

    /// Webhooks hear of every change in its own transaction, whoever made it.
    async fn changed(
        &mut self,
        id: KbId,
        revision: i64,
        deleted: bool,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        WebhookDeliveries(&mut *self.0)
            .publish_change(id, revision, deleted, now)
            .await
    }

    /// Remembers the average length (terms x 1000) that the lexical weights are computed with.
    pub async fn set_lexical_average(&mut self, id: KbId, milli: i64) -> Result<(), StorageError> {
        on!(self.0, |c| {
            sqlx::query(SET_LEXICAL_AVERAGE)
                .bind(id.as_uuid())
                .bind(milli)
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// The average that its first points are written with: this one, unless somebody was faster.
    pub async fn first_lexical_average(&mut self, id: KbId, milli: i64) -> Result<i64, StorageError> {
        let stands: Option<i64> = on!(self.0, |c| {
            let update = sqlx::query_scalar(FIRST_LEXICAL_AVERAGE).bind(id.as_uuid());
            update.bind(milli).fetch_optional(c).await?
        });
        Ok(stands.unwrap_or(milli))
    }

    /// Whether it is there; transactions that ask this of the same one come one after the other.
    pub async fn hold(&mut self, id: KbId) -> Result<bool, StorageError> {
        let held = on!(self.0, |c| sqlx::query(HOLD)
            .bind(id.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(held == 1)
    }

    /// Hides it and frees its name. `false` if there was none. Its tasks are the caller's to cancel, its rows the
    /// sweeper's to purge.
    pub async fn delete(&mut self, id: KbId, now: Timestamp) -> Result<bool, StorageError> {
        let deleted: Option<i64> = on!(self.0, |c| {
            sqlx::query_scalar(DELETE)
                .bind(id.as_uuid())
                .bind(At(now))
                .fetch_optional(c)
                .await?
        });
        if let Some(revision) = deleted {
            self.changed(id, revision, true, now).await?;
        }
        Ok(deleted.is_some())
    }

    /// Deletes those that were made for an import which failed or was cancelled until `before`, if nobody has touched them since
    /// and nothing has come into them. Which.
    pub async fn delete_never_filled(
        &mut self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<KbId>, StorageError> {
        let deleted: Vec<(Uuid, i64)> = on!(self.0, |c| sqlx::query_as(DELETE_NEVER_FILLED)
            .bind(At(before))
            .bind(At(now))
            .fetch_all(c)
            .await?);
        let mut ids = Vec::with_capacity(deleted.len());
        for (id, revision) in deleted {
            let id = KbId::from_uuid(id);
            self.changed(id, revision, true, now).await?;
            ids.push(id);
        }
        Ok(ids)
    }
}
