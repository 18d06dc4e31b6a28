//! The threads that own the sessions: take a batch, run it, answer. A failure is the batch's, never the thread's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use nexus_domain::EmbedError;

use crate::lanes::{Batch, Lanes, Serves};
use crate::session::Session;

/// What computes vectors; a session, or in tests something faster.
pub(crate) trait Compute: Send + 'static {
    fn compute(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, String>;
}

impl Compute for Session {
    fn compute(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        self.embed(texts)
    }
}

/// Starts a thread that serves its lanes until they are closed.
pub(crate) fn start(
    mut model: impl Compute,
    lanes: Arc<Lanes>,
    serves: Serves,
) -> std::io::Result<JoinHandle<()>> {
    let name = match serves {
        Serves::Queries => "embed-queries",
        Serves::Passages | Serves::Both => "embed-passages",
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Some(batch) = lanes.next(serves) {
            run(&mut model, batch);
        }
    })
}

fn run(model: &mut impl Compute, batch: Batch) {
    // The model and the tokenizer are libraries: a panic on one text must not end the service.
    let outcome = catch_unwind(AssertUnwindSafe(|| model.compute(&batch.texts)))
        .unwrap_or_else(|_| Err("it panicked".to_owned()))
        .map_err(EmbedError::Failed);
    if let Err(error) = &outcome {
        tracing::debug!(%error, texts = batch.texts.len(), "a batch failed");
    }
    // A caller that has gone does not want it any more.
    drop(batch.reply.send(outcome));
}
