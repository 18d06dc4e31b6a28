//! A dry run: what a sync would change, told and not done.

use std::collections::HashSet;

use nexus_domain::task::{ChangeKind, MAX_PLANNED, Plan, PlannedChange};
use nexus_domain::{DocumentId, Stage};
use nexus_storage::DocumentHead;

use super::Job;
use super::parse::look_up;
use super::read::{Met, Reader};
use super::remote;
use super::{WalkFailed, Walked};
use crate::worker::failure::Stopped;

/// Files looked up at once.
const GROUP: usize = 64;
/// Documents of the source that are listed at once.
const PAGE: usize = 500;

pub(super) async fn run(job: &Job, mut reader: Reader) -> Result<(), Stopped> {
    let mut plan = Plan::default();
    let mut seen: HashSet<DocumentId> = HashSet::new();
    loop {
        let mut group = Vec::with_capacity(GROUP);
        if reader.files.recv_many(&mut group, GROUP).await == 0 {
            break;
        }
        let met = group.len() as u64;
        for (met, head) in look_up(job, group).await? {
            seen.extend(head.as_ref().map(|head| head.id));
            compare(&mut plan, &met, head.as_ref());
        }
        job.running.meter.advance(met);
    }
    let walked = reader.walk.await.map_err(|error| Stopped::internal(&error))?;
    job.running.check()?;
    let walked = match walked {
        Ok(walked) => walked,
        Err(WalkFailed::Source(error)) => return Err(remote::stopped(job, error)),
        Err(WalkFailed::Upload(error)) => return Err(Stopped::internal(&error)),
    };
    removals(job, &mut plan, &walked, &seen).await?;
    job.running.meter.stage(Stage::Finished, None);
    job.running.meter.plan(plan);
    Ok(())
}

fn compare(plan: &mut Plan, met: &Met, head: Option<&DocumentHead>) {
    let Met::File(file, _) = met else {
        // What cannot be read, or was not fetched, changes nothing.
        plan.unchanged += u64::from(head.is_some());
        return;
    };
    let change = match head {
        None => ChangeKind::Add,
        Some(head) if head.content_hash == file.hash => {
            plan.unchanged += 1;
            return;
        }
        Some(_) => ChangeKind::Change,
    };
    note(plan, &file.path, change);
}

fn note(plan: &mut Plan, path: &str, change: ChangeKind) {
    match change {
        ChangeKind::Add => plan.add += 1,
        ChangeKind::Change => plan.change += 1,
        ChangeKind::Remove => plan.remove += 1,
    }
    if plan.changes.len() < MAX_PLANNED {
        plan.changes.push(PlannedChange {
            path: path.to_owned(),
            change,
        });
    }
}

/// What the source no longer holds, where all of it was seen.
async fn removals(
    job: &Job,
    plan: &mut Plan,
    walked: &Walked,
    seen: &HashSet<DocumentId>,
) -> Result<(), Stopped> {
    if !walked.complete || !job.source.kind.removes_missing() {
        return Ok(());
    }
    let mut after: Option<(String, DocumentId)> = None;
    loop {
        let from = after.as_ref().map(|(path, id)| (path.as_str(), *id));
        let mut documents = job.context.db.documents();
        let page = documents.list(job.kb.id, Some(job.source.id), from, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some((last.path.clone(), last.id));
        for document in page.iter().filter(|document| !seen.contains(&document.id)) {
            note(plan, &document.path, ChangeKind::Remove);
        }
    }
}
