//! From a cell to its request, and to what is answered.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, init_data};
use crate::callers::Caller;
use crate::chats::no_lease;
use crate::forms::{archive_form, file_form, import_form};
use crate::fresh::sign_in;
use crate::refused::{BLOCKED, OFF};
use crate::sources::{new_schedule, signed, source_body};
use crate::table::{Operation, Target, Way};
use crate::things::Kb;
use crate::world::World;

/// Of no bot here.
const ANOTHER_TOKEN: &str = "123456:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8";

/// Who calls, and what the request names.
pub struct Stage {
    pub api: Api,
    /// What stands for `{id}`.
    pub id: String,
    /// What stands for the second id.
    pub second: String,
    /// The name of a knowledge base.
    pub name: String,
    /// Under which a process holds the delivery.
    pub lease: String,
    /// What a webhook is signed with, where it is.
    pub webhook_secret: Option<String>,
}

impl Stage {
    pub fn on(self, id: String) -> Self {
        Self { id, ..self }
    }
}

pub struct Answer {
    pub status: u16,
    pub text: String,
    /// Without the id of the request.
    pub json: Value,
    pub content_type: String,
}

impl World {
    /// What is there for all cells, to be left as it is.
    pub fn shared(&self, caller: &Caller, operation: &Operation, target: Target) -> Stage {
        let (name, id) = match target {
            Target::Missing | Target::WithMissing => ("no-such-name".to_owned(), missing(&operation.path)),
            Target::Odd => ("no-such-name".to_owned(), odd(&operation.path)),
            _ => (
                self.kb(target).name.to_owned(),
                self.there(caller, &operation.path, target),
            ),
        };
        Stage {
            api: caller.api.clone(),
            id,
            second: self.second(&operation.path, target),
            name,
            lease: no_lease(),
            webhook_secret: self.signs(&operation.path, target),
        }
    }

    pub const fn kb(&self, target: Target) -> &Kb {
        match target {
            Target::Theirs | Target::WithTheirs => &self.theirs,
            Target::Gone => &self.gone.kb,
            Target::Commons => &self.commons,
            _ => &self.ours,
        }
    }

    fn there(&self, caller: &Caller, path: &str, target: Target) -> String {
        let kb = self.kb(target);
        let is_own = target == Target::Own;
        let first = |own: &String, other: &String| if is_own { own } else { other }.clone();
        let area = path.split('/').nth(1).unwrap_or_default();
        let is_bot_of_neighbour = caller.name == "a bot";
        match area {
            "documents" => kb.document.clone(),
            "ingestion" if target == Target::Housekeeping => self.housekeeping.clone(),
            "ingestion" if steers(path) => kb.waiting.clone(),
            "ingestion" if path.contains("{id}") => kb.task.clone(),
            "users" if is_bot_of_neighbour => first(&self.neighbour.user, &self.guest.user),
            "users" => first(&caller.person.user, &self.neighbour.user),
            "subscriptions" if target == Target::OtherBot => caller.other_subscription.clone(),
            "subscriptions" if is_bot_of_neighbour => first(&caller.subscription, &self.guests_use),
            "subscriptions" => first(&caller.subscription, &self.neighbours_use),
            "bots" if path.contains("{code}") => self.code(caller, target),
            "bots" if target == Target::Gone => self.gone.bot.clone(),
            "bots" => first(&caller.bot, &self.idle.id),
            "api-keys" if target == Target::Gone => self.gone.key.clone(),
            "api-keys" => first(&caller.key, &self.key),
            "generations" => self.generation.clone(),
            "webhooks" if path.ends_with("/n8n") => kb.teller.clone(),
            "webhooks" if path.contains("{source_id}") => kb.source.clone(),
            "webhooks" => self.webhook.clone(),
            "outbox" if target == Target::Sent => self.idles.message.clone(),
            "outbox" => first(&caller.talk.message, &self.letter),
            "messages" if target == Target::OtherBot => caller.other_talk.message.clone(),
            "messages" if is_bot_of_neighbour => first(&caller.talk.message, &self.guests.message),
            "messages" => first(&caller.talk.message, &self.neighbours.message),
            "answers" if is_bot_of_neighbour => first(&caller.answer, &self.guests_answer),
            "answers" => first(&caller.answer, &self.neighbours_answer),
            "chats" if is_bot_of_neighbour => first(&caller.talk.chat, &self.guests.chat),
            "chats" => first(&caller.talk.chat, &self.neighbours.chat),
            "notifications" => self.docs.code.to_owned(),
            _ => kb.id.clone(),
        }
    }

