//! A backend as far as a bot's process sees it: a lease, an inbox, an outbox.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use nexus_api::{Delivery, ErrorCode, TakeBotLease, TakeDeliveries, Update, Updates};
use nexus_auth::signed_request::{
    CONTENT_SHA256_HEADER, NONCE_HEADER, Presented, RequestError, SIGNATURE_HEADER, TIMESTAMP_HEADER, Target,
    verify,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Inside {
    /// Answers 503 to everything but what it is asked about itself.
    pub(crate) is_away: bool,
    pub(crate) is_disabled: bool,
    /// What every request has to be signed with.
    pub(crate) signing_secret: Option<&'static str>,
    /// How far its clock is ahead, in seconds.
    pub(crate) seconds_ahead: i64,
    nonces: HashSet<String>,
    /// Requests that were refused for their signature.
    pub(crate) unsigned: usize,
    pub(crate) holder: Option<(Uuid, Instant)>,
    pub(crate) holders: HashSet<Uuid>,
    pub(crate) updates: Vec<Update>,
    /// Attempts to store something, in vain ones included.
    pub(crate) store_calls: usize,
    pub(crate) batches: Vec<usize>,
    /// Updates that are never taken.
    pub(crate) refused: HashSet<i64>,
    pub(crate) outbox: Vec<Delivery>,
    /// What was told of deliveries: id, kind, body.
    pub(crate) reports: Vec<(Uuid, String, Value)>,
    /// Reports of this kind are answered with `lease_lost`.
    pub(crate) void: Option<&'static str>,
    pub(crate) uploads: Vec<Upload>,
    pub(crate) upload_refusal: Option<ErrorCode>,
    /// With what updates were stored and reports were made.
    pub(crate) told: Vec<HeaderMap>,
    previews: HashMap<Uuid, mpsc::Receiver<String>>,
}

#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) address: String,
    pub(crate) inside: Arc<Mutex<Inside>>,
    changes: watch::Sender<u64>,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            inside: Arc::default(),
            changes: watch::Sender::new(0),
        };
        let api = Router::new()
            .route("/auth/me", get(me))
            .route("/bots/{code}/lease", post(take_lease))
            .route("/bots/{code}/lease/{holder}", delete(give_back))
            .route("/bots/{code}/updates", post(store))
            .route("/bots/{code}/outbox", post(take))
            .route("/outbox/{id}/{kind}", post(report))
            .route("/messages/{id}/stream", get(stream))
            .route("/ingestion/{kind}", post(upload))
            .with_state(backend.clone());
        let signed = middleware::from_fn_with_state(backend.clone(), signed);
        let app = Router::new().nest("/api/v1", api).layer(signed);
        tokio::spawn(async move { axum::serve(listener, app).await });
        backend
    }

    /// Changes something, and lets those who wait look again.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        let changed = change(&mut self.inside.lock().unwrap());
        self.changes.send_modify(|count| *count += 1);
        changed
    }

    /// Waits until `look` sees something.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut(&mut Inside) -> Option<T>) -> T {
        super::until(&self.changes, || look(&mut self.inside.lock().unwrap())).await
    }

    pub(crate) async fn has_holder(&self) -> Uuid {
        self.until(|inside| inside.holder.map(|(holder, _)| holder)).await
    }

    /// The report of this kind about a delivery.
    pub(crate) async fn report(&self, id: Uuid, kind: &str) -> Value {
        self.until(|inside| {
            let mut reports = inside.reports.iter();
            let found = reports.find(|(of, told, _)| *of == id && told == kind)?;
            Some(found.2.clone())
        })
        .await
    }

    pub(crate) fn send(&self, delivery: Delivery) {
        self.change(|inside| inside.outbox.push(delivery));
    }

    /// The preview of a message; dropped, it is done.
    pub(crate) fn preview(&self, message: Uuid) -> mpsc::Sender<String> {
        let (texts, previews) = mpsc::channel(10);
        self.change(|inside| inside.previews.insert(message, previews));
        texts
    }
}

