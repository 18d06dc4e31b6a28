//! Tasks: the rows that are the queue. This file reads them; [`queue`] is what workers do to the tasks they hold,
//! [`control`] what people ask of tasks, [`problems`] what could not be read.

mod control;
mod problems;
mod queue;
mod row;

pub use control::{Requested, Resumed, Stop};
pub use problems::{MAX_PROBLEMS_PER_TASK, ProblemRow};
pub use queue::{Heartbeat, Outcome, Reschedule};
pub(crate) use row::task_columns;

use std::collections::BTreeSet;

use nexus_domain::{KbId, Task, TaskId, TaskKind, TaskState, Timestamp};
use sqlx::types::Uuid;

use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{At, limit, number, word};
use row::TaskRow;

/// Whether a task belongs to no knowledge base, or to one that is there.
macro_rules! live_kb {
    () => {
        "kb_id IS NULL OR EXISTS (SELECT 1 FROM knowledge_bases k WHERE k.id = tasks.kb_id AND k.deleted_at IS NULL)"
    };
}

statements! {
    GET = concat!("SELECT ", task_columns!(), " FROM tasks WHERE id = $1");
    LIST = concat!("SELECT ", task_columns!(), " FROM tasks
        WHERE id < $1 AND (kb_id = $2 OR $2 IS NULL) AND (state = $3 OR $3 IS NULL) AND (kind = $4 OR $4 IS NULL)
        AND ($5 = 0 OR ", live_kb!(), ") ORDER BY id DESC LIMIT $6");
    LIST_OF_KBS = ids_in!(concat!("SELECT ", task_columns!(), " FROM tasks WHERE kb_id IN "),
        concat!(" AND id < $65 AND (state = $66 OR $66 IS NULL) AND (kind = $67 OR $67 IS NULL)
        AND ($68 = 0 OR ", live_kb!(), ") ORDER BY id DESC LIMIT $69"));
    HAS_IN_STATES = "SELECT COUNT(*) FROM tasks
        WHERE (kb_id = $1 OR kb_id IS NULL AND $1 IS NULL) AND kind = $2 AND state IN ($3, $4)";
    EMBEDS = "SELECT COUNT(*) FROM tasks WHERE kb_id = $1 AND id <> $2 AND state = 'running' AND lease_until > $3
        AND (kind = 'embed_kb' OR progress LIKE '%\"stage\":\"embedding\"%')";
    BEFORE = "SELECT COUNT(*) FROM tasks t JOIN tasks me ON me.id = $1 AND me.state = 'queued'
        WHERE t.state = 'queued' AND t.id <> me.id AND (t.priority > me.priority OR t.priority = me.priority
            AND (t.run_at < me.run_at OR t.run_at = me.run_at AND t.id < me.id))";
    RUNNING_BESIDE = "SELECT COUNT(*) FROM tasks t JOIN tasks me ON me.id = $1
        WHERE t.state = 'running' AND t.id <> me.id AND t.kb_id = me.kb_id
            AND NOT (t.kind = 'sync_source' AND me.kind IN ('ingest_upload', 'remove_document'))";
    DEPTH = "SELECT state, COUNT(*) FROM tasks GROUP BY state ORDER BY state";
}

#[cfg(feature = "testing")]
pub(crate) const ALL_STATEMENTS: [&[&str]; 4] = [
    STATEMENTS,
    control::STATEMENTS,
    problems::STATEMENTS,
    queue::STATEMENTS,
];

/// Which tasks to list; `None` is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter<'a> {
    pub kb: Option<KbId>,
    /// Only tasks of these knowledge bases.
    pub kbs: Option<&'a BTreeSet<KbId>>,
    pub state: Option<TaskState>,
    pub kind: Option<TaskKind>,
    /// No tasks of deleted knowledge bases.
    pub live_only: bool,
}

/// A waiting task's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Tasks that come before it.
    pub before: u64,
    /// Whether a task of its knowledge base runs, which it may have to wait for.
    pub is_kept_waiting: bool,
}

#[derive(Debug)]
pub struct Tasks<C>(pub(crate) C);

impl<C: Connect> Tasks<C> {
    pub async fn get(&mut self, id: TaskId) -> Result<Option<Task>, StorageError> {
        let row: Option<TaskRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Tasks, newest first, before the task `before`.
    pub async fn list(
        &mut self,
        filter: TaskFilter<'_>,
        before: Option<TaskId>,
        rows: usize,
    ) -> Result<Vec<Task>, StorageError> {
        if let Some(kbs) = filter.kbs {
            match filter.kb {
                Some(kb) if !kbs.contains(&kb) => return Ok(Vec::new()),
                Some(_) => {}
                None => return self.list_of_kbs(kbs, filter, before, rows).await,
            }
        }
        let before = before.map_or(Uuid::max(), TaskId::as_uuid);
        let rows: Vec<TaskRow> = on!(self.0, |c| {
            let select = sqlx::query_as(LIST)
                .bind(before)
                .bind(filter.kb.map(KbId::as_uuid));
            let select = select
                .bind(filter.state.map(TaskState::as_str))
                .bind(filter.kind.map(TaskKind::as_str));
            let select = select.bind(i64::from(filter.live_only));
            select.bind(limit(rows)).fetch_all(c).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn list_of_kbs(
        &mut self,
        kbs: &BTreeSet<KbId>,
        filter: TaskFilter<'_>,
        before: Option<TaskId>,
        rows: usize,
    ) -> Result<Vec<Task>, StorageError> {
        let before = before.map_or(Uuid::max(), TaskId::as_uuid);
        let kbs: Vec<Uuid> = kbs.iter().map(|kb| kb.as_uuid()).collect();
        let found: Vec<TaskRow> = on!(self.0, |c| {
            let mut found = Vec::new();
            for batch in kbs.chunks(IDS) {
                let mut select = sqlx::query_as(LIST_OF_KBS);
                for kb in padded(batch) {
                    select = select.bind(*kb);
                }
                let select = select.bind(before).bind(filter.state.map(TaskState::as_str));
                let select = select.bind(filter.kind.map(TaskKind::as_str));
                let select = select.bind(i64::from(filter.live_only)).bind(limit(rows));
                found.append(&mut select.fetch_all(&mut *c).await?);
            }
            found
        });
        let tasks: Result<Vec<Task>, StorageError> = found.into_iter().map(TryInto::try_into).collect();
        let mut tasks = tasks?;
        // Each batch gave its newest ones.
        tasks.sort_unstable_by_key(|task| std::cmp::Reverse(task.id));
        tasks.truncate(rows);
        Ok(tasks)
    }

    /// Whether a task of this kind waits or runs for the knowledge base (`None`: for none).
    pub async fn has_open(&mut self, kb: Option<KbId>, kind: TaskKind) -> Result<bool, StorageError> {
        self.has_in(kb, kind, [TaskState::Queued, TaskState::Running])
            .await
    }

    /// Whether a task of this kind waits for the knowledge base. Ask this before enqueueing work that must not be
    /// missed: a task that runs may have looked already.
    pub async fn has_queued(&mut self, kb: Option<KbId>, kind: TaskKind) -> Result<bool, StorageError> {
        self.has_in(kb, kind, [TaskState::Queued, TaskState::Queued])
            .await
    }

    async fn has_in(
        &mut self,
        kb: Option<KbId>,
        kind: TaskKind,
        states: [TaskState; 2],
    ) -> Result<bool, StorageError> {
        let count: i64 = on!(self.0, |c| {
            let select = sqlx::query_scalar(HAS_IN_STATES)
                .bind(kb.map(KbId::as_uuid))
                .bind(kind.as_str());
            select
                .bind(states[0].as_str())
                .bind(states[1].as_str())
                .fetch_one(c)
                .await?
        });
        Ok(count > 0)
    }

    /// Whether another task of the knowledge base computes its vectors, by a worker that lives.
    pub async fn embeds_beside(
        &mut self,
        kb: KbId,
        task: TaskId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let count: i64 = on!(self.0, |c| {
            let select = sqlx::query_scalar(EMBEDS).bind(kb.as_uuid());
            select.bind(task.as_uuid()).bind(At(now)).fetch_one(c).await?
        });
        Ok(count > 0)
    }

    /// Where a waiting task stands in the queue.
    pub async fn place(&mut self, task: TaskId) -> Result<Place, StorageError> {
        let (before, beside): (i64, i64) = on!(self.0, |c| {
            let before = sqlx::query_scalar(BEFORE)
                .bind(task.as_uuid())
                .fetch_one(&mut *c)
                .await?;
            let beside = sqlx::query_scalar(RUNNING_BESIDE)
                .bind(task.as_uuid())
                .fetch_one(&mut *c)
                .await?;
            (before, beside)
        });
        Ok(Place {
            before: number(before, "count of tasks")?,
            is_kept_waiting: beside > 0,
        })
    }

    /// How many tasks are in each state; states without tasks are left out.
    pub async fn depth(&mut self) -> Result<Vec<(TaskState, u64)>, StorageError> {
        let rows: Vec<(String, i64)> = on!(self.0, |c| sqlx::query_as(DEPTH).fetch_all(c).await?);
        rows.into_iter()
            .map(|(state, count)| Ok((word(&state)?, number(count, "count of tasks")?)))
            .collect()
    }
}
