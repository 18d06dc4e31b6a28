//! Points that are written together.

use std::collections::HashSet;

use nexus_domain::Point;

/// Of several points with one id the last one: engines may take a batch as a set.
pub(crate) fn last_of_each(points: Vec<Point>) -> Vec<Point> {
    let mut seen = HashSet::with_capacity(points.len());
    let mut latest: Vec<Point> = points
        .into_iter()
        .rev()
        .filter(|point| seen.insert(point.id))
        .collect();
    latest.reverse();
    latest
}