    /// By which a path names a bot.
    fn code(&self, caller: &Caller, target: Target) -> String {
        let code = match target {
            Target::Gone => self.gone.bot_code,
            Target::Own => caller.bot_code,
            _ => self.idle.code,
        };
        code.to_owned()
    }

    fn second(&self, path: &str, target: Target) -> String {
        if path.ends_with("{holder}") {
            return self.process.to_string();
        }
        let is_there = match path.rsplit('/').next() {
            _ if path.contains("{source_id}") => [&self.kb(target).source, &self.theirs.source],
            Some("{webhook_id}") => [&self.kb(target).teller, &self.theirs.teller],
            _ if path.contains("{delivery_id}") => [&self.given_up, &self.given_up],
            Some("{user_id}") => [&self.neighbour.user, &self.passer_by.user],
            Some("{bot_id}") => [&self.kiosk.id, &self.docs.id],
            _ => [&self.idle.token, &self.kiosk.token],
        };
        match target {
            Target::Nowhere => Uuid::new_v4().to_string(),
            Target::OddSecond => "no-id".to_owned(),
            Target::Elsewhere => is_there[1].clone(),
            _ => is_there[0].clone(),
        }
    }

    pub async fn ask(&self, stage: &Stage, caller: &Caller, asked: &Asked<'_>) -> Answer {
        let Asked {
            operation, target, ..
        } = asked;
        let mut path = operation.path.replace("{id}", &stage.id);
        path = path.replace("{code}", &stage.id);
        let source = if operation.path.starts_with("/webhooks/") {
            &stage.id
        } else {
            &stage.second
        };
        path = path.replace("{source_id}", source);
        for second in [
            "{user_id}",
            "{bot_id}",
            "{token_id}",
            "{holder}",
            "{webhook_id}",
            "{delivery_id}",
        ] {
            path = path.replace(second, &stage.second);
        }
        if operation.is("GET", "/ingestion/tasks") && *target != Target::All {
            path = format!("{path}?knowledge_base={}", stage.id);
        }
        if operation.is("GET", "/sources") && *target != Target::All {
            path = format!("{path}?knowledge_base_id={}", stage.id);
        }
        if operation.is("GET", "/knowledge-bases") && *target != Target::All {
            path = format!("{path}?name={}", stage.name);
        }
        let mut request = stage.api.request(operation.method(), &path);
        request = request.header("x-request-id", &asked.trace);
        if asked.way == Way::Stream || path.ends_with("/events") || path.ends_with("/stream") {
            request = request.header("accept", "text/event-stream");
        }
        if path.ends_with("/settings") || path.ends_with("/state") {
            request = request.header("if-match", self.version(&stage.id, &path).await);
        }
        request = self.with_body(request, stage, caller, asked);
        answer(request).await
    }

