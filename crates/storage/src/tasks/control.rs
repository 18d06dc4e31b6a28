//! What people ask of tasks: to stop, to go on.

use nexus_domain::{KbId, TaskId, TaskState, Timestamp};

use super::Tasks;
use super::row::{TaskRow, task_columns};
use crate::db::Tx;
use crate::error::StorageError;
use crate::session::on;
use crate::sql::statements;
use crate::types::{At, word};

statements! {
    STATE = "SELECT state FROM tasks WHERE id = $1";
    // A request to cancel is not softened by a later one to pause.
    REQUEST = concat!("UPDATE tasks SET updated_at = $3,
            requested_state = CASE WHEN state <> 'running' THEN NULL
                WHEN requested_state = 'cancelled' THEN requested_state ELSE $2 END,
            state = CASE WHEN state = 'running' THEN state ELSE $2 END,
            finished_at = CASE WHEN state <> 'running' AND $2 = 'cancelled' THEN $3 ELSE finished_at END
        WHERE id = $1 AND (state IN ('queued', 'running') OR state = 'paused' AND $2 = 'cancelled')
        RETURNING ", task_columns!());
    STOP_OF_KB = concat!("UPDATE tasks SET updated_at = $2,
            requested_state = CASE WHEN state = 'running' THEN 'cancelled' END,
            finished_at = CASE WHEN state = 'running' THEN finished_at ELSE $2 END,
            state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END
        WHERE kb_id = $1 AND state IN ('queued', 'running', 'paused')
        RETURNING ", task_columns!());
    RESUME = "UPDATE tasks SET state = 'queued', run_at = $2, updated_at = $2, attempts = 0, error = NULL,
            finished_at = NULL, requested_state = NULL
        WHERE id = $1 AND state IN ('paused', 'failed', 'cancelled')";
    WITHDRAW_PAUSE = "UPDATE tasks SET requested_state = NULL, updated_at = $2
        WHERE id = $1 AND state = 'running' AND requested_state = 'paused'";
}

/// How a task can be asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Cancel,
    Pause,
}

impl Stop {
    const fn state(self) -> TaskState {
        match self {
            Self::Cancel => TaskState::Cancelled,
            Self::Pause => TaskState::Paused,
        }
    }
}

/// What a request to stop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// The task waited, and has the state now.
    Stopped,
    /// The task runs; its worker learns of it with the next heartbeat.
    Asked,
    /// The task had settled before.
    Settled(TaskState),
    NotFound,
}

/// What a request to go on came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// It waits for a worker again.
    Queued,
    /// It was still running; the request to pause is withdrawn.
    StillRunning,
    /// A task in this state has nothing to resume.
    NotResumable(TaskState),
    NotFound,
}

impl Tasks<&mut Tx> {
    pub async fn request_state(
        &mut self,
        task: TaskId,
        stop: Stop,
        now: Timestamp,
    ) -> Result<Requested, StorageError> {
        let row: Option<TaskRow> = on!(self.0, |c| {
            let update = sqlx::query_as(REQUEST)
                .bind(task.as_uuid())
                .bind(stop.state().as_str());
            update.bind(At(now)).fetch_optional(c).await?
        });
        let state = self.ended(row, now).await?.map(|task| task.state);
        match state {
            Some(TaskState::Running) => Ok(Requested::Asked),
            Some(_) => Ok(Requested::Stopped),
            None => Ok(self
                .state(task)
                .await?
                .map_or(Requested::NotFound, Requested::Settled)),
        }
    }

    /// Cancels all tasks of a knowledge base that is deleted; how many.
    pub async fn cancel_of_kb(&mut self, kb: KbId, now: Timestamp) -> Result<u64, StorageError> {
        let rows: Vec<TaskRow> = on!(self.0, |c| {
            sqlx::query_as(STOP_OF_KB)
                .bind(kb.as_uuid())
                .bind(At(now))
                .fetch_all(c)
                .await?
        });
        let stopped = rows.len() as u64;
        for row in rows {
            self.ended(Some(row), now).await?;
        }
        Ok(stopped)
    }

    /// Sends a stopped or failed task back to the queue, with a fresh count of attempts.
    pub async fn resume(&mut self, task: TaskId, now: Timestamp) -> Result<Resumed, StorageError> {
        for (sql, resumed) in [(RESUME, Resumed::Queued), (WITHDRAW_PAUSE, Resumed::StillRunning)] {
            let changed = on!(self.0, |c| {
                sqlx::query(sql)
                    .bind(task.as_uuid())
                    .bind(At(now))
                    .execute(c)
                    .await?
                    .rows_affected()
            });
            if changed == 1 {
                return Ok(resumed);
            }
        }
        Ok(self
            .state(task)
            .await?
            .map_or(Resumed::NotFound, Resumed::NotResumable))
    }

    async fn state(&mut self, task: TaskId) -> Result<Option<TaskState>, StorageError> {
        let state: Option<String> = on!(self.0, |c| sqlx::query_scalar(STATE)
            .bind(task.as_uuid())
            .fetch_optional(c)
            .await?);
        state.as_deref().map(word).transpose()
    }
}
