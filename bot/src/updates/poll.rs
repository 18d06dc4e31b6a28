//! Asks Telegram for updates. The offset, which tells Telegram to forget what lies before it, moves only when the
//! backend has stored that.

use std::time::Duration;

use serde_json::Value;

use super::incoming::Update;
use super::map::{Mapped, Mapper};
use super::store::{Store, Stored};
use crate::lease::{End, Serving};
use crate::telegram::{CallError, Meaning, Telegram};

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Goes on until the bot is not ours to serve.
pub(crate) async fn poll(
    telegram: &Telegram,
    mapper: &Mapper,
    store: &Store,
    serving: &Serving,
    wait: Duration,
) {
    remove_webhook(telegram, serving).await;
    let mut offset = None;
    let mut pause = FIRST_WAIT;
    loop {
        let Some(answer) = serving.unless_ended(telegram.updates(offset, wait)).await else {
            return;
        };
        let updates = match answer {
            Ok(updates) => updates,
            Err(error) => {
                if !recover(telegram, serving, &error, pause).await {
                    return;
                }
                pause = (pause * 2).min(LONGEST_WAIT);
                continue;
            }
        };
        pause = FIRST_WAIT;
        let (batch, callbacks) = read(mapper, serving, &updates);
        if !batch.is_empty() && store.store(&batch).await != Stored::Done {
            return;
        }
        offset = updates
            .iter()
            .filter_map(Update::id_of)
            .max()
            .map(|id| id + 1)
            .or(offset);
        callbacks.into_iter().for_each(|callback| store.answer(callback));
    }
}

/// What is to be stored of a batch, and the buttons that were pressed.
fn read(mapper: &Mapper, serving: &Serving, updates: &[Value]) -> (Vec<nexus_api::Update>, Vec<String>) {
    let mut batch = Vec::new();
    let mut callbacks = Vec::new();
    for update in updates {
        match mapper.map(update) {
            Mapped::Store { update, callback } => {
                batch.push(*update);
                callbacks.extend(callback);
            }
            Mapped::Dropped => {}
            Mapped::Unknown { kind } => {
                let update_id = Update::id_of(update);
                tracing::info!(bot = serving.code(), update_id, kind, "update is not read");
            }
        }
    }
    (batch, callbacks)
}

/// Waits as long as the error asks for. Whether to go on.
async fn recover(telegram: &Telegram, serving: &Serving, error: &CallError, pause: Duration) -> bool {
    let wait = match error.meaning() {
        Meaning::TokenRefused => {
            serving.end(End::TokenRefused(error.to_string()));
            return false;
        }
        Meaning::Wait(wait) => wait,
        _ => pause,
    };
    tracing::warn!(bot = serving.code(), %error, "no updates from Telegram");
    if matches!(error, CallError::Refused { code: 409, .. }) {
        // Somebody has set a webhook again, or asks for updates beside us; the latter has to end by itself.
        remove_webhook(telegram, serving).await;
    }
    serving.sleep(wait).await
}

/// Telegram gives no updates to those who ask while it sends them to an address. What waits there is kept.
async fn remove_webhook(telegram: &Telegram, serving: &Serving) {
    let mut pause = FIRST_WAIT;
    loop {
        let removed = serving
            .unless_ended(async {
                match telegram.has_webhook().await? {
                    true => telegram.delete_webhook().await,
                    false => Ok(()),
                }
            })
            .await;
        match removed {
            None | Some(Ok(())) => return,
            Some(Err(error)) if error.meaning() == Meaning::TokenRefused => {
                return serving.end(End::TokenRefused(error.to_string()));
            }
            Some(Err(error)) => tracing::warn!(%error, "the webhook is not removed yet"),
        }
        if !serving.sleep(pause).await {
            return;
        }
        pause = (pause * 2).min(LONGEST_WAIT);
    }
}