    fn with_body(
        &self,
        request: RequestBuilder,
        stage: &Stage,
        caller: &Caller,
        asked: &Asked<'_>,
    ) -> RequestBuilder {
        let asking = |word: &String| match asked.target {
            Target::All => json!([]),
            Target::WithTheirs | Target::WithMissing => json!([self.ours.id, word]),
            _ => json!([word]),
        };
        let name = || format!("made-{}", self.next());
        let body = match (asked.operation.method.as_str(), asked.operation.path.as_str()) {
            ("POST", "/ingestion/archives") => return request.multipart(archive_form(&stage.name)),
            ("POST", "/ingestion/files") => return request.multipart(file_form(&stage.id)),
            ("POST", "/ingestion/wiki") if asked.way == Way::Form => {
                return request.multipart(archive_form(&stage.name));
            }
            ("POST", "/webhooks/sources/{source_id}") => return signed(request, stage),
            ("POST", "/webhooks/n8n") => return self.told(request, stage),
            ("POST", "/webhooks") => {
                json!({"url": "https://example.org/", "events": ["task.ended"], "enabled": false})
            }
            ("PATCH", "/webhooks/{id}") => json!({"events": ["feedback.given"]}),
            ("POST", "/knowledge-bases/{id}/incoming-webhooks") => json!({"name": "n8n"}),
            ("POST", "/auth/telegram") => self.sign_in_body(asked.target),
            ("POST", "/users/from-telegram") => self.introduction(caller, asked.target),
            ("POST", "/knowledge-bases/import") => return request.multipart(import_form(name())),
            ("POST", "/knowledge-bases") => json!({ "name": name() }),
            ("PATCH", "/knowledge-bases/{id}") => json!({"description": "changed"}),
            ("PUT", "/knowledge-bases/{id}/members/{user_id}") => json!({"role": "owner"}),
            ("POST", "/rag/search") => json!({"query": "pump", "knowledge_bases": asking(&stage.id)}),
            ("POST", "/rag/query") => json!({"question": "pump", "knowledge_bases": asking(&stage.name)}),
            ("POST", "/ai/query") => json!({"question": "pump"}),
            ("PATCH", "/users/{id}" | "/api-keys/{id}") => json!({"role": "admin"}),
            ("PATCH", "/bots/{id}") => json!({"max_role": "admin"}),
            ("PATCH", "/knowledge-bases/{id}/sources/{source_id}") => new_schedule(),
            ("PATCH", _) => json!({ "seen": name() }),
            ("POST", "/bots") => json!({"code": name(), "name": "made"}),
            ("POST", "/bots/{id}/tokens") => json!({"name": "another"}),
            ("POST", "/api-keys") => json!({"name": "made", "role": "reader"}),
            ("POST", path) => match source_body(stage, path).or_else(|| self.talk_body(stage, path)) {
                Some(body) => body,
                None => return request,
            },
            _ => return request,
        };
        request.json(&body)
    }

    fn sign_in_body(&self, target: Target) -> Value {
        let person = self.passer_by.telegram_id;
        let mut body = sign_in(self.docs.code, person, "bearer");
        match target {
            Target::Blocked => body["init_data"] = json!(Self::signed_for(BLOCKED)),
            Target::Off => body["bot"] = json!(OFF),
            Target::Another => body["init_data"] = json!(init_data(ANOTHER_TOKEN, person, 0)),
            Target::Missing => body["bot"] = json!("no-such-bot"),
            _ => {}
        }
        body
    }

    fn introduction(&self, caller: &Caller, target: Target) -> Value {
        let code = match target {
            Target::Another if caller.bot_code == self.kiosk.code => self.docs.code,
            Target::Another => self.kiosk.code,
            Target::Missing => "no-such-bot",
            Target::Off => OFF,
            _ => caller.bot_code,
        };
        let person = match target {
            Target::Blocked => BLOCKED,
            Target::Somebody => self.passer_by.telegram_id,
            _ if caller.is_named => caller.person.telegram_id,
            _ => self.passer_by.telegram_id,
        };
        json!({"bot": code, "telegram_id": person, "first_name": "Анна"})
    }

    /// The version that a subscription is at, so that a change of it fails for no other reason.
    async fn version(&self, id: &str, path: &str) -> String {
        let part = path.rsplit('/').next().unwrap();
        let (_, found) = self.operator.get(&format!("/subscriptions/{id}")).await;
        let version = found[format!("{part}_version")].as_i64().unwrap_or(1);
        format!("\"{version}\"")
    }
}

/// A request that is about to be made.
pub struct Asked<'c> {
    pub operation: &'c Operation,
    pub target: Target,
    pub way: Way,
    /// Under which it stands in the log, if it changes anything.
    pub trace: String,
}

fn missing(path: &str) -> String {
    if path.starts_with("/generations") {
        return "999999".to_owned();
    }
    if path.contains("{code}") || path == "/notifications" {
        return "no-such-bot".to_owned();
    }
    Uuid::new_v4().to_string()
}

/// A text that no id is, and for a code one that no database takes.
fn odd(path: &str) -> String {
    if path.contains("{code}") { "%00" } else { "no-id" }.to_owned()
}

fn steers(path: &str) -> bool {
    ["cancel", "pause", "resume"]
        .iter()
        .any(|word| path.ends_with(word))
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type");
    let content_type = content_type
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let text = response.text().await.unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(error) = json["error"].as_object_mut() {
        error.remove("request_id");
    }
    Answer {
        status,
        text,
        json,
        content_type,
    }
}
