//! What knowledge bases were measured to be: derived from their text, written by whoever has measured last.

use nexus_domain::{GenerationId, KbId, Timestamp};
use sqlx::FromRow;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, int, number};

macro_rules! columns {
    () => {
        "mode, revision, chunks, generation, questions, measured, calibrated_at"
    };
}

statements! {
    OF_KB = concat!("SELECT ", columns!(), " FROM kb_quality WHERE kb_id = $1 ORDER BY mode");
    PUT = concat!("INSERT INTO kb_quality (kb_id, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (kb_id, mode) DO UPDATE SET revision = excluded.revision, chunks = excluded.chunks,
            generation = excluded.generation, questions = excluded.questions, measured = excluded.measured,
            calibrated_at = excluded.calibrated_at");
}

/// One measurement of a knowledge base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KbQuality {
    /// Which indexes were asked: a word of whoever measures.
    pub mode: String,
    /// Of the knowledge base, when it was measured.
    pub revision: i64,
    pub chunks: u64,
    /// [`GenerationId::NONE`] where there was no embedding model.
    pub generation: GenerationId,
    /// How many it was measured with.
    pub questions: u64,
    /// JSON of whoever measures.
    pub measured: String,
    pub calibrated_at: Timestamp,
}

#[derive(FromRow)]
struct QualityRow {
    mode: String,
    revision: i64,
    chunks: i64,
    generation: i64,
    questions: i64,
    measured: String,
    calibrated_at: At,
}

impl TryFrom<QualityRow> for KbQuality {
    type Error = StorageError;

    fn try_from(row: QualityRow) -> Result<Self, StorageError> {
        Ok(Self {
            mode: row.mode,
            revision: row.revision,
            chunks: number(row.chunks, "count of chunks")?,
            generation: GenerationId(row.generation),
            questions: number(row.questions, "count of questions")?,
            measured: row.measured,
            calibrated_at: row.calibrated_at.0,
        })
    }
}

#[derive(Debug)]
pub struct KbQualities<C>(pub(crate) C);

impl<C: Connect> KbQualities<C> {
    /// All measurements of a knowledge base, by mode.
    pub async fn of_kb(&mut self, kb: KbId) -> Result<Vec<KbQuality>, StorageError> {
        let rows: Vec<QualityRow> = on!(self.0, |c| sqlx::query_as(OF_KB)
            .bind(kb.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl KbQualities<&mut Tx> {
    /// Takes the place of an earlier one. [`StorageError::ReferenceViolation`] if the knowledge base is gone.
    pub async fn put(&mut self, kb: KbId, quality: &KbQuality) -> Result<(), StorageError> {
        on!(self.0, |c| {
            sqlx::query(PUT)
                .bind(kb.as_uuid())
                .bind(&quality.mode)
                .bind(quality.revision)
                .bind(int(quality.chunks))
                .bind(quality.generation.0)
                .bind(int(quality.questions))
                .bind(&quality.measured)
                .bind(At(quality.calibrated_at))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }
}
