//! Tasks as people see them: status, events, control.

use std::time::Duration;

use futures::Stream;
use futures::stream;
use nexus_domain::{Access, Action, KbId, TargetKind, Task, TaskId, TaskKind, TaskPayload, TaskState};
use nexus_storage::{Db, ProblemRow, Requested, Resumed, Stop, TaskFilter};

use super::audit::Change;
use super::{Door, ServiceError};
use crate::worker::Queue;

/// Tasks looked at together.
const PAGE: usize = 256;
/// How often a watched task is read. Its row is the only truth that all processes share.
const WATCH_EVERY: Duration = Duration::from_millis(250);

#[derive(Clone, Debug)]
pub struct Tasks {
    db: Db,
    queue: Queue,
}

/// A task, and where it stands in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskView {
    pub task: Task,
    /// How many tasks come before it; `None` once it runs.
    pub queued_before: Option<u64>,
}

impl Tasks {
    pub fn new(db: Db, queue: Queue) -> Self {
        Self { db, queue }
    }

    pub async fn get(&self, access: &Access, id: TaskId) -> Result<Task, ServiceError> {
        let task = self.db.tasks().get(id).await?;
        let task = task.filter(|task| visible(access, task));
        let task = task.ok_or(ServiceError::NotFound("task"))?;
        // A task goes with its knowledge base.
        match task.kb_id {
            Some(kb) if self.db.knowledge_bases().get(kb).await?.is_none() => {
                Err(ServiceError::NotFound("task"))
            }
            _ => Ok(task),
        }
    }

    /// A task with its place in the queue, and what it waits for there.
    pub async fn view(&self, mut task: Task) -> Result<TaskView, ServiceError> {
        if task.state != TaskState::Queued {
            return Ok(TaskView {
                task,
                queued_before: None,
            });
        }
        let place = self.db.tasks().place(task.id).await?;
        let waits_for = if task.run_at > self.queue.now() {
            let again = task.run_at.to_datetime().format("%H:%M:%S UTC");
            match &task.error {
                Some(error) => format!("{}; tried again at {again}", error.message),
                None => format!("its time, {again}"),
            }
        } else if place.is_kept_waiting {
            "another task of this knowledge base".to_owned()
        } else {
            "a free worker".to_owned()
        };
        task.progress.waits_for = Some(waits_for);
        Ok(TaskView {
            task,
            queued_before: Some(place.before),
        })
    }

    pub async fn views(&self, tasks: Vec<Task>) -> Result<Vec<TaskView>, ServiceError> {
        let mut views = Vec::with_capacity(tasks.len());
        for task in tasks {
            views.push(self.view(task).await?);
        }
        Ok(views)
    }

    /// A new task for the files that this one could not read.
    pub async fn retry(&self, access: &Access, task: &Task, trace_id: &str) -> Result<Task, ServiceError> {
        if !task.state.is_settled() {
            let reason = "the task has not ended; what it cannot read is known when it has";
            return Err(ServiceError::TaskState(reason.to_owned()));
        }
        if self.db.tasks().problems(task.id, None, 1).await?.is_empty() {
            let reason = "the task has read all files that it met";
            return Err(ServiceError::TaskState(reason.to_owned()));
        }
        let payload = match task.payload {
            TaskPayload::IngestUpload {
                upload_id,
                source_id,
                ref path,
                ..
            } => {
                if self.db.uploads().get(upload_id).await?.is_none() {
                    let reason = "the upload is not kept any more; send it again";
                    return Err(ServiceError::TaskState(reason.to_owned()));
                }
                self.refuse_outdated(task.id).await?;
                TaskPayload::IngestUpload {
                    upload_id,
                    source_id,
                    again: Some(task.id),
                    path: path.clone(),
                }
            }
            TaskPayload::SyncSource { source_id, .. } => TaskPayload::SyncSource {
                source_id,
                dry_run: false,
                accept_removals: false,
                again: Some(task.id),
            },
            TaskPayload::RemoveDocument { .. }
            | TaskPayload::ImportKb { .. }
            | TaskPayload::EmbedKb
            | TaskPayload::RebuildLexical
            | TaskPayload::Sweep => {
                let reason = "only a task that reads files can read some of them again";
                return Err(ServiceError::TaskState(reason.to_owned()));
            }
        };
        let now = self.queue.now();
        let mut tx = self.db.begin().await?;
        let id = self.queue.enqueue(&mut tx, task.kb_id, payload, trace_id).await?;
        changed(Action::TaskRetry, task)
            .with("again", id.to_string())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        self.queue.wake();
        self.reload(id).await
    }

