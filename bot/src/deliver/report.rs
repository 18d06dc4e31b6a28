//! Telling the backend what became of a delivery: again and again while it is away, as long as the lease is good.

use std::time::Duration;

use nexus_api::{Delivery, DeliveryFailed, DeliveryPlaced, DeliverySent, ErrorCode};
use nexus_client::{Client, ClientError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::failure::Failure;
use crate::updates::chain;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Tells about one delivery.
pub(super) struct Reporter<'a> {
    pub(super) client: &'a Client,
    pub(super) delivery: &'a Delivery,
    /// After that nothing is told again; what was to be told is found out by the next attempt.
    pub(super) over: &'a CancellationToken,
}

impl Reporter<'_> {
    pub(super) async fn placed(&self, part: usize, message_id: i64) -> Result<(), Failure> {
        let body = DeliveryPlaced {
            lease: self.delivery.lease,
            part: u32::try_from(part).unwrap_or(u32::MAX),
            message_id,
        };
        self.tell(|| {
            self.client
                .report_placed(self.delivery.id, &self.delivery.trace_id, &body)
        })
        .await
    }

    pub(super) async fn sent(&self, parts: usize, task_id: Option<Uuid>) -> Result<(), Failure> {
        let body = DeliverySent {
            lease: self.delivery.lease,
            parts: u32::try_from(parts).unwrap_or(u32::MAX),
            task_id,
        };
        self.tell(|| {
            self.client
                .report_sent(self.delivery.id, &self.delivery.trace_id, &body)
        })
        .await
    }

    pub(super) async fn failed(&self, body: &DeliveryFailed) -> Result<(), Failure> {
        self.tell(|| {
            self.client
                .report_failed(self.delivery.id, &self.delivery.trace_id, body)
        })
        .await
    }

    /// At least once, even if the service is ending: what stands in the chat should be known.
    async fn tell<F>(&self, report: impl Fn() -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), ClientError>>,
    {
        let mut wait = FIRST_WAIT;
        loop {
            let error = match report().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match error.code() {
                Some(ErrorCode::LeaseLost) => {
                    tracing::debug!("somebody else has this delivery");
                    return Err(Failure::Dropped);
                }
                Some(code) if is_final(code) => {
                    tracing::error!(error = %chain(&error), "the backend does not take a report");
                    // Handed out again at once, it would fail again at once.
                    let pause = tokio::time::sleep(LONGEST_WAIT);
                    self.over.run_until_cancelled(pause).await;
                    return Err(Failure::Dropped);
                }
                _ => tracing::warn!(error = %chain(&error), "the backend has not heard a report yet"),
            }
            let again = self.over.run_until_cancelled(tokio::time::sleep(wait)).await;
            if again.is_none() {
                return Err(Failure::Dropped);
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Whether the same report will never be taken.
const fn is_final(code: ErrorCode) -> bool {
    matches!(code.status(), 400 | 403 | 404 | 409 | 422)
}
