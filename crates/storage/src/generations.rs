//! Generations: one dense index per embedding model. The active one is searched; another one may be built beside it.

use nexus_domain::GenerationId;
use sqlx::FromRow;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{int, number};

macro_rules! columns {
    () => {
        "id, model, dimension, active, pending"
    };
}

statements! {
    FIND = concat!("SELECT ", columns!(), " FROM generations WHERE model = $1");
    ACTIVE = concat!("SELECT ", columns!(), " FROM generations WHERE active");
    PENDING = concat!("SELECT ", columns!(), " FROM generations WHERE pending ORDER BY id LIMIT 1");
    LIST = concat!("SELECT ", columns!(), " FROM generations ORDER BY id");
    // `WHERE TRUE` tells SQLite that `ON CONFLICT` is no join condition.
    INSERT = "INSERT INTO generations (id, model, dimension, active)
        SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS BIGINT), FALSE FROM generations WHERE TRUE ON CONFLICT DO NOTHING";
    // Two statements, for at no moment may two be active.
    DEACTIVATE = "UPDATE generations SET active = FALSE WHERE active AND id <> $1";
    ACTIVATE = "UPDATE generations SET active = TRUE, pending = FALSE WHERE id = $1";
    SET_PENDING = "UPDATE generations SET pending = (id = $1)";
    FORGET_EMBEDDED = "DELETE FROM embedded_versions WHERE generation_id = $1";
    // What the first one lacks of what the second one holds.
    GAP = "SELECT 1 FROM embedded_versions a
        JOIN document_versions v ON v.id = a.version_id AND v.state = 'current'
        JOIN knowledge_bases k ON k.id = v.kb_id AND k.deleted_at IS NULL
        WHERE a.generation_id = $2 AND NOT EXISTS (
            SELECT 1 FROM embedded_versions e WHERE e.version_id = v.id AND e.generation_id = $1)
        LIMIT 1";
    COVERAGE = "SELECT CAST(COALESCE(SUM(v.chunk_count), 0) AS BIGINT) AS chunks,
            CAST(COALESCE(SUM(CASE WHEN e.version_id IS NULL THEN 0 ELSE v.chunk_count END), 0) AS BIGINT) AS embedded
        FROM documents d JOIN document_versions v ON v.id = d.version_id
        JOIN knowledge_bases k ON k.id = d.kb_id AND k.deleted_at IS NULL
        LEFT JOIN embedded_versions e ON e.version_id = v.id AND e.generation_id = $1
        WHERE d.deleted_at IS NULL";
}

/// How often a lost race for the next number is repeated.
const ATTEMPTS: usize = 16;

/// A dense index and the model that fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    pub id: GenerationId,
    /// [`EmbedderInfo::model`](nexus_domain::EmbedderInfo).
    pub model: String,
    pub dimension: usize,
    /// Questions are put to it.
    pub active: bool,
    /// It is switched on as soon as it holds all that the active one holds.
    pub pending: bool,
}

/// How much of all live knowledge bases a generation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    pub chunks: u64,
    pub embedded: u64,
}

#[derive(FromRow)]
struct GenerationRow {
    id: i64,
    model: String,
    dimension: i64,
    active: bool,
    pending: bool,
}

impl TryFrom<GenerationRow> for Generation {
    type Error = StorageError;

    fn try_from(row: GenerationRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: GenerationId(row.id),
            model: row.model,
            dimension: number(row.dimension, "dimension")?,
            active: row.active,
            pending: row.pending,
        })
    }
}

#[derive(Debug)]
pub struct Generations<C>(pub(crate) C);

impl<C: Connect> Generations<C> {
    /// The generation that searches use; `None` until one was activated.
    pub async fn active(&mut self) -> Result<Option<Generation>, StorageError> {
        let row: Option<GenerationRow> = on!(self.0, |c| sqlx::query_as(ACTIVE).fetch_optional(c).await?);
        row.map(TryInto::try_into).transpose()
    }

    /// The generation that waits to be switched on.
    pub async fn pending(&mut self) -> Result<Option<Generation>, StorageError> {
        let row: Option<GenerationRow> = on!(self.0, |c| sqlx::query_as(PENDING).fetch_optional(c).await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Counts over everything: for operators, not for every question.
    pub async fn coverage(&mut self, id: GenerationId) -> Result<Coverage, StorageError> {
        let (chunks, embedded): (i64, i64) = on!(self.0, |c| sqlx::query_as(COVERAGE)
            .bind(id.0)
            .fetch_one(c)
            .await?);
        Ok(Coverage {
            chunks: number(chunks, "count of chunks")?,
            embedded: number(embedded, "count of embedded chunks")?,
        })
    }

    pub async fn list(&mut self) -> Result<Vec<Generation>, StorageError> {
        let rows: Vec<GenerationRow> = on!(self.0, |c| sqlx::query_as(LIST).fetch_all(c).await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Generations<&mut Tx> {
    /// The generation of a model, numbered now if it is new. [`StorageError::DimensionChanged`] if it is known with
    /// another length of vectors.
    pub async fn find_or_create(
        &mut self,
        model: &str,
        dimension: usize,
    ) -> Result<GenerationId, StorageError> {
        for _ in 0..ATTEMPTS {
            let row: Option<GenerationRow> = on!(self.0, |c| {
                sqlx::query(INSERT)
                    .bind(model)
                    .bind(int(dimension as u64))
                    .execute(&mut *c)
                    .await?;
                sqlx::query_as(FIND).bind(model).fetch_optional(&mut *c).await?
            });
            let Some(row) = row else { continue };
            let stored = Generation::try_from(row)?;
            if stored.dimension != dimension {
                let model = model.to_owned();
                return Err(StorageError::DimensionChanged {
                    model,
                    stored: stored.dimension,
                    given: dimension,
                });
            }
            return Ok(stored.id);
        }
        Err(StorageError::Unavailable(sqlx::Error::RowNotFound))
    }

    /// Makes searches use this generation from now on. `false` if there is none of this number.
    pub async fn activate(&mut self, id: GenerationId) -> Result<bool, StorageError> {
        let activated = on!(self.0, |c| {
            sqlx::query(DEACTIVATE).bind(id.0).execute(&mut *c).await?;
            sqlx::query(ACTIVATE)
                .bind(id.0)
                .execute(&mut *c)
                .await?
                .rows_affected()
        });
        Ok(activated == 1)
    }

    /// Makes this generation, and no other one, the one that waits to be switched on.
    pub async fn set_pending(&mut self, id: GenerationId) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(SET_PENDING)
            .bind(id.0)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Ends the waiting of whichever generation waits.
    pub async fn clear_pending(&mut self) -> Result<(), StorageError> {
        self.set_pending(GenerationId::NONE).await
    }

    /// Switches the pending generation on if it holds every current version that the active one holds, or if none is
    /// active. The one that was switched on.
    pub async fn switch_if_complete(&mut self) -> Result<Option<Generation>, StorageError> {
        let Some(pending) = self.pending().await? else {
            return Ok(None);
        };
        if let Some(active) = self.active().await? {
            let gap: Option<i32> = on!(self.0, |c| sqlx::query_scalar(GAP)
                .bind(pending.id.0)
                .bind(active.id.0)
                .fetch_optional(c)
                .await?);
            if gap.is_some() {
                return Ok(None);
            }
        }
        self.activate(pending.id).await?;
        Ok(Some(pending))
    }

    /// Forgets what a generation holds; its index may then be dropped. The row stays, so that no number ever names
    /// another model.
    pub async fn forget_embedded(&mut self, id: GenerationId) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(FORGET_EMBEDDED)
            .bind(id.0)
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }
}
