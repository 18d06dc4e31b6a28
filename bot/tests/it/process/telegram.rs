//! A Bot API server as far as a bot's process sees it: updates with an offset, messages that are sent and edited, and
//! faults on order. Strict about HTML.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use nexus_bot::testing;
use serde_json::{Value, json};
use tokio::sync::watch;

/// What goes wrong with one call.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is done, but the answer is lost.
    Lost,
    /// The answer is lost, and it is done so much later.
    Late(Duration),
    /// It is refused: code, description, parameters.
    Refused(u16, &'static str, Value),
}

#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) updates: Vec<Value>,
    /// The highest offset that was asked for.
    pub(crate) offset: i64,
    /// HTML or text by chat and message, as it stands there now.
    pub(crate) messages: HashMap<(i64, i64), String>,
    /// Every state of every message, in order.
    pub(crate) history: Vec<(i64, i64, String)>,
    pub(crate) calls: Vec<(String, Value)>,
    pub(crate) faults: HashMap<&'static str, VecDeque<Fault>>,
    pub(crate) webhook: Option<Value>,
    pub(crate) files: HashMap<String, Vec<u8>>,
    last_id: i64,
}

#[derive(Clone)]
pub(crate) struct Telegram {
    pub(crate) address: String,
    pub(crate) inside: Arc<Mutex<Inside>>,
    changes: watch::Sender<u64>,
}

impl Telegram {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let telegram = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            inside: Arc::default(),
            changes: watch::Sender::new(0),
        };
        let app = Router::new()
            .route("/bot42:secret/{method}", post(call))
            .route("/file/bot42:secret/documents/{name}", get(file))
            .fallback(async || refused(401, "Unauthorized", &Value::Null))
            .with_state(telegram.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        telegram
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        let changed = change(&mut self.inside.lock().unwrap());
        self.changes.send_modify(|count| *count += 1);
        changed
    }

    pub(crate) async fn until<T>(&self, mut look: impl FnMut(&mut Inside) -> Option<T>) -> T {
        super::until(&self.changes, || look(&mut self.inside.lock().unwrap())).await
    }

    /// Somebody says something.
    pub(crate) fn says(&self, update: Value) {
        self.change(|inside| inside.updates.push(update));
    }

    /// The next call of this method goes wrong.
    pub(crate) fn fails(&self, method: &'static str, fault: Fault) {
        self.change(|inside| inside.faults.entry(method).or_default().push_back(fault));
    }

    /// Waits for a message that reads like this, and gives its id.
    pub(crate) async fn reads(&self, chat: i64, text: &str) -> i64 {
        self.until(|inside| {
            let mut messages = inside.messages.iter();
            messages
                .find(|((of, _), now)| *of == chat && *now == text)
                .map(|((_, id), _)| *id)
        })
        .await
    }

    pub(crate) fn calls_of(&self, method: &str) -> Vec<Value> {
        let inside = self.inside.lock().unwrap();
        let calls = inside.calls.iter().filter(|(called, _)| called == method);
        calls.map(|(_, body)| body.clone()).collect()
    }
}

fn refused(code: u16, description: &str, parameters: &Value) -> Response {
    let mut body = json!({"ok": false, "error_code": code, "description": description});
    if !parameters.is_null() {
        body["parameters"] = parameters.clone();
    }
    (StatusCode::from_u16(code).unwrap(), Json(body)).into_response()
}

async fn call(
    State(telegram): State<Telegram>,
    Path(method): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let method = canonical(&method);
    let fault = telegram.change(|inside| {
        inside.calls.push((method.to_owned(), body.clone()));
        inside.faults.get_mut(method).and_then(VecDeque::pop_front)
    });
    if let Some(Fault::Refused(code, description, parameters)) = &fault {
        return refused(*code, description, parameters);
    }
    if let Some(Fault::Late(after)) = fault {
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            // Nobody hears what came of it.
            let _ = telegram.change(|inside| inside.done(method, &body));
        });
        return (StatusCode::BAD_GATEWAY, "<html>").into_response();
    }
    let done = if method == "getUpdates" {
        Ok(updates(&telegram, &body).await)
    } else {
        telegram.change(|inside| inside.done(method, &body))
    };
    match (done, fault) {
        (_, Some(Fault::Lost)) => (StatusCode::BAD_GATEWAY, "<html>").into_response(),
        (Ok(result), _) => Json(json!({"ok": true, "result": result})).into_response(),
        (Err((code, description)), _) => refused(code, description, &Value::Null),
    }
}

