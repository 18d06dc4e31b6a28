//! Takes deliveries from the outbox while the lease is good, a bounded number at a time.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use nexus_api::{Delivery, ErrorCode, Priority, TakeDeliveries};
use nexus_client::ClientError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::courier::Courier;
use super::lanes::{Lane, Lanes};
use super::preview::Previews;
use crate::lease::{End, Serving};
use crate::outbound::Outbound;
use crate::render::Style;
use crate::updates::chain;
use crate::words::Language;

/// Deliveries in hand at the same time.
const IN_HAND: usize = 50;
/// Notices among them before more are taken one by one. Enough to use all calls that Telegram takes; few, so that there is
/// room for an answer: in the outbox it overtakes them.
const NOTICES: usize = 20;
/// How long an answer may wait to be asked for while so many notices are in hand.
const CROWDED: Duration = Duration::from_millis(250);
/// For calls in flight when the service ends.
const GRACE: Duration = Duration::from_secs(5);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How deliveries are shown.
#[derive(Clone, Debug)]
pub struct Delivering {
    pub base_address: Option<String>,
    pub preview_interval: Duration,
    /// Whether previews in private chats are drafts.
    pub drafts: bool,
    pub max_download_megabytes: u32,
    /// How long the outbox is asked to wait for something.
    pub wait: Duration,
}

impl Delivering {
    pub(super) fn style(&self, language: Language) -> Style {
        Style {
            base_address: self.base_address.clone(),
            ..Style::new(language)
        }
    }
}

/// Goes on until the bot is not ours to serve. Without a good lease nothing is sent: another process may be sending it.
pub(crate) async fn deliver(outbound: &Outbound, how: &Delivering, serving: &Serving) {
    let previews = Previews::default();
    while serving.valid().await {
        let over = serving.ended().child_token();
        let session = Arc::new(Session {
            lanes: Mutex::default(),
            freed: Notify::new(),
            tasks: TaskTracker::new(),
            over: over.clone(),
            courier: Courier {
                outbound: outbound.until(over),
                how: how.clone(),
                serving: serving.clone(),
                previews: previews.clone(),
            },
        });
        tokio::select! {
            () = session.take_all() => {}
            () = serving.run_out() => tracing::warn!(bot = serving.code(), "the lease has run out; nothing is sent"),
        }
        session.finish().await;
        previews.stop_all().await;
    }
}

/// The work under one stretch of the lease.
#[derive(Debug)]
struct Session {
    lanes: Mutex<Lanes>,
    /// A delivery is done.
    freed: Notify,
    tasks: TaskTracker,
    over: CancellationToken,
    courier: Courier,
}

impl Session {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the service ends.
    async fn take_all(self: &Arc<Self>) {
        let serving = &self.courier.serving;
        let mut pause = FIRST_WAIT;
        let mut nobody_waits = false;
        while !self.over.is_cancelled() {
            let (room, notices) = {
                let lanes = self.lanes();
                (IN_HAND.saturating_sub(lanes.len()), lanes.notices())
            };
            let freed = self.freed.notified();
            if room == 0 {
                serving.unless_ended(freed).await;
                continue;
            }
            if notices >= NOTICES && nobody_waits {
                // A slot that is freed, or some time: what comes next may be an answer.
                let _ = serving.unless_ended(tokio::time::timeout(CROWDED, freed)).await;
            }
            let limit = room.min(NOTICES.saturating_sub(notices).max(1));
            match serving.unless_ended(self.ask(limit)).await {
                None => return,
                Some(Ok(deliveries)) => {
                    pause = FIRST_WAIT;
                    nobody_waits = deliveries
                        .last()
                        .is_some_and(|last| last.priority == Priority::Notice);
                    deliveries.into_iter().for_each(|delivery| self.put(delivery));
                }
                Some(Err(error)) => {
                    match error.code() {
                        Some(ErrorCode::LeaseLost | ErrorCode::BotLeaseHeld) => {
                            return serving.end(End::Lost);
                        }
                        Some(ErrorCode::BotDisabled) => return serving.end(End::Disabled),
                        _ => tracing::warn!(error = %chain(&error), "the outbox cannot be asked"),
                    }
                    if !serving.sleep(pause).await {
                        return;
                    }
                    pause = (pause * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    async fn ask(&self, limit: usize) -> Result<Vec<Delivery>, ClientError> {
        let serving = &self.courier.serving;
        let working_on = self.lanes().working_on();
        let body = TakeDeliveries {
            holder: serving.holder(),
            limit: u32::try_from(limit).unwrap_or(1),
            wait_seconds: u32::try_from(self.courier.how.wait.as_secs()).unwrap_or_default(),
            working_on,
        };
        let taken = serving.client().take_deliveries(serving.code(), &body).await?;
        Ok(taken.items)
    }

    fn put(self: &Arc<Self>, delivery: Delivery) {
        let lane = Lane::of(&delivery);
        if self.lanes().put(delivery) {
            let session = self.clone();
            self.tasks.spawn(async move { session.work(lane).await });
        }
    }

    /// Works on one lane until nothing is left in it.
    async fn work(&self, lane: Lane) {
        loop {
            let next = self.lanes().next(lane);
            let Some(delivery) = next else { return };
            let lease = delivery.lease;
            // What was not begun is left: it will be handed out again.
            if !self.over.is_cancelled() {
                let span = tracing::info_span!(
                    "delivery",
                    bot = self.courier.serving.code(),
                    delivery = %delivery.id,
                    update_id = delivery.update_id,
                    trace_id = delivery.trace_id,
                );
                nexus_telemetry::adopt(&span, &delivery.trace_id, None);
                let delivered = self.courier.deliver(delivery, &self.over).instrument(span);
                // A panic costs one delivery, which is handed out again, and not its chat.
                if AssertUnwindSafe(delivered).catch_unwind().await.is_err() {
                    tracing::error!(%lease, "a delivery panicked");
                    tokio::time::sleep(LONGEST_WAIT).await;
                }
            }
            self.lanes().done(lease);
            self.freed.notify_one();
        }
    }

    /// Lets calls in flight end, and ends the rest.
    async fn finish(&self) {
        self.over.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                deliveries = self.lanes().len(),
                "some deliveries did not end in time"
            );
        }
    }
}
