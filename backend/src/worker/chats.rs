//! Updates from Telegram: one chat at a time is held under a lease and its updates are handled in their order; many chats
//! side by side.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::{Clock, LeaseToken, Timestamp, Update};
use nexus_storage::{ClaimedChat, Db, StorageError};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::standing;
use crate::metrics::Metrics;
use crate::service::{Cards, HeldChat, NotHandled, Replies, Signals};

/// Between two looks at the rows without being told that there is something.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// Between two signs of life; also how soon a cancel is heard.
const BEAT_EVERY: Duration = Duration::from_secs(1);
const LOOK_AT_CARDS_EVERY: Duration = Duration::from_secs(1);
/// What has expired is swept this often.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// After one that failed.
const SWEEP_AGAIN: Duration = Duration::from_secs(30);
/// Rows of a kind that are deleted in one transaction.
const SWEEP_BATCH: usize = 200;
/// First wait before an update is tried again; doubled with each attempt.
const RETRY_FIRST: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub struct ChatOptions {
    /// Chats that are worked on at the same time.
    pub concurrency: usize,
    pub lease: Duration,
    /// How long what was said is kept; `None`: for ever.
    pub keep: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct ChatWorker {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub signals: Signals,
    pub replies: Replies,
    pub cards: Cards,
    pub metrics: Metrics,
    pub options: ChatOptions,
}

impl ChatWorker {
    /// Ends when `stop` is cancelled. What was being answered is answered by the next worker.
    pub async fn run(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.options.concurrency));
        let tracker = TaskTracker::new();
        tracker.spawn(self.clone().look_at_cards(stop.clone()));
        tracker.spawn(self.clone().sweep(stop.clone()));
        tracker.spawn(standing::keep(self.replies.clone(), stop.clone()));
        while !stop.is_cancelled() {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                break;
            };
            match self.claim().await {
                Ok(Some((claimed, token))) => {
                    let (worker, stop) = (self.clone(), stop.clone());
                    tracker.spawn(async move {
                        worker.work(claimed, token, &stop).await;
                        drop(slot);
                    });
                }
                Ok(None) => self.wait(&stop).await,
                Err(error) => {
                    tracing::error!(%error, "the chats cannot be read");
                    self.wait(&stop).await;
                }
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    async fn wait(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.signals.updates_came() => {}
            () = tokio::time::sleep(POLL_EVERY) => {}
        }
    }

    async fn claim(&self) -> Result<Option<(ClaimedChat, LeaseToken)>, StorageError> {
        let now = self.clock.now();
        if !self.db.chats().any_due(now).await? {
            return Ok(None);
        }
        let token = LeaseToken::new(now);
        let mut tx = self.db.begin().await?;
        let claimed = tx.chats().claim(now, self.options.lease, token).await?;
        tx.commit().await?;
        Ok(claimed.map(|chat| (chat, token)))
    }

    async fn work(&self, claimed: ClaimedChat, token: LeaseToken, stop: &CancellationToken) {
        let (cancelled, cancelled_to) = watch::channel(claimed.cancelled_to);
        let held = HeldChat {
            chat: claimed.chat,
            token,
            cancelled_to,
        };
        // Ends the work when the lease is lost, or the process is to end.
        let over = stop.child_token();
        let done = CancellationToken::new();
        let beat = tokio::spawn(
            self.clone()
                .keep(held.clone(), cancelled, over.clone(), done.clone()),
        );
        let again_after = self.handle_all(&held, &over).await;
        done.cancel();
        if let Err(error) = beat.await {
            tracing::error!(%error, "a heartbeat of a chat ended badly");
        }
        if let Err(error) = self.release(&held, again_after).await {
            // The lease runs out and the chat is taken up again.
            tracing::error!(%error, "a chat could not be given back");
        }
    }

    /// Handles what waits, until nothing does. How long to wait before the chat is taken up again.
    async fn handle_all(&self, held: &HeldChat, over: &CancellationToken) -> Duration {
        while !over.is_cancelled() {
            let update = match self.db.updates().next(held.chat.id).await {
                Ok(Some(update)) => update,
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "updates cannot be read");
                    return RETRY_FIRST;
                }
            };
            let pause = RETRY_FIRST.saturating_mul(1 << update.attempts.min(6));
            let span = tracing::info_span!("update", update_id = update.update_id, bot = %update.bot_id,
                trace_id = %update.trace_id);
            nexus_telemetry::adopt(&span, &update.trace_id, None);
            let began = tokio::time::Instant::now();
            match self.handle(held, update, over).instrument(span.clone()).await {
                Ok(()) => self.metrics.update("handled", began.elapsed()),
                Err(NotHandled::LeaseLost) => break,
                Err(NotHandled::Failed(error)) => {
                    self.metrics.update("failed", began.elapsed());
                    let cause = crate::error_chain::chain(&error);
                    span.in_scope(|| tracing::warn!(cause, ?pause, "an update waits for another attempt"));
                    return pause;
                }
            }
        }
        Duration::ZERO
    }

    async fn handle(
        &self,
        held: &HeldChat,
        update: Update,
        over: &CancellationToken,
    ) -> Result<(), NotHandled> {
        let (replies, held) = (self.replies.clone(), held.clone());
        // In a task of its own, so that a panic is a failed attempt and not a lost worker.
        let mut work = tokio::spawn(async move { replies.handle(&held, &update).await }.in_current_span());
        tokio::select! {
            ended = &mut work => ended.unwrap_or_else(|error| {
                Err(NotHandled::Failed(crate::service::ServiceError::Internal(error.into())))
            }),
            () = over.cancelled() => {
                work.abort();
                // What it was writing is rolled back before the lease is given away.
                let _ = work.await;
                Err(NotHandled::LeaseLost)
            }
        }
    }

    /// Extends the lease, and tells what people do not want any more.
    async fn keep(
        self,
        held: HeldChat,
        cancelled: watch::Sender<i64>,
        over: CancellationToken,
        done: CancellationToken,
    ) {
        let mut good_until = tokio::time::Instant::now() + self.options.lease;
        loop {
            tokio::select! {
                () = done.cancelled() => return,
                () = tokio::time::sleep(BEAT_EVERY.min(self.options.lease / 3)) => {}
            }
            let asked = tokio::time::Instant::now();
            match self.renew(&held).await {
                Ok(Some(cancelled_to)) => {
                    good_until = asked + self.options.lease;
                    cancelled.send_if_modified(|known| {
                        let is_new = *known != cancelled_to;
                        *known = cancelled_to;
                        is_new
                    });
                }
                Ok(None) => over.cancel(),
                Err(error) if asked >= good_until => {
                    tracing::warn!(%error, "the lease of a chat could not be kept");
                    over.cancel();
                }
                Err(_) => {}
            }
        }
    }

    async fn renew(&self, held: &HeldChat) -> Result<Option<i64>, StorageError> {
        let until = self.clock.now().plus(self.options.lease);
        let mut tx = self.db.begin().await?;
        let cancelled_to = tx.chats().renew(held.chat.id, held.token, until).await?;
        tx.commit().await?;
        Ok(cancelled_to)
    }

    async fn release(&self, held: &HeldChat, again_after: Duration) -> Result<(), StorageError> {
        let again_at = self.clock.now().plus(again_after);
        let mut tx = self.db.begin().await?;
        tx.chats().release(held.chat.id, held.token, again_at).await?;
        tx.commit().await
    }

    async fn look_at_cards(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.cards.look().await {
                tracing::warn!(%error, "the cards of tasks could not be brought up to date");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_AT_CARDS_EVERY) => {}
            }
        }
    }

    async fn sweep(self, stop: CancellationToken) {
        loop {
            let pause = match self.forget_expired().await {
                Ok(()) => SWEEP_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "what has expired in chats could not be removed yet");
                    SWEEP_AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn forget_expired(&self) -> Result<(), StorageError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        tx.buttons().delete_expired(now).await?;
        tx.dialogues().delete_expired(now).await?;
        tx.commit().await?;
        match self.options.keep {
            Some(keep) => self.forget_before(now.minus(keep)).await,
            None => Ok(()),
        }
    }

    /// Deletes what was said before. It is looked for without the right to write, and deleted a bounded number of rows at a
    /// time, so that nobody waits long for their turn.
    async fn forget_before(&self, before: Timestamp) -> Result<(), StorageError> {
        let (mut updates, mut messages) = (0, 0);
        loop {
            let of_inbox = self.db.updates().old(before, SWEEP_BATCH).await?;
            let of_outbox = self.db.deliveries().old(before, SWEEP_BATCH).await?;
            if of_inbox.is_empty() && of_outbox.is_empty() {
                break;
            }
            let mut tx = self.db.begin().await?;
            updates += tx.updates().forget(&of_inbox).await?;
            messages += tx.deliveries().forget(&of_outbox, before).await?;
            tx.commit().await?;
        }
        if updates + messages > 0 {
            tracing::info!(updates, messages, "what was said in chats long ago is deleted");
        }
        Ok(())
    }
}
