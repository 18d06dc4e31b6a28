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
        while let Some(batches) = lanes.next(serves) {
            run(&mut model, batches);
        }
    })
}

/// Runs what goes together at once; where that fails each by itself, so that nobody fails because of another's text.
fn run(model: &mut impl Compute, mut batches: Vec<Batch>) {
    if batches.len() > 1 {
        let texts = batches.iter_mut().flat_map(|batch| batch.texts.iter_mut());
        let texts: Vec<String> = texts.map(std::mem::take).collect();
        if let Ok(vectors) = computed(model, &texts) {
            let mut vectors = vectors.into_iter();
            for batch in batches {
                let its = vectors.by_ref().take(batch.texts.len()).collect();
                // A caller that has gone does not want it any more.
                drop(batch.reply.send(Ok(its)));
            }
            return;
        }
        let mut texts = texts.into_iter();
        for text in batches.iter_mut().flat_map(|batch| batch.texts.iter_mut()) {
            *text = texts.next().unwrap_or_default();
        }
    }
    for batch in batches {
        let outcome = computed(model, &batch.texts).map_err(EmbedError::Failed);
        drop(batch.reply.send(outcome));
    }
}

fn computed(model: &mut impl Compute, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
    // The model and the tokenizer are libraries: a panic on one text must not end the service.
    let outcome = catch_unwind(AssertUnwindSafe(|| model.compute(texts)))
        .unwrap_or_else(|_| Err("it panicked".to_owned()));
    if let Err(error) = &outcome {
        tracing::debug!(%error, texts = texts.len(), "a batch failed");
    }
    outcome
}
