//! Questions that were refused: whoever asked is told once when a knowledge base comes to hold an answer, and nobody who may
//! not know it or does not want to.

mod gaps;
mod many;
mod set;
mod told;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_api::TaskState;
use nexus_client::{Upload, UploadTarget};
use nexus_domain::{Clock as _, Embedder};
use nexus_storage::{Db, DbOptions};
use serde_json::{Value, json};

use crate::api::{Api, text};
use crate::bot_process::Process;
use crate::test_app::{Setup, TestApp, archive};

/// How long a worker may take to look at all that is due.
const PATIENCE: Duration = Duration::from_secs(300);
const GUIDE: (&str, &[u8]) = (
    "guide.md",
    b"# Gateway\n\nThe firmware is updated with `gateway_update` once a month.\n",
);
const QUESTION: &str = "Which cable does the Borealis pump need?";
const ANSWER: (&str, &[u8]) = (
    "pump.md",
    b"# Borealis pump\n\nThe Borealis pump needs a shielded cable of type K7.\n",
);

/// An application, a bot, and a look at what stands.
struct World {
    app: TestApp,
    operator: Api,
    bot: Process,
    token: String,
    kb: String,
    db: Db,
    restarts: u32,
}

fn settings(more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let own = [
        ("NEXUS_STANDING_SETTLE_SECONDS", "0".to_owned()),
        // One threshold from beginning to end.
        ("NEXUS_ANSWERS_CALIBRATION_SECONDS", "0".to_owned()),
    ];
    own.into_iter().chain(more.iter().cloned()).collect()
}

async fn opened(data: &Path) -> Db {
    let url = format!("sqlite:{}", data.join("nexus.db").display());
    Db::connect(&url, DbOptions::default()).await.unwrap()
}

impl World {
    /// The knowledge base is open to whoever comes through the bot.
    async fn open_to_all(more: &[(&'static str, String)]) -> Self {
        Self::open_with(more, None).await
    }

    /// By words alone without a model.
    async fn open_with(more: &[(&'static str, String)], model: Option<Arc<dyn Embedder>>) -> Self {
        let world = Self::start(more, model).await;
        let (_, bots) = world.operator.get("/bots").await;
        let path = format!(
            "/knowledge-bases/{}/bots/{}",
            world.kb,
            text(&bots["items"][0]["id"])
        );
        assert!(world.operator.put(&path, &json!({})).await.0 < 300);
        world
    }

    async fn start(more: &[(&'static str, String)], model: Option<Arc<dyn Embedder>>) -> Self {
        let app = TestApp::with(Setup {
            settings: settings(more),
            lexical_only: model.is_none(),
            own_model: model,
            ..Setup::default()
        })
        .await;
        app.ingest(&[GUIDE]).await;
        let operator = Api::operator(&app);
        let (id, api) = operator.register_bot("docs").await;
        let issued = operator
            .post(&format!("/bots/{id}/tokens"), &json!({"name": "again"}))
            .await;
        let kb = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
        Self {
            bot: Process::start(&api).await,
            db: opened(app.data.path()).await,
            app,
            operator,
            token: text(&issued.1["token"]),
            kb,
            restarts: 0,
        }
    }

    /// The server is stopped in the midst of its work and started anew; the bot's process, too.
    async fn restart(self, more: &[(&'static str, String)]) -> Self {
        let restarts = self.restarts + 1;
        self.db.close().await;
        let data = self.app.stop_now().await;
        let app = TestApp::with(Setup {
            settings: settings(more),
            lexical_only: true,
            data: Some(data),
            // Later than whatever was before.
            later: Duration::from_secs(u64::from(restarts) * 3_600),
            ..Setup::default()
        })
        .await;
        let operator = Api::operator(&app);
        let mut bot = Process::start(&operator.with(&self.token)).await;
        (bot.updates, bot.messages) = (self.bot.updates, self.bot.messages + 10_000);
        Self {
            db: opened(app.data.path()).await,
            app,
            operator,
            bot,
            restarts,
            ..self
        }
    }

    async fn refused(&mut self, person: i64, question: &str) -> Value {
        self.bot.asks(person, question).await;
        let answer = self.bot.delivered().await;
        assert_eq!(
            answer["content"]["answer"]["found"], false,
            "{question}: {answer}"
        );
        answer
    }

    /// Waits until nothing is left to look at, and nobody looks.
    async fn looked(&self) {
        let quiet = async {
            let mut rounds = 0;
            while rounds < 3 {
                self.app.quiet().await;
                let now = self.app.clock.now();
                let due = self.db.standing_questions().due_kbs(now, now, 10).await.unwrap();
                let looks = self.db.standing_questions().looks().await.unwrap();
                rounds = if due.is_empty() && looks == 0 {
                    rounds + 1
                } else {
                    0
                };
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, quiet)
            .await
            .expect("the worker looks at all that is due");
    }

    /// Everything that waits, delivered.
    async fn told(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let (status, batch) = self.bot.poll(0).await;
            assert_eq!(status, 200, "{batch}");
            let batch = batch["items"].as_array().unwrap().clone();
            if batch.is_empty() {
                return told;
            }
            for delivery in batch {
                if delivery["parts"].as_array().unwrap().is_empty() {
                    self.bot.place(&delivery).await;
                }
                self.bot.sent(&delivery, 1).await;
                told.push(delivery);
            }
        }
    }

    /// Documents come as a source of their own: what was there stays.
    async fn added(&self, name: &str, files: &[(&str, &[u8])]) {
        self.added_to(&self.kb, name, files).await;
    }

    async fn added_to(&self, kb: &str, name: &str, files: &[(&str, &[u8])]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, archive(files)).unwrap();
        let upload = Upload {
            target: UploadTarget::Archive,
            path,
            file_name: name.to_owned(),
            source: None,
            knowledge_base: kb.to_owned(),
        };
        let task = self.app.client.upload(&upload, |_| {}).await.unwrap().task_id;
        let task = self.app.settled(task).await;
        assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    }

    async fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.db.standing_questions().counts().await.unwrap();
        counts
            .into_iter()
            .map(|(state, count)| (state.as_str(), count))
            .collect()
    }

    async fn end(self) {
        self.db.close().await;
        self.app.end().await;
    }
}

fn question_of(delivery: &Value) -> String {
    text(&delivery["content"]["asked_before"])
}
