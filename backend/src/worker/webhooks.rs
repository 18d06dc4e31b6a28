//! Tells webhooks of events: what the outbox holds is sent, signed, and tried again until it arrives or is given up.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nexus_auth::KeyRing;
use nexus_auth::signed_delivery::{self, DELIVERY_HEADER, WEBHOOK_HEADER};
use nexus_auth::signed_request::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use nexus_domain::probe::crash_point;
use nexus_domain::{Clock, LeaseToken, Timestamp, Webhook, WebhookDelivery, WebhookDeliveryState, WebhookId};
use nexus_sources::{Guard, Http, HttpError, Request};
use nexus_storage::{ClaimedDelivery, Db, StorageError, WebhookOutcome};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::error_chain::chain;
use crate::metrics::Metrics;
use crate::service::{ServiceError, WebhookSecret};

/// Between two looks at the rows.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// What an attempt may take besides the silence of its receiver: a connection, and the writing down of its end.
const LEASE_BEYOND_SILENCE: Duration = Duration::from_secs(60);
/// Waits after the first failed attempt, the second one and so on; the attempt after the last one is the last.
const RETRY_AFTER: [Duration; 7] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(12 * 3_600),
];

#[derive(Clone, Copy, Debug)]
pub struct WebhookOptions {
    /// Deliveries that are sent at the same time.
    pub concurrency: usize,
    /// How long a receiver may say nothing.
    pub timeout: Duration,
}

/// Sends what the outbox of webhooks holds until it is told to stop.
#[derive(Clone, Debug)]
pub struct WebhookWorker {
    db: Db,
    clock: Arc<dyn Clock>,
    keys: Arc<KeyRing>,
    guard: Guard,
    options: WebhookOptions,
    metrics: Metrics,
    http: Arc<OnceLock<Http>>,
}

/// How an attempt went, as far as it was answered.
#[derive(Debug)]
struct Attempt {
    status: Option<u16>,
    /// Why it did not arrive.
    error: Option<String>,
}

impl WebhookWorker {
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        keys: Arc<KeyRing>,
        guard: Guard,
        options: WebhookOptions,
        metrics: Metrics,
    ) -> Self {
        Self {
            db,
            clock,
            keys,
            guard,
            options,
            metrics,
            http: Arc::default(),
        }
    }

    /// Ends when `stop` is cancelled and what is being sent has been answered, or has fallen silent.
    pub async fn run(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.options.concurrency));
        let tracker = TaskTracker::new();
        while !stop.is_cancelled() {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            match self.claim().await {
                Ok(Some(claimed)) => {
                    let worker = self.clone();
                    tracker.spawn(async move {
                        worker.work(claimed).await;
                        drop(slot);
                    });
                }
                Ok(None) => wait(&stop).await,
                Err(error) => {
                    tracing::error!(%error, "the outbox of webhooks cannot be read");
                    wait(&stop).await;
                }
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    async fn claim(&self) -> Result<Option<ClaimedDelivery>, StorageError> {
        let now = self.clock.now();
        if !self.db.webhook_deliveries().any_due(now).await? {
            return Ok(None);
        }
        let lease = self.options.timeout.saturating_add(LEASE_BEYOND_SILENCE);
        let mut tx = self.db.begin().await?;
        let mut outbox = tx.webhook_deliveries();
        let claimed = outbox.claim(now, lease, LeaseToken::new(now)).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn work(&self, claimed: ClaimedDelivery) {
        crash_point("webhook.claimed");
        let began = tokio::time::Instant::now();
        let attempt = match self.attempt(&claimed.delivery).await {
            Ok(attempt) => attempt,
            Err(error) => {
                tracing::error!(delivery = %claimed.delivery.id, cause = chain(&error), "a webhook was not told");
                Attempt {
                    status: None,
                    error: Some(
                        "the server failed; its log has the cause under the delivery's id".to_owned(),
                    ),
                }
            }
        };
        crash_point("webhook.sent");
        match self.settle(&claimed, attempt).await {
            Ok(state) => self.metrics.webhook(state.as_str(), began.elapsed()),
            // The lease runs out and it is sent again, under the same id.
            Err(error) => {
                tracing::error!(delivery = %claimed.delivery.id, %error, "the end of a delivery could not be written");
            }
        }
    }

    async fn attempt(&self, delivery: &WebhookDelivery) -> Result<Attempt, ServiceError> {
        let gone = || ServiceError::NotFound("webhook");
        let webhook = self.db.webhooks().get(delivery.webhook_id).await?;
        let webhook = webhook.ok_or_else(gone)?;
        let secret = self.secret(webhook.id).await?;
        let data = self.db.webhook_deliveries().data(delivery.id).await?;
        let body = body(delivery, data.as_deref().unwrap_or("null"))?;
        let request = request(&webhook, delivery, &secret, self.clock.now(), body)?;
        let worker = self.clone();
        let sent = tokio::task::spawn_blocking(move || worker.send(request));
        sent.await.map_err(|error| ServiceError::Internal(error.into()))
    }

    async fn secret(&self, id: WebhookId) -> Result<SecretString, ServiceError> {
        let sealed = self.db.webhooks().sealed_secret(id).await?;
        let sealed = sealed.ok_or(ServiceError::NotFound("webhook"))?;
        WebhookSecret::Outgoing(id).open(&self.keys, &sealed)
    }

    /// On a thread of its own. Redirects are not followed: what is told is for the address that an admin has named.
    fn send(&self, request: Request) -> Attempt {
        let answer = self.http().and_then(|http| http.send_while(request, &|_| false));
        match answer {
            Ok(answer) => {
                let status = answer.status;
                let error = if status.is_success() {
                    None
                } else if status.is_redirection() {
                    Some(format!("answered {status}; redirects are not followed"))
                } else {
                    Some(format!("answered {status}"))
                };
                Attempt {
                    status: Some(status.as_u16()),
                    error,
                }
            }
            Err(error) => Attempt {
                status: None,
                error: Some(error.to_string()),
            },
        }
    }

    /// Made on the first attempt's own thread.
    fn http(&self) -> Result<&Http, HttpError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let made = Http::within(self.guard.clone(), self.options.timeout)?;
        Ok(self.http.get_or_init(|| made))
    }

    async fn settle(
        &self,
        claimed: &ClaimedDelivery,
        attempt: Attempt,
    ) -> Result<WebhookDeliveryState, StorageError> {
        let now = self.clock.now();
        let Attempt { status, error } = attempt;
        let delivery = &claimed.delivery;
        let (state, due_at) = match (&error, wait_after(delivery.attempts)) {
            (None, _) => (WebhookDeliveryState::Delivered, None),
            (Some(_), Some(wait)) => (WebhookDeliveryState::Pending, Some(now.plus(wait))),
            (Some(_), None) => (WebhookDeliveryState::Dead, None),
        };
        let outcome = WebhookOutcome {
            state,
            due_at,
            status,
            error,
        };
        let mut tx = self.db.begin().await?;
        tx.webhook_deliveries().settle(claimed, &outcome, now).await?;
        tx.commit().await?;
        tracing::info!(delivery = %delivery.id, webhook = %delivery.webhook_id, event = delivery.event.as_str(),
            attempt = delivery.attempts, state = state.as_str(), status, error = outcome.error, "a webhook was told");
        Ok(state)
    }
}

async fn wait(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(POLL_EVERY) => {}
    }
}