fn refusal(code: ErrorCode) -> Response {
    let body = json!({"error": {"code": code, "message": "no", "request_id": "r"}});
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, Json(body)).into_response()
}

/// Refuses what is not signed, where there is a secret, by the words of the real one.
async fn signed(State(backend): State<Backend>, request: Request, next: Next) -> Response {
    let (secret, ahead) = {
        let inside = backend.inside.lock().unwrap();
        (inside.signing_secret, inside.seconds_ahead)
    };
    let Some(secret) = secret else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap());
    let presented = Presented {
        timestamp: header(TIMESTAMP_HEADER),
        nonce: header(NONCE_HEADER),
        content_sha256: header(CONTENT_SHA256_HEADER),
        signature: header(SIGNATURE_HEADER),
    };
    let target = Target {
        method: parts.method.as_str(),
        path_and_query: parts.uri.path_and_query().unwrap().as_str(),
    };
    let now = unix_seconds() + ahead;
    let refused = match verify(&target, &presented, &secret.to_owned().into(), now) {
        Ok(mut accepted) => {
            let is_new = backend.change(|inside| inside.nonces.insert(accepted.nonce));
            accepted.body.update(&body);
            match accepted.body.finish() {
                Ok(()) if is_new => None,
                Ok(()) => Some((ErrorCode::Replayed, "")),
                Err(_) => Some((ErrorCode::SignatureInvalid, "body")),
            }
        }
        Err(RequestError::Missing) => Some((ErrorCode::SignatureRequired, "")),
        Err(RequestError::Malformed) => Some((ErrorCode::SignatureInvalid, "malformed")),
        Err(RequestError::Mismatch) => Some((ErrorCode::SignatureInvalid, "mismatch")),
        Err(RequestError::Stale) => Some((ErrorCode::SignatureInvalid, "stale")),
    };
    let Some((code, reason)) = refused else {
        return next.run(Request::from_parts(parts, body.into())).await;
    };
    backend.change(|inside| inside.unsigned += 1);
    let error = json!({"code": code, "message": "no", "details": {"reason": reason}, "request_id": "r"});
    (StatusCode::UNAUTHORIZED, Json(json!({"error": error}))).into_response()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the process under test signs by the clock of the machine"
)]
fn unix_seconds() -> i64 {
    chrono::Utc::now().timestamp()
}

impl Inside {
    /// Why a request is refused that any process may make.
    fn closed(&self) -> Option<Response> {
        if self.is_away {
            return Some(refusal(ErrorCode::Unavailable));
        }
        self.is_disabled.then(|| refusal(ErrorCode::BotDisabled))
    }

    fn lost(&self, holder: Uuid) -> Option<Response> {
        let holds = self.holder.is_some_and(|(held, _)| held == holder);
        (!holds).then(|| refusal(ErrorCode::LeaseLost))
    }
}

async fn me(State(backend): State<Backend>, headers: HeaderMap) -> Response {
    assert_eq!(headers["authorization"], "Bearer service-token");
    if let Some(refused) = backend.inside.lock().unwrap().closed() {
        return refused;
    }
    let bot = json!({
        "id": Uuid::nil(), "code": "docs", "name": "Docs", "version": "1", "is_active": true, "telegram_bot_id": 42,
        "has_telegram_token": false, "signs_requests": false, "addresses": [], "max_role": "editor",
        "default_knowledge_bases": [], "texts": {}, "settings": {}, "quotas": {}, "person_quotas": {},
        "time_zone": "UTC", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    });
    Json(json!({"kind": "bot", "role": "editor", "scopes": [], "bot": bot})).into_response()
}

async fn take_lease(State(backend): State<Backend>, Json(wanted): Json<TakeBotLease>) -> Response {
    backend.change(|inside| {
        if let Some(refused) = inside.closed() {
            return refused;
        }
        let now = Instant::now();
        match inside.holder {
            Some((holder, until)) if holder != wanted.holder && until > now => {
                refusal(ErrorCode::BotLeaseHeld)
            }
            _ => {
                let until = now + Duration::from_secs(wanted.seconds.into());
                inside.holder = Some((wanted.holder, until));
                inside.holders.insert(wanted.holder);
                Json(json!({"holder": wanted.holder, "expires_in_seconds": wanted.seconds})).into_response()
            }
        }
    })
}

