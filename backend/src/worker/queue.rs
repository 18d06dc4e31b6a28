//! Putting tasks into their table, in the transaction that gives them something to do.

use std::sync::Arc;

use nexus_domain::{Clock, KbId, Progress, Task, TaskId, TaskPayload, TaskState, Timestamp};
use nexus_storage::{StorageError, Tx};
use tokio::sync::Notify;

/// Makes task rows and wakes the workers of this process; workers elsewhere find the rows by polling.
#[derive(Clone, Debug)]
pub struct Queue {
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
}

impl Queue {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            wake: Arc::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn enqueue(
        &self,
        tx: &mut Tx,
        kb_id: Option<KbId>,
        payload: TaskPayload,
        trace_id: &str,
    ) -> Result<TaskId, StorageError> {
        let now = self.clock.now();
        let task = Task {
            id: TaskId::new(now),
            kb_id,
            payload,
            state: TaskState::Queued,
            attempts: 0,
            run_at: now,
            lease: None,
            requested_state: None,
            progress: Progress::default(),
            error: None,
            trace_id: trace_id.to_owned(),
            created_at: now,
            started_at: None,
            updated_at: now,
            finished_at: None,
        };
        tx.tasks().enqueue(&task).await?;
        Ok(task.id)
    }

    /// The same, unless one of its kind waits for this knowledge base already. One that runs does not count: it may have
    /// passed the place that this one is for.
    pub async fn enqueue_once(
        &self,
        tx: &mut Tx,
        kb_id: Option<KbId>,
        payload: TaskPayload,
        trace_id: &str,
    ) -> Result<(), StorageError> {
        if !tx.tasks().has_queued(kb_id, payload.kind()).await? {
            self.enqueue(tx, kb_id, payload, trace_id).await?;
        }
        Ok(())
    }

    /// Tells this process's workers that something was committed.
    pub fn wake(&self) {
        self.wake.notify_waiters();
        self.wake.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}
