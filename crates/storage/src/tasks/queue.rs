//! What workers do: enqueue, claim, keep the lease, end. Every write of a worker names the token of its lease; a
//! worker that lost it writes nothing.

use std::time::Duration;

use nexus_domain::task::TaskPayload;
use nexus_domain::{LeaseToken, Progress, Task, TaskError, TaskId, TaskKind, TaskState, Timestamp};

use super::Tasks;
use super::row::{TaskRow, task_columns};
use crate::db::Tx;
use crate::dialect::{CLAIM, CLAIM_LOCK};
use crate::error::StorageError;
use crate::session::on;
use crate::sql::statements;
use crate::types::{At, to_json, word};
use crate::webhooks::WebhookDeliveries;

statements! {
    INSERT = "INSERT INTO tasks (id, kb_id, upload_id, kind, payload, priority, state, attempts, run_at, lease_token,
            lease_until, requested_state, progress, error, trace_id, created_at, started_at, updated_at, finished_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    // A write that changes nothing: in PostgreSQL it keeps the row from being claimed until the transaction ends.
    FENCE = "UPDATE tasks SET lease_token = lease_token WHERE id = $1 AND lease_token = $2 AND state = 'running'";
    HEARTBEAT = "UPDATE tasks SET progress = $3, updated_at = $4, lease_until = $5
        WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING requested_state";
    NOTE_PROGRESS = "UPDATE tasks SET progress = $3 WHERE id = $1 AND lease_token = $2 AND state = 'running'";
    FINISH = concat!("UPDATE tasks SET state = $3, error = $4, progress = $5, updated_at = $6, finished_at = $6,
            lease_token = NULL, lease_until = NULL, requested_state = NULL
        WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING ", task_columns!());
    EXPIRE_LEASES = "UPDATE tasks SET lease_until = $1 WHERE state = 'running' AND lease_until > $1";
    // Who was asked to stop meanwhile stops instead of waiting for its next attempt.
    RESCHEDULE = concat!("UPDATE tasks SET state = COALESCE(requested_state, 'queued'), run_at = $3,
            error = CASE WHEN requested_state IS NULL THEN $4 END, progress = $5, updated_at = $6,
            finished_at = CASE WHEN requested_state = 'cancelled' THEN $6 ELSE finished_at END,
            attempts = attempts - $7, lease_token = NULL, lease_until = NULL, requested_state = NULL
        WHERE id = $1 AND lease_token = $2 AND state = 'running' RETURNING ", task_columns!());
}

/// What a heartbeat brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The state that somebody asked the task to take.
    pub requested_state: Option<TaskState>,
}

/// How a worker ends a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Failed(TaskError),
}

/// Why a worker gives a task back, and when it may be taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reschedule {
    pub run_at: Timestamp,
    pub error: TaskError,
    /// Whether the attempt counts as one that failed.
    pub failed: bool,
}

impl Outcome {
    const fn state(&self) -> TaskState {
        match self {
            Self::Succeeded => TaskState::Succeeded,
            Self::Failed(_) => TaskState::Failed,
        }
    }

    fn error_json(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(to_json(error)),
            Self::Succeeded => None,
        }
    }
}

/// What people wait for comes before what runs in the background. A rebuild comes before the uploads that it keeps
/// waiting: it is quick, and until it has run, search is worse.
const fn priority(kind: TaskKind) -> i64 {
    match kind {
        TaskKind::RebuildLexical => 400,
        TaskKind::IngestUpload | TaskKind::RemoveDocument | TaskKind::SyncSource | TaskKind::ImportKb => 300,
        TaskKind::EmbedKb => 100,
        TaskKind::Sweep => 0,
    }
}

impl Tasks<&mut Tx> {
    /// Writes the task. Do it in the transaction that gives it something to do.
    pub async fn enqueue(&mut self, task: &Task) -> Result<(), StorageError> {
        let kind = task.payload.kind();
        let upload = match &task.payload {
            TaskPayload::IngestUpload { upload_id, .. } | TaskPayload::ImportKb { upload_id, .. } => {
                Some(upload_id.as_uuid())
            }
            TaskPayload::RemoveDocument { .. }
            | TaskPayload::SyncSource { .. }
            | TaskPayload::EmbedKb
            | TaskPayload::RebuildLexical
            | TaskPayload::Sweep => None,
        };
        let insert = on!(self.0, |c| {
            sqlx::query(INSERT)
                .bind(task.id.as_uuid())
                .bind(task.kb_id.map(nexus_domain::KbId::as_uuid))
                .bind(upload)
                .bind(kind.as_str())
                .bind(to_json(&task.payload))
                .bind(priority(kind))
                .bind(task.state.as_str())
                .bind(i64::from(task.attempts))
                .bind(At(task.run_at))
                .bind(task.lease.map(|lease| lease.token.as_uuid()))
                .bind(task.lease.map(|lease| At(lease.until)))
                .bind(task.requested_state.map(TaskState::as_str))
                .bind(to_json(&task.progress))
                .bind(task.error.as_ref().map(to_json))
                .bind(&task.trace_id)
                .bind(At(task.created_at))
                .bind(task.started_at.map(At))
                .bind(At(task.updated_at))
                .bind(task.finished_at.map(At))
                .execute(c)
                .await?
                .rows_affected()
        });
        debug_assert_eq!(insert, 1);
        Ok(())
    }

