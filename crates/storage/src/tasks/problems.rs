//! Problems: what a task could not read, told once per path and code however often the task runs.

use nexus_domain::{Problem, TaskId, Timestamp};
use sqlx::FromRow;

use super::Tasks;
use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, displayable, limit, word};

/// Problems stored per task; a hostile archive may have a million. What comes after is only counted by the caller.
pub const MAX_PROBLEMS_PER_TASK: u64 = 10_000;

/// Longest stored path, in bytes: it is part of an index entry (see [`crate::MAX_PATH_BYTES`]).
const MAX_PROBLEM_PATH_BYTES: usize = 1_024;

/// Longest stored message, in bytes.
const MAX_MESSAGE_BYTES: usize = 1_024;

statements! {
    LIST = "SELECT seq, path, code, message FROM task_problems WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    LAST_SEQ = "SELECT COALESCE(MAX(seq), 0) FROM task_problems WHERE task_id = $1";
    INSERT = "INSERT INTO task_problems (task_id, seq, path, code, message, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (task_id, path, code) DO NOTHING";
    CLEAR = "DELETE FROM task_problems WHERE task_id = $1";
}

/// A problem and its number in the task: the cursor of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemRow {
    pub seq: i64,
    pub problem: Problem,
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    /// Empty where the upload as a whole is meant.
    path: String,
    code: String,
    message: String,
}

impl TryFrom<Row> for ProblemRow {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let path = (!row.path.is_empty()).then_some(row.path);
        Ok(Self {
            seq: row.seq,
            problem: Problem {
                path,
                code: word(&row.code)?,
                message: row.message,
            },
        })
    }
}

impl<C: Connect> Tasks<C> {
    /// Problems of a task in the order they were met, after the number `after`.
    pub async fn problems(
        &mut self,
        task: TaskId,
        after: Option<i64>,
        rows: usize,
    ) -> Result<Vec<ProblemRow>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| {
            let select = sqlx::query_as(LIST).bind(task.as_uuid()).bind(after.unwrap_or(0));
            select.bind(limit(rows)).fetch_all(c).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Tasks<&mut Tx> {
    /// Stores problems that are new to the task, up to [`MAX_PROBLEMS_PER_TASK`]; how many were new. Paths and
    /// messages are cut to what people read.
    pub async fn add_problems(
        &mut self,
        task: TaskId,
        problems: &[Problem],
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        let id = task.as_uuid();
        let first: i64 = on!(self.0, |c| sqlx::query_scalar(LAST_SEQ)
            .bind(id)
            .fetch_one(c)
            .await?);
        let mut seq = first;
        for problem in problems {
            if seq.unsigned_abs() >= MAX_PROBLEMS_PER_TASK {
                break;
            }
            let path = displayable(
                problem.path.as_deref().unwrap_or_default(),
                MAX_PROBLEM_PATH_BYTES,
            );
            let message = displayable(&problem.message, MAX_MESSAGE_BYTES);
            let inserted = on!(self.0, |c| {
                let insert = sqlx::query(INSERT)
                    .bind(id)
                    .bind(seq + 1)
                    .bind(&path)
                    .bind(problem.code.as_str());
                insert
                    .bind(&message)
                    .bind(At(now))
                    .execute(c)
                    .await?
                    .rows_affected()
            });
            seq += i64::from(inserted == 1);
        }
        Ok((seq - first).unsigned_abs())
    }

    /// Forgets all problems of a task.
    pub async fn clear_problems(&mut self, task: TaskId) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(CLEAR)
            .bind(task.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }
}
