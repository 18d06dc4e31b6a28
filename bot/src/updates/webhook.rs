//! Takes updates that Telegram sends to an address. 200 only when the backend has stored the update; anything else has
//! Telegram send it again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use nexus_api::Update;
use nexus_api::limits::MAX_UPDATES;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::incoming;
use super::map::{Mapped, Mapper};
use super::store::{Store, Stored};
use crate::lease::{End, Serving};
use crate::telegram::{Meaning, Telegram};

/// Largest body; Telegram's updates are far smaller.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Updates that wait to be stored; Telegram opens a hundred connections at most.
const QUEUE: usize = 1_000;
/// For how long updates that come at about the same time are collected into one batch. Short: more collect by themselves while
/// the batch before them is stored.
const COLLECT: Duration = Duration::from_millis(2);
/// Telegram gives up on an answer after a minute and asks again.
const PATIENCE: Duration = Duration::from_secs(20);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// For requests that are being answered when the service ends.
const GRACE: Duration = Duration::from_secs(5);
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// How updates are to come.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What Telegram is told.
    pub url: Url,
    pub listen: SocketAddr,
    /// What Telegram must say to be believed.
    pub secret: SecretString,
}

/// An update, and whom to tell that it is stored.
type Waiting = (Update, oneshot::Sender<Stored>);

#[derive(Clone, Debug)]
struct Door {
    mapper: Arc<Mapper>,
    store: Store,
    secret: SecretString,
    queue: mpsc::Sender<Waiting>,
    code: Arc<str>,
}

/// Goes on until the bot is not ours to serve.
pub(crate) async fn webhook(
    telegram: &Telegram,
    webhook: &Webhook,
    mapper: &Mapper,
    store: &Store,
    serving: &Serving,
) {
    let Some(listener) = bind(webhook.listen, serving).await else {
        return;
    };
    let (queue, waiting) = mpsc::channel(QUEUE);
    let door = Door {
        mapper: Arc::new(mapper.clone()),
        store: store.clone(),
        secret: webhook.secret.clone(),
        queue,
        code: serving.code().into(),
    };
    // Any path: a proxy in front may take away a part of it, and the secret decides anyhow.
    let app = Router::new().fallback(post(take)).with_state(door);
    let ended = serving.ended();
    // An acknowledgement waits for nothing that was sent before it.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection of the webhook is slower than it could be");
        }
    });
    let serve = axum::serve(listener, app).with_graceful_shutdown(ended.clone().cancelled_owned());
    let serve = async {
        tokio::select! {
            served = serve => {
                if let Err(error) = served {
                    tracing::error!(%error, "the webhook's server ended");
                }
            }
            () = async { ended.cancelled().await; tokio::time::sleep(GRACE).await } => {}
        }
    };
    tokio::join!(
        serve,
        async {
            // A connection that never ends must not keep the service from ending.
            tokio::select! {
                () = batches(waiting, store) => {}
                () = async { ended.cancelled().await; tokio::time::sleep(GRACE + PATIENCE).await } => {}
            }
        },
        announce(telegram, webhook, serving)
    );
}

/// The port may still be in use by the process before us.
async fn bind(listen: SocketAddr, serving: &Serving) -> Option<TcpListener> {
    loop {
        match TcpListener::bind(listen).await {
            Ok(listener) => return Some(listener),
            Err(error) => tracing::error!(%error, %listen, "the webhook's address cannot be listened on"),
        }
        if !serving.sleep(LONGEST_WAIT).await {
            return None;
        }
    }
}

async fn announce(telegram: &Telegram, webhook: &Webhook, serving: &Serving) {
    let mut pause = FIRST_WAIT;
    loop {
        let set = telegram.set_webhook(webhook.url.clone(), &webhook.secret);
        match serving.unless_ended(set).await {
            None => return,
            Some(Ok(())) => {
                tracing::info!(bot = serving.code(), "Telegram sends updates to the webhook");
                return;
            }
            Some(Err(error)) if error.meaning() == Meaning::TokenRefused => {
                return serving.end(End::TokenRefused(error.to_string()));
            }
            Some(Err(error)) => tracing::error!(%error, "the webhook is not set yet"),
        }
        if !serving.sleep(pause).await {
            return;
        }
        pause = (pause * 2).min(LONGEST_WAIT);
    }
}

async fn take(State(door): State<Door>, headers: HeaderMap, body: Body) -> StatusCode {
    let said = headers
        .get(SECRET_HEADER)
        .map_or(&[][..], |value| value.as_bytes());
    // Before a byte of the body is read: whoever does not know it may send what they like, as slowly as they like.
    if !bool::from(said.ct_eq(door.secret.expose_secret().as_bytes())) {
        return StatusCode::UNAUTHORIZED;
    }
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    let Ok(update) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let update_id = incoming::Update::id_of(&update);
    match door.mapper.map(&update) {
        Mapped::Dropped => StatusCode::OK,
        Mapped::Unknown { kind } => {
            tracing::info!(bot = &*door.code, update_id, kind, "update is not read");
            StatusCode::OK
        }
        Mapped::Store { update, callback } => {
            let (told, stored) = oneshot::channel();
            if door.queue.try_send((*update, told)).is_err() {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            match tokio::time::timeout(PATIENCE, stored).await {
                Ok(Ok(Stored::Done)) => {
                    callback
                        .into_iter()
                        .for_each(|callback| door.store.answer(callback));
                    StatusCode::OK
                }
                _ => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
    }
}

/// Stores what comes, one batch after the other; each takes what has come meanwhile. Ends when nobody can send any more.
async fn batches(mut waiting: mpsc::Receiver<Waiting>, store: &Store) {
    while let Some(first) = waiting.recv().await {
        let mut batch = vec![first];
        let deadline = tokio::time::Instant::now() + COLLECT;
        while batch.len() < MAX_UPDATES {
            match tokio::time::timeout_at(deadline, waiting.recv()).await {
                Ok(Some(next)) => batch.push(next),
                _ => break,
            }
        }
        let (updates, told): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let stored = store.try_store(&updates).await;
        for told in told {
            // Telegram may have hung up.
            let _ = told.send(stored);
        }
    }
}
