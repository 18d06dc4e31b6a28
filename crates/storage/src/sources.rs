//! Sources of a knowledge base.

use nexus_domain::{KbId, Source, SourceId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, number, word};

statements! {
    GET = "SELECT id, kb_id, kind, name, created_at, updated_at FROM sources WHERE id = $1";
    FIND = "SELECT id, kb_id, kind, name, created_at, updated_at FROM sources
        WHERE kb_id = $1 AND kind = $2 AND name = $3";
    LIST = "SELECT s.id, s.kb_id, s.kind, s.name, s.created_at, s.updated_at, COUNT(d.id) AS documents
        FROM sources s LEFT JOIN documents d ON d.source_id = s.id AND d.deleted_at IS NULL
        WHERE s.kb_id = $1
        GROUP BY s.id, s.kb_id, s.kind, s.name, s.created_at, s.updated_at
        ORDER BY s.name, s.kind";
    INSERT = "INSERT INTO sources (id, kb_id, kind, name, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kb_id, kind, name) DO NOTHING";
    TOUCH = "UPDATE sources SET updated_at = $2 WHERE id = $1";
}

#[derive(FromRow)]
struct SourceRow {
    id: Uuid,
    kb_id: Uuid,
    kind: String,
    name: String,
    created_at: At,
    updated_at: At,
}

impl TryFrom<SourceRow> for Source {
    type Error = StorageError;

    fn try_from(row: SourceRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: SourceId::from_uuid(row.id),
            kb_id: KbId::from_uuid(row.kb_id),
            kind: word(&row.kind)?,
            name: row.name,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// A source and how many live documents came from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSummary {
    pub source: Source,
    pub documents: u64,
}

#[derive(FromRow)]
struct SummaryRow {
    #[sqlx(flatten)]
    source: SourceRow,
    documents: i64,
}

#[derive(Debug)]
pub struct Sources<C>(pub(crate) C);

impl<C: Connect> Sources<C> {
    pub async fn get(&mut self, id: SourceId) -> Result<Option<Source>, StorageError> {
        let row: Option<SourceRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// All sources of a knowledge base, by name.
    pub async fn list(&mut self, kb: KbId) -> Result<Vec<SourceSummary>, StorageError> {
        let rows: Vec<SummaryRow> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(kb.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter()
            .map(|row| {
                let documents = number(row.documents, "count of documents")?;
                Ok(SourceSummary {
                    source: row.source.try_into()?,
                    documents,
                })
            })
            .collect()
    }
}

impl Sources<&mut Tx> {
    /// The source with the candidate's knowledge base, kind and name: the stored one, or the candidate, stored now.
    /// Callers that race get the same one.
    pub async fn find_or_create(&mut self, candidate: &Source) -> Result<Source, StorageError> {
        check_text(&candidate.name, "the source's name")?;
        let (kb, kind) = (candidate.kb_id.as_uuid(), candidate.kind.as_str());
        let row: SourceRow = on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(candidate.id.as_uuid())
                .bind(kb)
                .bind(kind);
            let insert = insert
                .bind(&candidate.name)
                .bind(At(candidate.created_at))
                .bind(At(candidate.updated_at));
            insert.execute(&mut *c).await?;
            sqlx::query_as(FIND)
                .bind(kb)
                .bind(kind)
                .bind(&candidate.name)
                .fetch_one(&mut *c)
                .await?
        });
        row.try_into()
    }

    /// Notes that the source was read.
    pub async fn touch(&mut self, id: SourceId, now: nexus_domain::Timestamp) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(TOUCH)
            .bind(id.as_uuid())
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }
}
