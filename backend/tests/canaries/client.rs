//! Sends calls over kept connections and takes the whole answer.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::api::{Api, Reply};
use crate::calls::{Body, Call};
use crate::test_app::{KEY, TestApp};
use crate::world::{Who, World};

/// A stream of a task that is paused or slow does not end by itself.
const LONGEST_SILENCE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub struct Client {
    nobody: Api,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub request_id: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub const fn is_granted(&self) -> bool {
        self.status < 300
    }

    pub fn next_cursor(&self) -> Option<String> {
        self.json()["next_cursor"].as_str().map(str::to_owned)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Client {
    pub fn new(app: &TestApp) -> Self {
        Self {
            nobody: Api::nobody(app),
        }
    }

    /// Whoever calls, with their credential.
    pub fn api(&self, world: &World, who: Who) -> Api {
        let with = |token: &str| self.nobody.with(token);
        match who {
            Who::Nobody => self.nobody.clone(),
            Who::Forger(kind) => with(&forged(world, kind)),
            Who::Operator => with(KEY),
            Who::Key(key) => with(&world.keys[key].secret),
            Who::Bot(bot) => with(&world.bots[bot].token),
            Who::Named { bot, person } => {
                with(&world.bots[bot].token).named(world.people[person].telegram_id)
            }
            Who::Session(session) => with(&world.sessions[session].token),
        }
    }

    /// For setting up and for changes: a body in, a body out.
    pub async fn act(
        &self,
        world: &World,
        who: Who,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Reply {
        self.api(world, who).send(method, path, body).await
    }

    pub async fn send(&self, world: &World, call: &Call) -> Answer {
        let mut request = self.api(world, call.who).request(call.method(), &call.path);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let response = with_body(request, &call.body)
            .send()
            .await
            .unwrap_or_else(|error| panic!("{error:?}\n{:?} sent\n{call}", call.who));
        let status = response.status().as_u16();
        let id = response.headers().get("x-request-id");
        let request_id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let mut answer = Answer {
            status,
            request_id: request_id.to_owned(),
            headers: format!("{:?}", response.headers()),
            body: Vec::new(),
        };
        let mut response = response;
        while let Ok(Ok(Some(piece))) = tokio::time::timeout(LONGEST_SILENCE, response.chunk()).await {
            answer.body.extend_from_slice(&piece);
        }
        // What is packed is searched as what it is.
        if answer.headers.contains("application/zstd") {
            answer.body = zstd::decode_all(answer.body.as_slice()).unwrap();
        }
        answer
    }
}

fn with_body(request: RequestBuilder, body: &Body) -> RequestBuilder {
    match body {
        Body::Empty => request,
        Body::Json(body) => request.json(body),
        Body::Raw(kind, text) => request.header("content-type", *kind).body(text.clone()),
        Body::Form {
            kb,
            source,
            name,
            content,
        } => {
            let part = Part::bytes(content.clone()).file_name(name.clone());
            let mut form = Form::new().text("knowledge_base", kb.clone()).part("file", part);
            if let Some(source) = source {
                form = form.text("source", source.clone());
            }
            request.multipart(form)
        }
        Body::Import { name, content } => {
            let part = Part::bytes(content.clone()).file_name("a.kb.jsonl.zst");
            request.multipart(Form::new().text("name", name.clone()).part("file", part))
        }
    }
}

/// Credentials that look like somebody's.
fn forged(world: &World, kind: u64) -> String {
    let of = |parts: &[&str]| parts.join(".");
    let token = world.bots[0].token.clone();
    let parts: Vec<&str> = token.split('.').collect();
    match kind % 4 {
        0 => format!("{}x", world.keys[0].secret),
        1 => world.keys[0].id.clone(),
        2 => of(&["eyJhbGciOiJub25lIn0", parts.get(1).unwrap_or(&"e30"), ""]),
        _ => of(&[parts[0], parts.get(1).unwrap_or(&"e30"), "AAAA"]),
    }
}
