//! What an operator may choose about the local embedder.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use crate::precision::PrecisionChoice;

/// Batches above this gain nothing on a CPU and delay everything behind them.
pub const DEFAULT_BATCH_SIZE: usize = 8;
const MAX_BATCH_SIZE: usize = 64;

/// Whether questions have a copy of the model to themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuerySession {
    /// Where the weights can be mapped and shared, so that a second session costs little memory.
    #[default]
    Auto,
    /// Always: a question never waits for passages; costs the weights a second time where they cannot be shared.
    Own,
    /// Never: a question waits for the batch of passages that is being computed.
    Shared,
}

/// Where the model lies, and how much of the machine it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedderOptions {
    /// Searched by [`crate::discover`].
    pub models_dir: PathBuf,
    /// ONNX Runtime's shared library; `None`: the one in `models_dir`.
    pub runtime_library: Option<PathBuf>,
    /// Threads of a batch of passages; `None`: one per core.
    pub passage_threads: Option<NonZeroUsize>,
    /// Threads of a question; `None`: two, or one where two would share a core, which is hardly faster and takes more of it.
    pub query_threads: Option<NonZeroUsize>,
    /// Passages per run of the model; 1 to 64.
    pub batch_size: usize,
    /// Batches that may wait in each lane; further callers wait outside, holding their own texts.
    pub queue_length: usize,
    pub query_session: QuerySession,
    pub precision: PrecisionChoice,
}

impl EmbedderOptions {
    /// The defaults for a folder.
    pub fn new(models_dir: impl Into<PathBuf>) -> Self {
        Self {
            models_dir: models_dir.into(),
            runtime_library: None,
            passage_threads: None,
            query_threads: None,
            batch_size: DEFAULT_BATCH_SIZE,
            queue_length: 64,
            query_session: QuerySession::Auto,
            precision: PrecisionChoice::Auto,
        }
    }

    pub(crate) fn passage_threads(&self) -> usize {
        self.passage_threads.map_or_else(cores, NonZeroUsize::get)
    }

    pub(crate) fn query_threads(&self) -> usize {
        self.query_threads.map_or_else(
            || cores().min(num_cpus::get_physical()).clamp(1, 2),
            NonZeroUsize::get,
        )
    }

    pub(crate) fn batch_size(&self) -> usize {
        self.batch_size.clamp(1, MAX_BATCH_SIZE)
    }
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}