/// Names of methods are read in any case.
fn canonical(method: &str) -> &'static str {
    const METHODS: [&str; 12] = [
        "getMe",
        "getUpdates",
        "getWebhookInfo",
        "setWebhook",
        "deleteWebhook",
        "setMyCommands",
        "sendMessage",
        "editMessageText",
        "deleteMessage",
        "answerCallbackQuery",
        "getFile",
        "sendMessageDraft",
    ];
    let known = METHODS.iter().find(|known| known.eq_ignore_ascii_case(method));
    known.unwrap_or_else(|| panic!("{method} is not known here"))
}

async fn updates(telegram: &Telegram, body: &Value) -> Value {
    let offset = body["offset"].as_i64().unwrap_or(0);
    let wait = tokio::time::sleep(Duration::from_secs(body["timeout"].as_u64().unwrap()));
    tokio::pin!(wait);
    let mut changes = telegram.changes.subscribe();
    telegram.change(|inside| inside.offset = inside.offset.max(offset));
    loop {
        changes.borrow_and_update();
        let found: Vec<_> = {
            let inside = telegram.inside.lock().unwrap();
            let number = |update: &Value| update["update_id"].as_i64().unwrap();
            let last = inside.updates.iter().map(number).max().unwrap_or(offset);
            // An offset beyond its queue is none to the Bot API server.
            let from = if offset > last + 10 { 0 } else { offset };
            let updates = inside.updates.iter();
            updates.filter(|update| number(update) >= from).cloned().collect()
        };
        if !found.is_empty() {
            return found.into();
        }
        tokio::select! {
            () = &mut wait => return json!([]),
            _ = changes.changed() => {}
        }
    }
}

impl Inside {
    fn done(&mut self, method: &str, body: &Value) -> Result<Value, (u16, &'static str)> {
        let chat = body["chat_id"].as_i64().unwrap_or_default();
        let id = body["message_id"].as_i64().unwrap_or_default();
        let text = body["text"].as_str().unwrap_or_default().to_owned();
        if body["parse_mode"] == "HTML" && testing::parse(&text).is_err() {
            return Err((400, "Bad Request: can't parse entities: broken"));
        }
        Ok(match method {
            "getMe" => json!({"id": 42, "is_bot": true, "first_name": "Docs", "username": "docs_bot"}),
            "getWebhookInfo" => match &self.webhook {
                Some(webhook) => json!({"url": webhook["url"]}),
                None => json!({"url": ""}),
            },
            "setWebhook" => {
                self.webhook = Some(body.clone());
                json!(true)
            }
            "deleteWebhook" => {
                self.webhook = None;
                json!(true)
            }
            "sendMessage" => {
                self.last_id += 1;
                let id = self.last_id;
                self.put(chat, id, text);
                json!({"message_id": id, "date": 0, "chat": {"id": chat, "type": "private"}})
            }
            "editMessageText" => match self.messages.get(&(chat, id)) {
                None => return Err((400, "Bad Request: message to edit not found")),
                Some(now) if *now == text => {
                    return Err((400, "Bad Request: message is not modified: same"));
                }
                Some(_) => {
                    self.put(chat, id, text);
                    json!(true)
                }
            },
            "deleteMessage" => match self.messages.remove(&(chat, id)) {
                None => return Err((400, "Bad Request: message to delete not found")),
                Some(_) => json!(true),
            },
            "getFile" => match self.files.get(body["file_id"].as_str().unwrap_or_default()) {
                None => {
                    return Err((
                        400,
                        "Bad Request: wrong file_id or the file is temporarily unavailable",
                    ));
                }
                Some(_) => json!({"file_path": format!("documents/{}", body["file_id"].as_str().unwrap())}),
            },
            _ => json!(true),
        })
    }

    fn put(&mut self, chat: i64, id: i64, text: String) {
        self.messages.insert((chat, id), text.clone());
        self.history.push((chat, id, text));
    }
}

async fn file(State(telegram): State<Telegram>, Path(name): Path<String>) -> Response {
    let inside = telegram.inside.lock().unwrap();
    match inside.files.get(&name) {
        Some(bytes) => Body::from(bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