async fn give_back(State(backend): State<Backend>, Path((_, holder)): Path<(String, Uuid)>) -> StatusCode {
    backend.change(|inside| inside.holder = inside.holder.filter(|(held, _)| *held != holder));
    StatusCode::NO_CONTENT
}

async fn store(
    State(backend): State<Backend>,
    Query(query): Query<HashMap<String, Uuid>>,
    headers: HeaderMap,
    Json(batch): Json<Updates>,
) -> Response {
    backend.change(|inside| {
        inside.store_calls += 1;
        inside.told.push(headers);
        if let Some(refused) = inside.closed().or_else(|| inside.lost(query["holder"])) {
            return refused;
        }
        if batch
            .updates
            .iter()
            .any(|update| inside.refused.contains(&update.update_id))
        {
            return refusal(ErrorCode::ValidationFailed);
        }
        inside.batches.push(batch.updates.len());
        let mut stored = 0;
        for update in batch.updates {
            if inside
                .updates
                .iter()
                .all(|known| known.update_id != update.update_id)
            {
                inside.updates.push(update);
                stored += 1;
            }
        }
        (StatusCode::ACCEPTED, Json(json!({"stored": stored, "known": 0}))).into_response()
    })
}

async fn take(State(backend): State<Backend>, Json(wanted): Json<TakeDeliveries>) -> Response {
    let wait = tokio::time::sleep(Duration::from_secs(wanted.wait_seconds.into()));
    tokio::pin!(wait);
    let mut changes = backend.changes.subscribe();
    loop {
        changes.borrow_and_update();
        {
            let mut inside = backend.inside.lock().unwrap();
            if let Some(refused) = inside.closed().or_else(|| inside.lost(wanted.holder)) {
                return refused;
            }
            let free = |delivery: &mut Delivery| !wanted.working_on.contains(&delivery.id);
            let items: Vec<_> = inside
                .outbox
                .extract_if(.., free)
                .take(wanted.limit as usize)
                .collect();
            if !items.is_empty() {
                return Json(json!({"items": items})).into_response();
            }
        }
        tokio::select! {
            () = &mut wait => return Json(json!({"items": []})).into_response(),
            _ = changes.changed() => {}
        }
    }
}

async fn report(
    State(backend): State<Backend>,
    Path((id, kind)): Path<(Uuid, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    assert!(headers["x-request-id"] == "trace-1" || headers.contains_key("traceparent"));
    backend.change(|inside| {
        inside.told.push(headers);
        if inside.is_away {
            return refusal(ErrorCode::Unavailable);
        }
        let void = inside.void == Some(kind.as_str());
        inside.reports.push((id, kind, body));
        if void {
            return refusal(ErrorCode::LeaseLost);
        }
        StatusCode::NO_CONTENT.into_response()
    })
}

async fn stream(State(backend): State<Backend>, Path(id): Path<Uuid>) -> Response {
    let Some(mut texts) = backend.change(|inside| inside.previews.remove(&id)) else {
        return refusal(ErrorCode::NotFound);
    };
    let events = futures::stream::poll_fn(move |context| texts.poll_recv(context));
    let previews = futures::StreamExt::map(events, |text| {
        let data = json!({"text": text, "language": "en"});
        Ok::<_, Infallible>(Event::default().event("preview").json_data(data).unwrap())
    });
    let done = futures::stream::iter([Ok(Event::default().event("done").data("{}"))]);
    Sse::new(futures::StreamExt::chain(previews, done)).into_response()
}

async fn upload(
    State(backend): State<Backend>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let id = Uuid::nil();
    let accepted = json!({"task_id": id, "knowledge_base_id": id, "source_id": id, "size_bytes": body.len()});
    backend.change(|inside| {
        inside.uploads.push(Upload { path, headers, body });
        match inside.upload_refusal {
            Some(code) => refusal(code),
            None => (StatusCode::ACCEPTED, Json(accepted)).into_response(),
        }
    })
}
