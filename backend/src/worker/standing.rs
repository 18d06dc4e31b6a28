//! Looks at questions that stand when a knowledge base has changed and come to rest.

use std::time::Duration;

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
        if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            if let Err(error) = replies.tidy_standing().await {
                tracing::warn!(cause = chain(&error), "standing questions could not be tidied up");
            }
            tidied = Some(Instant::now());
        }
        let looked = stop.run_until_cancelled(replies.look_at_standing()).await;
        match looked {
            Some(Ok(0)) | None => {}
            Some(Ok(_)) => continue,
            Some(Err(error)) => {
                tracing::warn!(cause = chain(&error), "standing questions could not be looked at");
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
    }
}
