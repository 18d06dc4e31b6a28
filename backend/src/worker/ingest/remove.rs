//! Removes one document that a caller has named by its path, in the order in which its versions were sent.

use nexus_domain::{SourceId, Stage, TaskPayload};

use crate::worker::context::WorkerContext;
use crate::worker::failure::Stopped;
use crate::worker::heartbeat::Running;
use crate::worker::run::Completion;

/// It is not found any more when this has committed; a document that is not there is gone already.
pub async fn remove(
    context: &WorkerContext,
    running: &Running,
    source_id: SourceId,
    path: &str,
) -> Result<Completion, Stopped> {
    let gone = || Stopped::fail("not_found", "the source is gone");
    let source = context.db.sources().get(source_id).await?.ok_or_else(gone)?;
    running.meter.stage(Stage::Removing, Some(1));
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    let found = tx
        .documents()
        .heads_by_paths(source_id, &[path.to_owned()])
        .await?;
    let mut removed = 0;
    for document in found {
        removed += u64::from(tx.documents().delete(document.id, now).await?);
    }
    if removed > 0 {
        tx.knowledge_bases().bump_revision(source.kb_id, now).await?;
    }
    tx.commit().await?;
    running.meter.advance(1);
    running.meter.count(|counts| counts.documents_removed += removed);
    let mut completion = Completion::default();
    if removed > 0 {
        completion.follow_ups.push((None, TaskPayload::Sweep));
    }
    Ok(completion)
}
