//! Computes the dense vectors that a knowledge base lacks: after a model was added, or after a document's vectors could
//! not be computed with its ingestion.

use super::context::WorkerContext;
use super::dense;
use super::failure::Stopped;
use super::heartbeat::Running;
use super::run::Completion;

pub async fn run(context: &WorkerContext, running: &Running) -> Result<Completion, Stopped> {
    if let Some(kb) = running.task.kb_id {
        dense::feed(context, running, kb).await?;
    }
    Ok(Completion::default())
}