    /// Newest first, older than `before`.
    pub async fn list(
        &self,
        access: &Access,
        kb: Option<KbId>,
        before: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Task>, ServiceError> {
        let seen = access.only();
        let filter = TaskFilter {
            kb,
            kbs: seen.as_ref(),
            live_only: true,
            ..TaskFilter::default()
        };
        let found = self.db.tasks().list(filter, before, limit).await?;
        Ok(found.into_iter().filter(|task| visible(access, task)).collect())
    }

    pub async fn problems(
        &self,
        id: TaskId,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<ProblemRow>, ServiceError> {
        Ok(self.db.tasks().problems(id, after, limit).await?)
    }

    pub async fn cancel(&self, access: &Access, task: &Task) -> Result<Task, ServiceError> {
        self.request(access, task, Stop::Cancel).await
    }

    pub async fn pause(&self, access: &Access, task: &Task) -> Result<Task, ServiceError> {
        self.request(access, task, Stop::Pause).await
    }

    pub async fn resume(&self, access: &Access, task: &Task) -> Result<Task, ServiceError> {
        let (id, now) = (task.id, self.queue.now());
        self.refuse_outdated(id).await?;
        let mut tx = self.db.begin().await?;
        let resumed = tx.tasks().resume(id, now).await?;
        if matches!(resumed, Resumed::Queued | Resumed::StillRunning) {
            changed(Action::TaskResume, task)
                .record(&mut tx, access, now)
                .await?;
        }
        tx.commit().await?;
        match resumed {
            Resumed::Queued | Resumed::StillRunning => {
                self.queue.wake();
                self.reload(id).await
            }
            Resumed::NotResumable(state) => Err(ServiceError::TaskState(format!(
                "the task is {}; only a paused, failed or cancelled one can be resumed",
                state.as_str()
            ))),
            Resumed::NotFound => Err(ServiceError::NotFound("task")),
        }
    }

    /// An archive is the whole of its source, and a document has one content: what a newer upload has replaced would come
    /// back.
    async fn refuse_outdated(&self, id: TaskId) -> Result<(), ServiceError> {
        let Some(task) = self.db.tasks().get(id).await? else {
            return Err(ServiceError::NotFound("task"));
        };
        let TaskPayload::IngestUpload {
            source_id,
            upload_id,
            path,
            ..
        } = task.payload
        else {
            return Ok(());
        };
        let source = self.db.sources().get(source_id).await?;
        let is_whole = source.is_some_and(|source| source.kind.removes_missing());
        if !is_whole && path.is_none() {
            return Ok(());
        }
        let read_since = TaskFilter {
            kb: task.kb_id,
            kind: is_whole.then_some(TaskKind::IngestUpload),
            ..TaskFilter::default()
        };
        let mut before = None;
        loop {
            let page = self.db.tasks().list(read_since, before, PAGE).await?;
            for newer in page.iter().take_while(|newer| newer.id > id) {
                let is_of_it = match &newer.payload {
                    TaskPayload::IngestUpload {
                        source_id: of,
                        upload_id: other,
                        path: at,
                        ..
                    } => *of == source_id && *other != upload_id && (is_whole || *at == path),
                    TaskPayload::RemoveDocument {
                        source_id: of,
                        path: at,
                    } => *of == source_id && Some(at) == path.as_ref(),
                    _ => false,
                };
                let is_given_up = matches!(newer.state, TaskState::Failed | TaskState::Cancelled);
                if is_of_it && !is_given_up {
                    return Err(ServiceError::TaskState(format!(
                        "a newer upload of this source is read by task {}; upload this one again if it is the right one",
                        newer.id
                    )));
                }
            }
            match page.last() {
                Some(last) if last.id > id => before = Some(last.id),
                _ => return Ok(()),
            }
        }
    }

    /// The task's states: the given one, then each change, up to the settled one. It ends as soon as the caller may not see
    /// the task any more.
    pub fn watch(
        &self,
        door: Door,
        access: Access,
        task: Task,
    ) -> impl Stream<Item = TaskView> + Send + use<> {
        let this = self.clone();
        stream::unfold(Watch::First(Box::new(task)), move |watch| {
            let (this, door, access) = (this.clone(), door.clone(), access.clone());
            async move {
                let seen = match watch {
                    Watch::First(task) => {
                        let view = this.view(*task).await.ok()?;
                        return Some((view.clone(), Watch::after(view)));
                    }
                    Watch::Seen(view) => view,
                    Watch::Settled => return None,
                };
                loop {
                    tokio::time::sleep(WATCH_EVERY).await;
                    let Ok(access) = door.again(&access).await else {
                        return None;
                    };
                    // Gone, or the database is away: the client asks again.
                    let task = this.get(&access, seen.task.id).await.ok()?;
                    let view = this.view(task).await.ok()?;
                    if view != *seen {
                        return Some((view.clone(), Watch::after(view)));
                    }
                }
            }
        })
    }

    async fn request(&self, access: &Access, task: &Task, stop: Stop) -> Result<Task, ServiceError> {
        let (id, now) = (task.id, self.queue.now());
        let action = match stop {
            Stop::Cancel => Action::TaskCancel,
            Stop::Pause => Action::TaskPause,
        };
        let mut tx = self.db.begin().await?;
        let requested = tx.tasks().request_state(id, stop, now).await?;
        if matches!(requested, Requested::Stopped | Requested::Asked) {
            changed(action, task).record(&mut tx, access, now).await?;
        }
        tx.commit().await?;
        match requested {
            Requested::Stopped | Requested::Asked => self.reload(id).await,
            Requested::Settled(is) => Err(ServiceError::TaskState(format!(
                "the task is {} already",
                is.as_str()
            ))),
            Requested::NotFound => Err(ServiceError::NotFound("task")),
        }
    }

    async fn reload(&self, id: TaskId) -> Result<Task, ServiceError> {
        self.db
            .tasks()
            .get(id)
            .await?
            .ok_or(ServiceError::NotFound("task"))
    }
}

enum Watch {
    First(Box<Task>),
    Seen(Box<TaskView>),
    Settled,
}

impl Watch {
    fn after(view: TaskView) -> Self {
        if view.task.state.is_settled() {
            Self::Settled
        } else {
            Self::Seen(Box::new(view))
        }
    }
}

fn changed(action: Action, task: &Task) -> Change {
    Change::new(action, TargetKind::Task, task.id).of_kb(task.kb_id)
}

/// Tasks of no knowledge base are housekeeping: whoever sees every knowledge base sees them.
fn visible(access: &Access, task: &Task) -> bool {
    match task.kb_id {
        Some(kb) => access.sees(kb),
        None => access.only().is_none(),
    }
}
