//! Storing a batch in the backend: once, or until it is done. Also tells people when that takes too long, and buttons
//! that they were heard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nexus_api::limits::{MAX_JSON_BYTES, MAX_UPDATES};
use nexus_api::{ErrorCode, Update, Updates};
use nexus_client::ClientError;
use nexus_telemetry::{adopt, trace_of_update};
use tokio::sync::Semaphore;
use tracing::{Instrument as _, Span, info_span};

use super::outage::Outage;
use crate::lease::{End, Serving};
use crate::outbound::Outbound;
use crate::words::{Language, Phrase, Words};

/// Of one request's body; leaves room for what stands around the updates.
const MAX_BATCH_BYTES: usize = MAX_JSON_BYTES - 1_024;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// Pressed buttons that are answered at the same time; others are not.
const MAX_ANSWERS: usize = 32;

/// Stores what people said.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    serving: Serving,
    outbound: Outbound,
    outage: Arc<Mutex<Outage>>,
    answers: Arc<Semaphore>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is in the backend, but for single updates that the backend will never take.
    Done,
    /// Later, perhaps.
    NotNow,
    /// The bot is not ours to serve any more.
    Ended,
}

impl Store {
    pub(crate) fn new(serving: Serving, outbound: Outbound) -> Self {
        Self {
            serving,
            outbound,
            outage: Arc::default(),
            answers: Arc::new(Semaphore::new(MAX_ANSWERS)),
        }
    }

    /// Tries until the batch is stored or the bot is not ours to serve.
    pub(crate) async fn store(&self, batch: &[Update]) -> Stored {
        let mut wait = FIRST_WAIT;
        loop {
            match self.try_store(batch).await {
                Stored::NotNow => {}
                end => return end,
            }
            if !self.serving.sleep(wait).await {
                return Stored::Ended;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Tries once.
    pub(crate) async fn try_store(&self, batch: &[Update]) -> Stored {
        for piece in pieces(batch) {
            match self.send(piece).await {
                Ok(()) => {}
                Err(Refusal::Batch) if piece.len() > 1 => {
                    // One of them is the cause: the others must not wait for it.
                    for single in piece.chunks(1) {
                        match self.send(single).await {
                            Ok(()) | Err(Refusal::Batch) => {}
                            Err(Refusal::Now) => return self.failed(batch),
                            Err(Refusal::Ever) => return Stored::Ended,
                        }
                    }
                }
                Err(Refusal::Batch) => {}
                Err(Refusal::Now) => return self.failed(batch),
                Err(Refusal::Ever) => return Stored::Ended,
            }
        }
        self.outage.lock().unwrap_or_else(PoisonError::into_inner).over();
        Stored::Done
    }

    /// Tells Telegram that a button was heard. Not more than once, and only if there is time for it.
    pub(crate) fn answer(&self, callback: String) {
        if let Ok(permit) = self.answers.clone().try_acquire_owned() {
            let telegram = self.outbound.telegram().clone();
            tokio::spawn(async move {
                if let Err(error) = telegram.answer_callback(&callback).await {
                    tracing::debug!(%error, "a pressed button was not answered");
                }
                drop(permit);
            });
        }
    }

    async fn send(&self, batch: &[Update]) -> Result<(), Refusal> {
        let body = Updates {
            updates: batch.to_vec(),
        };
        let serving = &self.serving;
        let arriving = Arriving::new(serving.code(), batch);
        let sent = serving
            .client()
            .store_updates(serving.code(), serving.holder(), arriving.trace_id(), &body)
            .instrument(arriving.span())
            .await;
        drop(arriving);
        let error = match sent {
            Ok(stored) => {
                for update in batch {
                    tracing::info!(
                        bot = serving.code(),
                        update_id = update.update_id,
                        trace_id = trace_of_update(serving.code(), update.update_id),
                        "update stored"
                    );
                }
                tracing::debug!(stored = stored.stored, known = stored.known, "batch stored");
                return Ok(());
            }
            Err(error) => error,
        };
        match error.code() {
            Some(ErrorCode::LeaseLost | ErrorCode::BotLeaseHeld) => {
                serving.end(End::Lost);
                Err(Refusal::Ever)
            }
            Some(ErrorCode::BotDisabled) => {
                serving.end(End::Disabled);
                Err(Refusal::Ever)
            }
            Some(code) if is_about_content(code) => {
                if let [single] = batch {
                    let update_id = single.update_id;
                    tracing::error!(
                        bot = serving.code(),
                        update_id,
                        code = code.as_str(),
                        "the backend does not take this update; it is passed over"
                    );
                }
                Err(Refusal::Batch)
            }
            _ => {
                tracing::warn!(bot = serving.code(), error = %chain(&error), "updates are not stored yet");
                Err(Refusal::Now)
            }
        }
    }

    fn failed(&self, batch: &[Update]) -> Stored {
        let chats = self
            .outage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failed(batch, Instant::now());
        if !chats.is_empty() {
            let outbound = self.outbound.clone();
            // Storing goes on meanwhile.
            tokio::spawn(async move { tell(&outbound, chats).await });
        }
        Stored::NotNow
    }
}

/// The only thing that the bot says on its own account.
async fn tell(outbound: &Outbound, chats: Vec<(i64, Language)>) {
    for (chat, language) in chats {
        let text = Words::of(language).say(Phrase::BackendAway);
        if let Err(error) = outbound.tell(chat, text).await {
            tracing::debug!(%error, "somebody could not be told that the backend is away");
        }
    }
}

/// The updates of a batch, each in its own trace while it is stored. One that is stored by itself is so within it.
struct Arriving {
    traces: Vec<String>,
    spans: Vec<Span>,
}

impl Arriving {
    fn new(bot: &str, batch: &[Update]) -> Self {
        let ids = batch.iter().map(|update| update.update_id);
        let traces: Vec<_> = ids.clone().map(|id| trace_of_update(bot, id)).collect();
        let spans = ids.zip(&traces).map(|(update_id, trace)| {
            let span = info_span!("update", bot, update_id, trace_id = trace);
            adopt(&span, trace, None);
            span
        });
        Self {
            spans: spans.collect(),
            traces,
        }
    }

    fn trace_id(&self) -> Option<&str> {
        match &self.traces[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    fn span(&self) -> Span {
        match &self.spans[..] {
            [one] => one.clone(),
            several => info_span!(target: "nexus_trace", "updates", updates = several.len()),
        }
    }
}

enum Refusal {
    /// Something in this batch is not taken.
    Batch,
    Now,
    Ever,
}

const fn is_about_content(code: ErrorCode) -> bool {
    matches!(code.status(), 400 | 413 | 422)
}

/// Slices that fit into one request.
fn pieces(batch: &[Update]) -> impl Iterator<Item = &[Update]> {
    let mut rest = batch;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest
            .iter()
            .take(MAX_UPDATES)
            .take_while(|update| {
                bytes += serde_json::to_vec(update).map_or(0, |json| json.len() + 1);
                bytes <= MAX_BATCH_BYTES
            })
            .count();
        let (piece, left) = rest.split_at(fits.max(1).min(rest.len()));
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

/// An error with its causes.
pub(crate) fn chain(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
