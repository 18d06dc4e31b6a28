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

    /// An archive is the whole of its source: one that a newer upload has replaced would bring back what is gone.
    async fn refuse_outdated(&self, id: TaskId) -> Result<(), ServiceError> {
        let Some(task) = self.db.tasks().get(id).await? else {
            return Err(ServiceError::NotFound("task"));
        };
        let TaskPayload::IngestUpload { source_id, .. } = task.payload else {
            return Ok(());
        };
        let source = self.db.sources().get(source_id).await?;
        if !source.is_some_and(|source| source.kind.removes_missing()) {
            return Ok(());
        }
        let read_since = TaskFilter {
            kb: task.kb_id,
            state: Some(TaskState::Succeeded),
            kind: Some(TaskKind::IngestUpload),
            ..TaskFilter::default()
        };
        let mut before = None;
        loop {
            let page = self.db.tasks().list(read_since, before, PAGE).await?;
            for newer in page.iter().take_while(|newer| newer.id > id) {
                if matches!(newer.payload, TaskPayload::IngestUpload { source_id: of, .. } if of == source_id)
                {
                    return Err(ServiceError::TaskState(format!(
                        "a newer upload of this source was read by task {}; upload this one again if it is the right one",
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
    pub fn watch(&self, door: Door, access: Access, task: Task) -> impl Stream<Item = Task> + Send + use<> {
        let this = self.clone();
        stream::unfold(Watch::First(Box::new(task)), move |watch| {
            let (this, door, access) = (this.clone(), door.clone(), access.clone());
            async move {
                let seen = match watch {
                    Watch::First(task) => return Some(((*task).clone(), Watch::after(*task))),
                    Watch::Seen(task) => task,
                    Watch::Settled => return None,
                };
                loop {
                    tokio::time::sleep(WATCH_EVERY).await;
                    let Ok(access) = door.again(&access).await else {
                        return None;
                    };
                    match this.get(&access, seen.id).await {
                        Ok(task) if task == *seen => {}
                        Ok(task) => return Some((task.clone(), Watch::after(task))),
                        // Gone, or the database is away: the client asks again.
                        Err(_) => return None,
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
    Seen(Box<Task>),
    Settled,
}

impl Watch {
    fn after(task: Task) -> Self {
        if task.state.is_settled() {
            Self::Settled
        } else {
            Self::Seen(Box::new(task))
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
