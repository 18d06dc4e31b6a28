//! Tasks: status, problems, events and control.

use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures::{Stream, StreamExt as _};
use nexus_api::{Page, Problem, Task};
use reqwest::Method;
use uuid::Uuid;

use crate::error::ClientError;
use crate::request::Client;

type Events = Pin<Box<dyn Stream<Item = Result<Task, ClientError>> + Send>>;

/// Wait before a broken event stream is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(500);
/// Times that a broken stream is opened again without an event in between.
const REOPEN_LIMIT: u32 = 20;

/// A task's states as they change, up to and including the settled one. A stream that breaks is opened again.
pub struct TaskEvents {
    client: Client,
    id: Uuid,
    events: Option<Events>,
    failures: u32,
    settled: bool,
}

impl std::fmt::Debug for TaskEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskEvents")
            .field("id", &self.id)
            .field("settled", &self.settled)
            .finish_non_exhaustive()
    }
}

impl TaskEvents {
    /// The next state; `None` after the settled one.
    pub async fn next(&mut self) -> Option<Result<Task, ClientError>> {
        while !self.settled {
            match self.step().await {
                Ok(Some(task)) => {
                    self.failures = 0;
                    self.settled = task.state.is_settled();
                    return Some(Ok(task));
                }
                // A server that ends may close the stream properly.
                Ok(None) => self.reopen_later().await,
                Err(error) if error.is_transient() && self.failures < REOPEN_LIMIT => {
                    self.failures += 1;
                    self.reopen_later().await;
                }
                Err(error) => {
                    self.settled = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    async fn reopen_later(&mut self) {
        self.events = None;
        tokio::time::sleep(REOPEN_AFTER).await;
    }

    /// One event; `None` where the stream ended early.
    async fn step(&mut self) -> Result<Option<Task>, ClientError> {
        if self.events.is_none() {
            self.events = Some(self.client.open_events(self.id).await?);
        }
        match &mut self.events {
            Some(events) => events.next().await.transpose(),
            None => Ok(None),
        }
    }
}

impl Client {
    pub async fn task(&self, id: Uuid) -> Result<Task, ClientError> {
        self.get(&format!("/ingestion/tasks/{id}"), &()).await
    }

    pub async fn tasks(&self, kb: Option<Uuid>) -> Result<Page<Task>, ClientError> {
        self.get("/ingestion/tasks", &[("knowledge_base", kb)]).await
    }

    pub async fn problems(&self, id: Uuid, cursor: Option<&str>) -> Result<Page<Problem>, ClientError> {
        self.get(&format!("/ingestion/tasks/{id}/problems"), &[("cursor", cursor)])
            .await
    }

    pub async fn cancel_task(&self, id: Uuid) -> Result<Task, ClientError> {
        self.control(id, "cancel").await
    }

    pub async fn pause_task(&self, id: Uuid) -> Result<Task, ClientError> {
        self.control(id, "pause").await
    }

    pub async fn resume_task(&self, id: Uuid) -> Result<Task, ClientError> {
        self.control(id, "resume").await
    }

    /// The task's states from now on.
    pub fn task_events(&self, id: Uuid) -> TaskEvents {
        TaskEvents {
            client: self.clone(),
            id,
            events: None,
            failures: 0,
            settled: false,
        }
    }

    async fn control(&self, id: Uuid, verb: &str) -> Result<Task, ClientError> {
        let request = self.request(Method::POST, &format!("/ingestion/tasks/{id}/{verb}"));
        let response = self.send_once(request).await?;
        self.read(response).await
    }

    async fn open_events(&self, id: Uuid) -> Result<Events, ClientError> {
        let request = self.request(Method::GET, &format!("/ingestion/tasks/{id}/events"));
        let response = self.send_once(request).await?;
        let events =
            response
                .bytes_stream()
                .eventsource()
                .filter_map(async |event| match event {
                    Ok(event) if event.event == "task" => Some(serde_json::from_str(&event.data).map_err(
                        |_| ClientError::Unexpected {
                            status: 200,
                            text: event.data,
                        },
                    )),
                    // A broken stream ends; the caller opens it again.
                    _ => None,
                });
        Ok(Box::pin(events))
    }
}