    /// Takes the next task under a new lease: one that waits and is due, or one whose worker let its lease end. High
    /// priority goes first, then the knowledge base that runs the fewest tasks, then the oldest. A knowledge base
    /// never runs two tasks of one kind, and takes in uploads in their order. Nobody else gets the task once the
    /// transaction commits.
    pub async fn claim(
        &mut self,
        now: Timestamp,
        lease_for: Duration,
        token: LeaseToken,
    ) -> Result<Option<Task>, StorageError> {
        self.claim_for(now, lease_for, token, true).await
    }

    /// The same for a worker that may not want to wait for one more remote source.
    pub async fn claim_for(
        &mut self,
        now: Timestamp,
        lease_for: Duration,
        token: LeaseToken,
        fetches: bool,
    ) -> Result<Option<Task>, StorageError> {
        let (lock, claim) = (CLAIM_LOCK.on(self.0.kind()), CLAIM.on(self.0.kind()));
        let until = now.plus(lease_for);
        let row: Option<TaskRow> = on!(self.0, |c| {
            sqlx::query(lock).fetch_optional(&mut *c).await?;
            let claim = sqlx::query_as(claim)
                .bind(At(now))
                .bind(token.as_uuid())
                .bind(At(until))
                .bind(i64::from(fetches));
            claim.fetch_optional(&mut *c).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// Whether the worker still holds the task; if so, nobody can take it over before this transaction ends. Belongs
    /// into every transaction in which a worker writes something for its task.
    pub async fn fence(&mut self, task: TaskId, token: LeaseToken) -> Result<bool, StorageError> {
        let held = on!(self.0, |c| {
            sqlx::query(FENCE)
                .bind(task.as_uuid())
                .bind(token.as_uuid())
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(held == 1)
    }

    /// Extends the lease and tells how far the task is; fences like [`fence`](Self::fence). `None`: the lease is
    /// lost, stop at once.
    pub async fn heartbeat(
        &mut self,
        task: TaskId,
        token: LeaseToken,
        progress: &Progress,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Heartbeat>, StorageError> {
        let row: Option<(Option<String>,)> = on!(self.0, |c| {
            let beat = sqlx::query_as(HEARTBEAT)
                .bind(task.as_uuid())
                .bind(token.as_uuid())
                .bind(to_json(progress));
            beat.bind(At(now)).bind(At(lease_until)).fetch_optional(c).await?
        });
        row.map(|(requested,)| {
            let requested_state = requested.as_deref().map(word).transpose()?;
            Ok(Heartbeat { requested_state })
        })
        .transpose()
    }

    /// Tells how far the task is before its next heartbeat does.
    pub async fn note_progress(
        &mut self,
        task: TaskId,
        token: LeaseToken,
        progress: &Progress,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let update = sqlx::query(NOTE_PROGRESS)
                .bind(task.as_uuid())
                .bind(token.as_uuid());
            update.bind(to_json(progress)).execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// Ends the task and gives the lease back. `false`: the lease was lost, nothing was written.
    pub async fn finish(
        &mut self,
        task: TaskId,
        token: LeaseToken,
        outcome: &Outcome,
        progress: &Progress,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let finished: Option<TaskRow> = on!(self.0, |c| {
            let update = sqlx::query_as(FINISH).bind(task.as_uuid()).bind(token.as_uuid());
            let update = update
                .bind(outcome.state().as_str())
                .bind(outcome.error_json())
                .bind(to_json(progress));
            update.bind(At(now)).fetch_optional(c).await?
        });
        Ok(self.ended(finished, now).await?.is_some())
    }

    /// The task as it stands now. If it has ended, webhooks hear of it in the same transaction.
    pub(super) async fn ended(
        &mut self,
        row: Option<TaskRow>,
        now: Timestamp,
    ) -> Result<Option<Task>, StorageError> {
        let Some(row) = row else { return Ok(None) };
        let task: Task = row.try_into()?;
        WebhookDeliveries(&mut *self.0).publish_end(&task, now).await?;
        Ok(Some(task))
    }

    /// Ends all leases, for a process that knows that it is alone: tasks of its predecessor are taken up at once.
    pub async fn expire_leases(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(EXPIRE_LEASES)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Gives the task back to the queue for another attempt, or stops it if that was asked for meanwhile: the state
    /// that it has now. `None`: the lease was lost, nothing was written.
    pub async fn reschedule(
        &mut self,
        task: TaskId,
        token: LeaseToken,
        to: &Reschedule,
        progress: &Progress,
        now: Timestamp,
    ) -> Result<Option<TaskState>, StorageError> {
        let row: Option<TaskRow> = on!(self.0, |c| {
            let update = sqlx::query_as(RESCHEDULE)
                .bind(task.as_uuid())
                .bind(token.as_uuid())
                .bind(At(to.run_at));
            let update = update
                .bind(to_json(&to.error))
                .bind(to_json(progress))
                .bind(At(now));
            update.bind(i64::from(!to.failed)).fetch_optional(c).await?
        });
        let task = self.ended(row, now).await?;
        Ok(task.map(|task| task.state))
    }
}
