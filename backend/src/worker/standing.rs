//! Looks at questions that stand when a knowledge base has changed and come to rest.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error_chain::chain;
use crate::service::Replies;

/// Between two looks for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two clean-ups.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Works until `stop` is cancelled. Several processes may do so: each question is looked at under a lease. What is cut off counts
/// for nothing and is looked at again.
pub(super) async fn keep(replies: Replies, stop: CancellationToken) {
    let mut tidied: Option<Instant> = None;
    while !stop.is_cancelled() {
        // A panic ends a round, and not all looks until the next start.
        let round = AssertUnwindSafe(round(&replies, &stop, &mut tidied));
        let looks = round.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("a look at standing questions panicked");
            0
        });
        if looks == 0 {
            stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
        }
    }
}

/// How many questions were looked at.
async fn round(replies: &Replies, stop: &CancellationToken, tidied: &mut Option<Instant>) -> usize {
    if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
        *tidied = Some(Instant::now());
        if let Err(error) = replies.tidy_standing().await {
            tracing::warn!(cause = chain(&error), "standing questions could not be tidied up");
        }
    }
    match stop.run_until_cancelled(replies.look_at_standing()).await {
        Some(Ok(looks)) => looks,
        Some(Err(error)) => {
            tracing::warn!(cause = chain(&error), "standing questions could not be looked at");
            0
        }
        None => 0,
    }
}
