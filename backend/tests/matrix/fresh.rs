//! Things made for one cell, so that what one caller changes is not there for the next one.

use nexus_domain::TaskState;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, text};
use crate::callers::{Caller, Standing};
use crate::chats::is_about_chats;
use crate::requests::Stage;
use crate::table::{Operation, Target};
use crate::things::Bot;
use crate::world::World;

/// Telegram ids of people who are made for a cell.
const FIRST_FRESH_PERSON: i64 = 1_000;

impl World {
    /// A key as `body` describes it: its id, and whoever calls with it.
    pub async fn make_key(&self, body: &Value) -> (String, Api) {
        let mut body = body.clone();
        body["name"] = json!("a key");
        let (status, issued) = self.operator.post("/api-keys", &body).await;
        assert_eq!(status, 201, "{issued}");
        let id = text(&issued["api_key"]["id"]);
        (id, self.operator.with(&text(&issued["key"])))
    }

    /// A session of a person who uses `docs`; in a cookie, with its CSRF token, where that is asked for.
    pub async fn sign_in(&self, telegram_id: i64, in_cookie: bool) -> Api {
        if in_cookie {
            self.cookies(telegram_id).await.0
        } else {
            self.sign_in_at(&self.docs, telegram_id).await
        }
    }

    /// A session of a person that begins in this bot.
    pub async fn sign_in_at(&self, bot: &Bot, telegram_id: i64) -> Api {
        let nobody = self.nobody();
        let body = sign_in(bot.code, telegram_id, "bearer");
        let (status, begun) = nobody.post("/auth/telegram", &body).await;
        assert_eq!(status, 200, "{begun}");
        nobody.with(&text(&begun["token"]))
    }

    /// A session in a cookie: with its CSRF token, and without.
    pub async fn cookies(&self, telegram_id: i64) -> (Api, Api) {
        let nobody = self.nobody();
        let request = nobody.request(Method::POST, "/auth/telegram");
        let request = request.json(&sign_in(self.docs.code, telegram_id, "cookie"));
        let response = request.send().await.unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
        let begun: Value = response.json().await.unwrap();
        let without = nobody.header("cookie", cookie.split(';').next().unwrap());
        let with = without.header("x-csrf-token", text(&begun["csrf_token"]));
        (with, without)
    }

    fn nobody(&self) -> Api {
        Api::nobody(&self.app)
    }

    /// What a cell that is to succeed changes or ends.
    pub async fn fresh(&self, caller: &Caller, operation: &Operation, target: Target) -> Stage {
        let stage = self.shared(caller, operation, target);
        let path = operation.path.as_str();
        if path == "/auth/logout" {
            let in_cookie = caller.name.starts_with("a cookie");
            let api = self.sign_in(caller.person.telegram_id, in_cookie).await;
            return Stage { api, ..stage };
        }
        if is_about_chats(path) {
            return self.fresh_talk(caller, operation, target, stage).await;
        }
        match (path, target) {
            ("/knowledge-bases", _) => stage,
            ("/documents/{id}", Target::Ours) => stage.on(self.ours.spare_document()),
            ("/documents/{id}", _) => stage.on(self.theirs.spare_document()),
            (path, Target::Housekeeping) => stage.on(self.fresh_task(None, path).await),
            ("/ingestion/tasks/{id}/retry", _) => {
                let stage = self.fresh_kb(caller, stage).await;
                let task = self.task_with_problems(&stage.id).await;
                stage.on(task)
            }
            (path, _) if path.starts_with("/ingestion/tasks/") => {
                let stage = self.fresh_kb(caller, stage).await;
                let task = self.fresh_task(Some(&stage.id), path).await;
                stage.on(task)
            }
            ("/webhooks", _) => stage,
            ("/webhooks/n8n", _) => self.fresh_teller(stage).await,
            (path, _) if path.starts_with("/webhooks/sources/") => self.fresh_webhook(stage).await,
            (path, _) if path.starts_with("/webhooks/") => self.fresh_listener(stage).await,
            (path, _) if path.starts_with("/knowledge-bases") || path.starts_with("/ingestion") => {
                let stage = self.fresh_kb(caller, stage).await;
                self.with_second(path, stage).await
            }
            ("/users/{id}", Target::Another) => stage.on(self.fresh_person().await),
            (path, _) if path.starts_with("/bots/") => self.fresh_bot(stage).await,
            ("/api-keys/{id}", Target::Another) => {
                stage.on(self.make_key(&json!({"role": "reader"})).await.0)
            }
            ("/api-keys/{id}", _) if operation.method == "DELETE" => self.fresh_self(caller, stage).await,
            _ => stage,
        }
    }

    /// A knowledge base in which the caller is what it is in the one that the cell is about.
    async fn fresh_kb(&self, caller: &Caller, mut stage: Stage) -> Stage {
        let name = format!("fresh-{}", self.next());
        stage.id = self.operator.knowledge_base(&name).await;
        match &caller.standing {
            Standing::Anywhere => {}
            Standing::Member(role) => self.set_member(&stage.id, &caller.person.user, role).await,
            Standing::Key(body) => {
                if body.get("knowledge_bases").is_some() {
                    let mut body = body.clone();
                    body["knowledge_bases"] = json!([stage.id]);
                    stage.api = self.make_key(&body).await.1;
                }
            }
        }
        stage.name = name;
        stage
    }

    /// A member to change or remove, a bot to open or close it to, or a source.
    async fn with_second(&self, path: &str, mut stage: Stage) -> Stage {
        if path.ends_with("{user_id}") {
            self.set_member(&stage.id, &self.neighbour.user, "reader").await;
        }
        if path.ends_with("{bot_id}") {
            self.open_to(&stage.id, &self.kiosk).await;
        }
        if path.contains("{webhook_id}") {
            stage.second = self.teller(&stage.id).await.0;
        }
        if path.contains("{source_id}") {
            stage.second = self.remote_source(&stage.id, "fresh").await;
        }
        stage
    }

    async fn fresh_task(&self, kb: Option<&str>, path: &str) -> String {
        let state = if path.ends_with("resume") {
            TaskState::Paused
        } else {
            TaskState::Queued
        };
        self.waiting_task(kb, state).await
    }

    async fn fresh_person(&self) -> String {
        let number = i64::try_from(self.next()).unwrap();
        self.docs.person(FIRST_FRESH_PERSON + number).await.user
    }

    async fn fresh_bot(&self, mut stage: Stage) -> Stage {
        let code = format!("fresh-{}", self.next());
        stage.id = self.operator.register_bot(&code).await.0;
        let path = format!("/bots/{}/tokens", stage.id);
        let (_, tokens) = self.operator.get(&path).await;
        stage.second = text(&tokens["items"][0]["id"]);
        stage
    }

    /// A key like the calling one.
    async fn fresh_self(&self, caller: &Caller, mut stage: Stage) -> Stage {
        let Standing::Key(body) = &caller.standing else {
            panic!("{} is no key", caller.name)
        };
        (stage.id, stage.api) = self.make_key(body).await;
        stage
    }
}

pub fn sign_in(bot: &str, telegram_id: i64, session: &str) -> Value {
    let data = World::signed_for(telegram_id);
    json!({"bot": bot, "method": "init_data", "init_data": data, "session": session})
}
