//! What a source no longer holds: removed at the end of a sync that saw all of it, unless it is suspiciously much.

use nexus_domain::{Problem, ProblemCode, SourceKind, Stage};

use super::read::Walked;
use super::{Job, record};
use crate::worker::failure::Stopped;

/// Fewer documents than these may go at once, as long as others stay.
const FEW: u64 = 10;

/// Whether so many of a source's documents may go because it does not show them: not most of them, and not the last ones. A
/// site that shows a login page, a wiki whose token has ended or a server without its database say with a clear voice that
/// there is nothing.
const fn is_much(known: u64, missed: u64) -> bool {
    missed > 0 && (missed == known || missed >= FEW && missed > known / 2)
}

/// Has a sync that would remove suspiciously much count as one that did not see all, and says so. The tree of a commit is no
/// such list: it names every file, or it is damaged.
pub(super) async fn hold_back(job: &Job, walked: &mut Walked) -> Result<(), Stopped> {
    let removes = walked.complete && !walked.is_unchanged && job.only.is_none();
    if !removes || job.source.kind == SourceKind::Git {
        return Ok(());
    }
    let task = job.running.task.id;
    let met = job.context.db.documents().met_by(job.source.id, task).await?;
    if !is_much(met.known, met.missed) {
        return Ok(());
    }
    walked.complete = false;
    let message = format!(
        "The source no longer shows {} of {} documents. They are kept: look at the source, and sync it with \
         \"accept_removals\" if they are really gone",
        met.missed, met.known
    );
    tracing::warn!(known = met.known, missed = met.missed, "removals are held back");
    let problem = Problem::of_upload(ProblemCode::RemovalsHeld, message);
    record(job, std::slice::from_ref(&problem)).await?;
    job.running.meter.count(|counts| counts.files_with_problems += 1);
    Ok(())
}

/// Tombstones the documents that the source no longer holds.
pub(super) async fn remove_missing(job: &Job) -> Result<(), Stopped> {
    job.running.meter.stage(Stage::Removing, None);
    let now = job.context.clock.now();
    let mut tx = job.context.db.begin().await?;
    job.running.hold(&mut tx).await?;
    let removed = tx
        .documents()
        .remove_unseen(job.source.id, job.running.task.id, now)
        .await?;
    if removed > 0 {
        tx.knowledge_bases().bump_revision(job.kb.id, now).await?;
    }
    tx.commit().await?;
    job.running
        .meter
        .count(|counts| counts.documents_removed += removed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_suddenly_empty_removes_nothing() {
        for (known, missed, much) in [
            (0, 0, false),
            (1, 1, true),
            (200, 200, true),
            (200, 0, false),
            (200, 100, false),
            (200, 101, true),
            (9, 8, false),
            (12, 10, true),
        ] {
            assert_eq!(is_much(known, missed), much, "{missed} of {known}");
        }
    }
}
