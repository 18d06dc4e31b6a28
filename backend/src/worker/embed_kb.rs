//! Computes the dense vectors that a knowledge base lacks: after a model was added, or after a document's vectors could
//! not be computed with its ingestion.

use std::time::Duration;

use nexus_domain::{KbId, Stage};

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

/// Waits while another task computes vectors of the knowledge base, in whatever process: two dense passes would compute
/// the same ones. When this returns, the row says that this task is the one that does. No task of this kind starts while
/// an ingestion runs (the claim sees to that); an upload beside a sync looks at the other's stage.
pub async fn let_end(context: &WorkerContext, running: &Running, kb: KbId) -> Result<(), Stopped> {
    while !is_first(context, running, kb).await? {
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

/// Takes the turn if nobody has it. A heartbeat under way may undo the note for half a second, in which a second pass
/// would cost time and nothing else.
async fn is_first(context: &WorkerContext, running: &Running, kb: KbId) -> Result<bool, Stopped> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    if !tx.knowledge_bases().hold(kb).await? {
        return Err(Stopped::fail("not_found", "the knowledge base is gone"));
    }
    if tx.tasks().embeds_beside(kb, running.task.id, now).await? {
        return Ok(false);
    }
    running.meter.stage(Stage::Embedding, None);
    let progress = running.meter.read();
    tx.tasks()
        .note_progress(running.task.id, running.token, &progress)
        .await?;
    tx.commit().await?;
    Ok(true)
}
