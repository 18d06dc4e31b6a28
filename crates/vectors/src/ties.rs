//! Hits in one order, whatever the engine: best first, equal scores by id. Engines cut a list at its limit wherever ties
//! happen to fall, so more is asked for than is wanted until what stands at the limit is no tie of what was left out.

use nexus_domain::Hit;

/// Hits asked for beyond the limit.
const MARGIN: usize = 32;
/// Ties beyond this many hits are decided by the engine.
const MOST: usize = 4_096;

/// How many hits to ask for at first.
pub(crate) fn first_fetch(limit: usize) -> usize {
    limit.saturating_add(MARGIN)
}

/// The best `limit` of the `fetch` hits that were asked for; `Err` is how many to ask for instead.
pub(crate) fn settle(mut hits: Vec<Hit>, fetch: usize, limit: usize) -> Result<Vec<Hit>, usize> {
    let complete = hits.len() < fetch;
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
    let at_limit = limit
        .checked_sub(1)
        .and_then(|last| hits.get(last))
        .map(|hit| hit.score);
    let tied = at_limit.is_some() && at_limit == hits.last().map(|hit| hit.score);
    if complete || !tied || fetch - limit >= MOST {
        hits.truncate(limit);
        Ok(hits)
    } else {
        Err(limit.saturating_add((fetch - limit) * 8))
    }
}
