//! The `Reranker` port over a local cross-encoder. Callers are async and never blocked; a thread of its own runs the model.

mod profile;
mod session;
mod worker;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{JoinHandle, available_parallelism};
use std::time::Instant;

use async_trait::async_trait;
use nexus_domain::{RerankError, Reranker, RerankerInfo};
use tokio::sync::oneshot;

pub(crate) use profile::is_one;
pub use profile::{RerankReference, RerankerProfile};

use crate::error::ModelError;
use crate::local::{self, ensure_complete};
use crate::runtime;
use session::Session;
use worker::{Score, Work};

/// Where the reranker lies, and how much of the machine it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerankerOptions {
    /// Holds `nexus-model.json` of kind `reranker`, `model.onnx`, its weights and the tokenizer's files.
    pub folder: PathBuf,
    /// ONNX Runtime's shared library; `None`: the one in `models_dir`, else the one in `folder`.
    pub runtime_library: Option<PathBuf>,
    pub models_dir: PathBuf,
    /// Threads of a question; `None`: one per core.
    pub threads: Option<NonZeroUsize>,
    /// Questions that may wait; one more is refused, since its time would run out in the queue.
    pub queue_length: usize,
}

impl RerankerOptions {
    /// The defaults for a folder.
    pub fn new(folder: impl Into<PathBuf>, models_dir: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            runtime_library: None,
            models_dir: models_dir.into(),
            threads: None,
            queue_length: 8,
        }
    }

    fn threads(&self) -> usize {
        self.threads
            .or_else(|| available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
    }

    fn runtime(&self) -> Result<PathBuf, ModelError> {
        if let Some(library) = &self.runtime_library {
            return Ok(library.clone());
        }
        if let Some(library) = local::runtime_of(&self.models_dir)? {
            return Ok(library);
        }
        local::runtime_of(&self.folder)?.ok_or_else(|| ModelError::NoRuntime {
            folder: self.folder.clone(),
        })
    }
}

/// A local ONNX cross-encoder, run by fastembed.
///
/// Dropping it waits for the batch being scored and fails the questions that wait.
#[derive(Debug)]
pub struct FastembedReranker {
    info: RerankerInfo,
    /// `None` only while it is dropped.
    work: Option<SyncSender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl FastembedReranker {
    /// Loads and checks the model on a blocking thread.
    pub async fn open(options: RerankerOptions) -> Result<Self, ModelError> {
        let folder = options.folder.display().to_string();
        tokio::task::spawn_blocking(move || Self::load(&options))
            .await
            .unwrap_or_else(|error| Err(load_error(&folder, error)))
    }

    /// The same, blocking.
    pub fn load(options: &RerankerOptions) -> Result<Self, ModelError> {
        let started = Instant::now();
        let profile = RerankerProfile::of_folder(&options.folder)?;
        ensure_complete(&options.folder)?;
        let runtime = runtime::load(&options.runtime()?)?;
        let threads = options.threads();
        let session = Session::open(&options.folder, &profile, &runtime, threads)?;
        let plural = if threads == 1 { "thread" } else { "threads" };
        let info = RerankerInfo {
            model: profile.name.clone(),
            scripts: profile.scripts.clone(),
            runtime: format!("{}, {}, {threads} {plural}", runtime.name, profile.precision),
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            model = info.model,
            runtime = info.runtime,
            milliseconds,
            "reranker loaded"
        );
        Self::start(info, session, options.queue_length).map_err(|error| load_error(&profile.name, error))
    }

    fn start(info: RerankerInfo, model: impl Score, queue_length: usize) -> std::io::Result<Self> {
        let (work, queue) = sync_channel(queue_length.clamp(1, 4_096));
        Ok(Self {
            info,
            work: Some(work),
            thread: Some(worker::start(model, queue)?),
        })
    }
}

fn load_error(model: &str, error: impl ToString) -> ModelError {
    ModelError::Load {
        model: model.to_owned(),
        reason: error.to_string(),
    }
}

fn ended() -> RerankError {
    RerankError::Unavailable("it is shutting down".to_owned())
}

#[async_trait]
impl Reranker for FastembedReranker {
    fn info(&self) -> &RerankerInfo {
        &self.info
    }

    async fn rerank(&self, question: String, passages: Vec<String>) -> Result<Vec<f32>, RerankError> {
        if passages.is_empty() {
            return Ok(Vec::new());
        }
        let (reply, scores) = oneshot::channel();
        let work = Work {
            question,
            passages,
            reply,
        };
        let queue = self.work.as_ref().ok_or_else(ended)?;
        queue.try_send(work).map_err(|error| match error {
            TrySendError::Full(_) => RerankError::Unavailable("too many questions wait for it".to_owned()),
            TrySendError::Disconnected(_) => ended(),
        })?;
        scores.await.map_err(|_| ended())?
    }
}

impl Drop for FastembedReranker {
    fn drop(&mut self) {
        self.work = None;
        // A session in use while the process unloads its library would crash it.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the reranker's thread panicked");
        }
    }
}

#[cfg(test)]
mod tests;