/// How long it is waited after so many failed attempts; `None` after the last one.
fn wait_after(attempts: u32) -> Option<Duration> {
    let failed = usize::try_from(attempts).unwrap_or(usize::MAX);
    RETRY_AFTER.get(failed.saturating_sub(1)).copied()
}

/// The same at each attempt.
fn body(delivery: &WebhookDelivery, data: &str) -> Result<Vec<u8>, ServiceError> {
    let failed = |error: serde_json::Error| ServiceError::Internal(error.into());
    let data: Value = serde_json::from_str(data).map_err(failed)?;
    let body = json!({
        "id": delivery.id,
        "event": delivery.event.as_str(),
        "created_at": delivery.created_at.to_datetime(),
        "data": data,
    });
    serde_json::to_vec(&body).map_err(failed)
}

fn request(
    webhook: &Webhook,
    delivery: &WebhookDelivery,
    secret: &SecretString,
    now: Timestamp,
    body: Vec<u8>,
) -> Result<Request, ServiceError> {
    let failed = |error: &dyn std::fmt::Display| ServiceError::Internal(error.to_string().into());
    let url = Url::parse(&webhook.url).map_err(|error| failed(&error))?;
    let seconds = now.as_micros().div_euclid(1_000_000);
    let id = delivery.id.to_string();
    let mut request = Request::get(url);
    request.method = reqwest::Method::POST;
    let headers = [
        ("content-type", "application/json".to_owned()),
        (WEBHOOK_HEADER, webhook.id.to_string()),
        (TIMESTAMP_HEADER, seconds.to_string()),
        (
            SIGNATURE_HEADER,
            signed_delivery::sign(secret, seconds, &id, &body),
        ),
        (DELIVERY_HEADER, id),
    ];
    for (name, value) in headers {
        let value = value.parse().map_err(|error| failed(&error))?;
        request.headers.insert(name, value);
    }
    request.body = Some(body);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_tried_eight_times_in_a_day() {
        let waits: Vec<_> = (1..).map_while(wait_after).collect();
        assert_eq!(waits.len(), 7);
        assert!(waits.is_sorted());
        let all: Duration = waits.iter().sum();
        assert!(all < Duration::from_secs(24 * 3_600), "{all:?}");
        assert_eq!(wait_after(8), None);
        assert_eq!(wait_after(u32::MAX), None);
    }
}
