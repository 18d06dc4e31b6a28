//! Measures knowledge bases that are new or have changed much, one after the other, politely: a question, then a rest. It is
//! no task: nobody waits for it, and what is cut off begins again.

use std::time::Duration;

use nexus_domain::KbId;
use tokio_util::sync::CancellationToken;

use super::context::WorkerContext;
use crate::error_chain::chain;
use crate::service::ServiceError;

/// Works until `stop` is cancelled. Several processes may do so: at worst one knowledge base is measured twice.
pub(super) async fn keep(context: WorkerContext, every: Duration, stop: CancellationToken) {
    if every.is_zero() {
        return;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let all = match context.db.knowledge_bases().list_ids().await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(%error, "knowledge bases could not be listed to measure them");
                continue;
            }
        };
        for kb in all {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                measured = measure_if_due(&context, kb) => if let Err(error) = measured {
                    tracing::warn!(%kb, cause = chain(&error), "a knowledge base could not be measured");
                }
            }
        }
    }
}

async fn measure_if_due(context: &WorkerContext, id: KbId) -> Result<(), ServiceError> {
    let Some(kb) = context.db.knowledge_bases().get(id).await? else {
        return Ok(());
    };
    if context.quality.is_due(&kb).await? {
        context.quality.measure(&kb).await?;
        tracing::info!(kb = %id, "a knowledge base was measured on its own text");
    }
    Ok(())
}
