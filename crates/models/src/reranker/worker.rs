//! The thread that owns the cross-encoder: takes a question, scores its passages batch by batch, answers. A failure is the
//! question's, never the thread's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use nexus_domain::RerankError;
use tokio::sync::oneshot;

use crate::length;

/// Passages per run of the model: between runs is looked whether anybody still waits.
const BATCH_SIZE: usize = 8;

/// What scores; a session, or in tests something faster.
pub(super) trait Score: Send + 'static {
    fn score(&mut self, question: &str, passages: &[String]) -> Result<Vec<f32>, String>;
}

/// One question with its passages.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) question: String,
    pub(super) passages: Vec<String>,
    pub(super) reply: oneshot::Sender<Result<Vec<f32>, RerankError>>,
}

/// Starts a thread that serves the queue until its sender is gone.
pub(super) fn start(mut model: impl Score, queue: Receiver<Work>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("rerank".to_owned())
        .spawn(move || {
            for work in queue {
                run(&mut model, work);
            }
        })
}

fn run(model: &mut impl Score, work: Work) {
    let mut scores = vec![0.0; work.passages.len()];
    // Passages of like length share a batch, so that little is padded.
    for places in length::batches(&work.passages, BATCH_SIZE, usize::MAX) {
        if work.reply.is_closed() {
            // Its time is over: what is left of the work would only delay the next question.
            return;
        }
        let batch: Vec<String> = places.iter().map(|&place| work.passages[place].clone()).collect();
        // The model and the tokenizer are libraries: a panic on one text must not end the service.
        let outcome = catch_unwind(AssertUnwindSafe(|| model.score(&work.question, &batch)))
            .unwrap_or_else(|_| Err("it panicked".to_owned()));
        match outcome {
            Ok(found) => {
                for (place, score) in places.into_iter().zip(found) {
                    scores[place] = score;
                }
            }
            Err(reason) => {
                tracing::debug!(reason, passages = batch.len(), "a batch could not be scored");
                drop(work.reply.send(Err(RerankError::Failed(reason))));
                return;
            }
        }
    }
    // A caller that has gone does not want it any more.
    drop(work.reply.send(Ok(scores)));
}
