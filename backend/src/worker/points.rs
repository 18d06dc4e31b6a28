//! Writing points of rows that may change meanwhile.

use nexus_domain::probe::crash_point;
use nexus_domain::{Collection, Point, VersionId};

use super::context::WorkerContext;
use super::failure::Stopped;
use super::heartbeat::Running;

/// Writes those of the points whose versions are current, and keeps them so until the points are in the index: a sweep
/// that takes their rows comes after, and takes the points, too. See `docs/adr/0005-points-under-lock.md`.
pub async fn upsert_current(
    context: &WorkerContext,
    running: &Running,
    collection: Collection,
    points: Vec<(VersionId, Point)>,
    written: &'static str,
) -> Result<(), Stopped> {
    let mut versions: Vec<VersionId> = points.iter().map(|(version, _)| *version).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    let current = tx.versions().lock_current(&versions).await?;
    let points = points
        .into_iter()
        .filter(|(version, _)| current.contains(version))
        .map(|(_, point)| point)
        .collect();
    context.vectors.upsert(collection, points).await?;
    crash_point(written);
    tx.commit().await?;
    Ok(())
}
