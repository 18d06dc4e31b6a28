//! Computes the dense vectors that a knowledge base lacks: after a model was added, or after a document's vectors could
//! not be computed with its ingestion.

use std::time::Duration;

use nexus_domain::{KbId, TaskKind};

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

/// How often an ingestion looks whether it may embed.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Waits while a task of this kind runs for the knowledge base, in whatever process: two dense passes would compute the
/// same vectors. None starts while an ingestion runs (the claim sees to that), so once there is none, there is none.
pub async fn let_end(context: &WorkerContext, running: &Running, kb: KbId) -> Result<(), Stopped> {
    let is_running = async || {
        let now = context.clock.now();
        context.db.tasks().is_held(kb, TaskKind::EmbedKb, now).await
    };
    while is_running().await? {
        let reason = "another task that embeds this knowledge base";
        running.meter.waits_for(Some(reason));
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = running.stop.cancelled() => {
                running.check()?;
                return Err(Stopped::Asked);
            }
        }
    }
    Ok(())
}
