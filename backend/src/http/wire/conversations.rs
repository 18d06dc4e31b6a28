//! Questions that lean on those before them.

use nexus_api as api;
use nexus_rag::follow_up::{RewriteFailure, RewrittenBy, Turn};

/// Questions before the one that is asked.
pub fn turns(history: &[api::EarlierQuestion]) -> Vec<Turn> {
    history.iter().map(|turn| Turn::asked(&turn.question)).collect()
}

pub(super) fn rewritten_by(by: RewrittenBy) -> api::RewrittenBy {
    match by {
        RewrittenBy::Rules => api::RewrittenBy::Rules,
        RewrittenBy::Model => api::RewrittenBy::Model,
    }
}

macro_rules! same_failures {
    ($($variant:ident)+) => {
        pub(super) fn rewrite_failure(failure: RewriteFailure) -> api::RewriteFailure {
            match failure { $(RewriteFailure::$variant => api::RewriteFailure::$variant,)+ }
        }
    };
}

same_failures! { Unavailable TimedOut Empty TooLong ManyLines Refused Unrelated }
