//! What callers are tried on: knowledge bases, bots and people, as the operator makes them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::api::{Api, text};
use crate::test_app::{TestApp, archive};
use crate::world::World;

/// Documents that cells may delete, in each knowledge base.
const SPARE_DOCUMENTS: usize = 24;
const GONE_BOT: &str = "burnt";

/// A knowledge base that callers meet as ours, theirs or everyone's.
pub struct Kb {
    pub id: String,
    pub name: &'static str,
    /// Stands in its documents, and nowhere else.
    pub secret: &'static str,
    pub document: String,
    /// A task that is over.
    pub task: String,
    /// A task that does not begin.
    pub waiting: String,
    /// A source that is fetched, and what its webhooks are signed with.
    pub source: String,
    pub webhook_secret: String,
    /// A program that may tell of it, and what that signs with.
    pub teller: String,
    pub teller_secret: String,
    spare_documents: Mutex<Vec<String>>,
}

impl Kb {
    pub fn spare_document(&self) -> String {
        let spare = self.spare_documents.lock().unwrap().pop();
        spare.expect("there are enough documents to delete")
    }

    /// What nobody hears who may not know of it.
    pub fn marks(&self) -> [&str; 10] {
        [
            &self.id,
            self.name,
            self.secret,
            &self.document,
            &self.task,
            &self.waiting,
            &self.source,
            &self.webhook_secret,
            &self.teller,
            &self.teller_secret,
        ]
    }
}

pub struct Bot {
    pub id: String,
    pub code: &'static str,
    pub api: Api,
    pub token: String,
}

#[derive(Clone)]
pub struct Person {
    pub user: String,
    pub telegram_id: i64,
}

/// What was deleted before any cell.
pub struct Gone {
    pub kb: Kb,
    pub bot: String,
    pub bot_code: &'static str,
    pub key: String,
}

impl Gone {
    pub async fn build(app: &TestApp, operator: &Api) -> Self {
        let key = json!({"name": "gone", "role": "reader"});
        let (_, key) = operator.post("/api-keys", &key).await;
        Self {
            kb: knowledge_base(app, "burnt-library", "obsidian").await,
            bot: operator.register_bot(GONE_BOT).await.0,
            bot_code: GONE_BOT,
            key: text(&key["api_key"]["id"]),
        }
    }

    /// When everybody is what they are in it.
    pub async fn delete(&self, world: &World) {
        let Self { kb, bot, key, .. } = self;
        let paths = [
            format!("/knowledge-bases/{}", kb.id),
            format!("/bots/{bot}"),
            format!("/api-keys/{key}"),
        ];
        for path in paths {
            let (status, reply) = world.operator.delete(&path).await;
            assert_eq!(status, 204, "{path}: {reply}");
        }
    }
}

impl Bot {
    /// What people may do at most who come through it.
    pub async fn let_do(&self, operator: &Api, role: &str) {
        let path = format!("/bots/{}", self.id);
        let (status, reply) = operator.patch(&path, &json!({ "max_role": role })).await;
        assert_eq!(status, 200, "{reply}");
    }

    pub async fn person(&self, telegram_id: i64) -> Person {
        Person {
            user: self.api.introduce(self.code, telegram_id).await,
            telegram_id,
        }
    }
}

pub async fn bot(operator: &Api, code: &'static str) -> Bot {
    let (id, api) = operator.register_bot(code).await;
    let (_, tokens) = operator.get(&format!("/bots/{id}/tokens")).await;
    let token = text(&tokens["items"][0]["id"]);
    Bot { id, code, api, token }
}

pub async fn knowledge_base(app: &TestApp, name: &'static str, secret: &'static str) -> Kb {
    let operator = Api::operator(app);
    let id = operator.knowledge_base(name).await;
    let first = format!("# Pumps\n\nThe pump says {secret}.\n");
    let mut files = vec![("a.md".to_owned(), first)];
    files.extend(
        (0..SPARE_DOCUMENTS).map(|n| (format!("spare-{n:02}.md"), format!("# Spare {n}\n\nText.\n"))),
    );
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let task = ingest(&operator, &id, archive(&files)).await;
    app.settled(task.parse().unwrap()).await;
    let (_, documents) = operator
        .get(&format!("/knowledge-bases/{id}/documents?limit=200"))
        .await;
    let documents = documents["items"].as_array().unwrap().iter();
    let mut documents: Vec<String> = documents.map(|document: &Value| text(&document["id"])).collect();
    assert_eq!(
        documents.iter().collect::<BTreeSet<_>>().len(),
        SPARE_DOCUMENTS + 1
    );
    Kb {
        id,
        name,
        secret,
        document: documents.remove(0),
        task,
        waiting: String::new(),
        source: String::new(),
        webhook_secret: String::new(),
        teller: String::new(),
        teller_secret: String::new(),
        spare_documents: Mutex::new(documents),
    }
}

async fn ingest(operator: &Api, kb: &str, bytes: Vec<u8>) -> String {
    let form = Form::new()
        .text("knowledge_base", kb.to_owned())
        .part("file", Part::bytes(bytes).file_name("docs.tar.gz"));
    let request = operator.request(Method::POST, "/ingestion/archives");
    let response = request.multipart(form).send().await.unwrap();
    assert_eq!(response.status(), 202);
    text(&response.json::<Value>().await.unwrap()["task_id"])
}
