//! A bot's process as the backend meets it, without Telegram behind it.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, Reply, text};
use crate::test_app::{Setup, TestApp};

pub const GUIDE: &str = "# Gateway\n\n## Firmware\n\nThe firmware is updated with `gateway_update` once a month.\n\n## \
    Reset\n\nThe reset button is on the back of the gateway.\n";
pub const QUESTION: &str = "How is the firmware of the gateway updated?";
pub const ANNA: i64 = 77;

/// A bot's process, without Telegram behind it.
pub struct Process {
    pub api: Api,
    pub holder: Uuid,
    pub updates: i64,
    pub messages: i64,
}

impl Process {
    pub async fn start(api: &Api) -> Self {
        let process = Self {
            api: api.clone(),
            holder: Uuid::new_v4(),
            updates: 0,
            messages: 1_000,
        };
        assert_eq!(process.take_lease().await.0, 200);
        process
    }

    /// A second one for the same bot.
    pub fn start_without_lease(of: &Self) -> Self {
        Self {
            api: of.api.clone(),
            holder: Uuid::new_v4(),
            updates: 1_000,
            messages: 5_000,
        }
    }

    pub async fn take_lease(&self) -> Reply {
        self.api
            .post("/bots/docs/lease", &json!({"holder": self.holder, "seconds": 30}))
            .await
    }

    pub fn update(&mut self, person: i64, event: Value) -> Value {
        self.updates += 1;
        json!({
            "update_id": self.updates,
            "chat": {"id": person, "kind": "private"},
            "message_id": self.updates * 10,
            "from": {"telegram_id": person, "first_name": "Анна", "language_code": "en"},
            "event": event,
        })
    }

    pub async fn pass_on(&self, updates: &[Value]) -> Value {
        let (status, stored) = self
            .api
            .post("/bots/docs/updates", &json!({"updates": updates}))
            .await;
        assert_eq!(status, 202, "{stored}");
        stored
    }

    pub async fn writes(&mut self, person: i64, event: Value) {
        let update = self.update(person, event);
        assert_eq!(self.pass_on(&[update]).await, json!({"stored": 1, "known": 0}));
    }

    pub async fn asks(&mut self, person: i64, question: &str) {
        self.writes(person, json!({"kind": "text", "text": question}))
            .await;
    }

    pub async fn commands(&mut self, person: i64, name: &str) {
        self.writes(person, json!({"kind": "command", "name": name}))
            .await;
    }

    pub async fn presses(&mut self, person: i64, button: &Value) {
        let token = text(&button["token"]);
        self.writes(person, json!({"kind": "button", "token": token}))
            .await;
    }

    pub async fn poll(&self, wait_seconds: u32) -> Reply {
        let body = json!({"holder": self.holder, "wait_seconds": wait_seconds});
        self.api.post("/bots/docs/outbox", &body).await
    }

    /// The next thing to do.
    pub async fn next(&mut self) -> Value {
        loop {
            let (status, batch) = self.poll(20).await;
            assert_eq!(status, 200, "{batch}");
            if let Some(delivery) = batch["items"].as_array().unwrap().first() {
                return delivery.clone();
            }
        }
    }

    pub async fn report(&self, delivery: &Value, what: &str, mut body: Value) -> Reply {
        body["lease"] = delivery["lease"].clone();
        let path = format!("/outbox/{}/{what}", text(&delivery["id"]));
        self.api.post(&path, &body).await
    }

    pub async fn place(&mut self, delivery: &Value) -> i64 {
        self.messages += 1;
        let part = delivery["parts"].as_array().unwrap().len();
        let body = json!({"part": part, "message_id": self.messages});
        assert_eq!(self.report(delivery, "placeholder", body).await.0, 204);
        self.messages
    }

    pub async fn sent(&self, delivery: &Value, parts: u32) {
        let reply = self.report(delivery, "sent", json!({"parts": parts})).await;
        assert_eq!(reply.0, 204, "{reply:?}");
    }

    /// Does everything that is to be done until a message with content stands in its chat.
    pub async fn delivered(&mut self) -> Value {
        loop {
            let delivery = self.next().await;
            if delivery["parts"].as_array().unwrap().is_empty() {
                self.place(&delivery).await;
            }
            if delivery.get("content").is_some() {
                self.sent(&delivery, 1).await;
                return delivery;
            }
        }
    }
}

pub fn said(delivery: &Value) -> String {
    let content = &delivery["content"];
    match content["kind"].as_str() {
        Some("say") => text(&content["say"]["what"]),
        Some("error") => format!("error {}", text(&content["code"])),
        other => other.unwrap_or_default().to_owned(),
    }
}

/// The button with this kind of label, the first of them.
pub fn button(delivery: &Value, kind: &str) -> Value {
    let keyboard = delivery["content"]["keyboard"].as_array().unwrap();
    let mut buttons = keyboard.iter().flat_map(|row| row.as_array().unwrap());
    buttons
        .find(|button| button["label"]["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {keyboard:?}"))
        .clone()
}

/// An application whose knowledge base is open to a bot.
pub async fn app(settings: Vec<(&'static str, String)>) -> (TestApp, Api, Process) {
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    app.ingest(&[("guide.md", GUIDE.as_bytes())]).await;
    let operator = Api::operator(&app);
    let (id, bot) = operator.register_bot("docs").await;
    let kb = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
    let opened = operator
        .put(&format!("/knowledge-bases/{kb}/bots/{id}"), &json!({}))
        .await;
    assert!(opened.0 < 300, "{opened:?}");
    let process = Process::start(&bot).await;
    (app, operator, process)
}
