//! Generations: one dense index per embedding model. The active one is searched.

use nexus_domain::GenerationId;
use sqlx::FromRow;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{int, number};

statements! {
    FIND = "SELECT id, model, dimension, active FROM generations WHERE model = $1";
    ACTIVE = "SELECT id, model, dimension, active FROM generations WHERE active";
    LIST = "SELECT id, model, dimension, active FROM generations ORDER BY id";
    // `WHERE TRUE` tells SQLite that `ON CONFLICT` is no join condition.
    INSERT = "INSERT INTO generations (id, model, dimension, active)
        SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS BIGINT), FALSE FROM generations WHERE TRUE ON CONFLICT DO NOTHING";
    // Two statements, for at no moment may two be active.
    DEACTIVATE = "UPDATE generations SET active = FALSE WHERE active AND id <> $1";
    ACTIVATE = "UPDATE generations SET active = TRUE WHERE id = $1";
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
    pub active: bool,
}

#[derive(FromRow)]
struct GenerationRow {
    id: i64,
    model: String,
    dimension: i64,
    active: bool,
}

impl TryFrom<GenerationRow> for Generation {
    type Error = StorageError;

    fn try_from(row: GenerationRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: GenerationId(row.id),
            model: row.model,
            dimension: number(row.dimension, "dimension")?,
            active: row.active,
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
}
