//! A task's row and how it is read.

use nexus_domain::task::Lease;
use nexus_domain::{KbId, LeaseToken, Task, TaskId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::error::StorageError;
use crate::types::{At, from_json, number, word};

macro_rules! task_columns {
    () => {
        "id, kb_id, payload, state, attempts, run_at, lease_token, lease_until, requested_state, progress, error,
         trace_id, created_at, started_at, updated_at, finished_at"
    };
}
pub(crate) use task_columns;

#[derive(FromRow)]
pub(super) struct TaskRow {
    id: Uuid,
    kb_id: Option<Uuid>,
    payload: String,
    state: String,
    attempts: i64,
    run_at: At,
    lease_token: Option<Uuid>,
    lease_until: Option<At>,
    requested_state: Option<String>,
    progress: String,
    error: Option<String>,
    trace_id: String,
    created_at: At,
    started_at: Option<At>,
    updated_at: At,
    finished_at: Option<At>,
}

impl TryFrom<TaskRow> for Task {
    type Error = StorageError;

    fn try_from(row: TaskRow) -> Result<Self, StorageError> {
        let lease = row.lease_token.zip(row.lease_until);
        Ok(Self {
            id: TaskId::from_uuid(row.id),
            kb_id: row.kb_id.map(KbId::from_uuid),
            payload: from_json(&row.payload, "payload of a task")?,
            state: word(&row.state)?,
            attempts: number(row.attempts, "attempts of a task")?,
            run_at: row.run_at.0,
            lease: lease.map(|(token, until)| Lease {
                token: LeaseToken::from_uuid(token),
                until: until.0,
            }),
            requested_state: row.requested_state.as_deref().map(word).transpose()?,
            progress: from_json(&row.progress, "progress of a task")?,
            error: row
                .error
                .as_deref()
                .map(|error| from_json(error, "error of a task"))
                .transpose()?,
            trace_id: row.trace_id,
            created_at: row.created_at.0,
            started_at: row.started_at.map(|at| at.0),
            updated_at: row.updated_at.0,
            finished_at: row.finished_at.map(|at| at.0),
        })
    }
}
