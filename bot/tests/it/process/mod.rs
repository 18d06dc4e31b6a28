//! The whole process between a scripted Telegram and a scripted backend, both of which hold state behind HTTP.
#![expect(
    clippy::unwrap_used,
    reason = "what breaks in a scripted world is a failed test"
)]

mod backend;
mod deliveries;
mod files;
mod lease;
mod polling;
mod signatures;
mod telegram;
mod traces;
mod webhooks;

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_api::{AnswerLanguage, ChatKind, Content, Delivery, Keyboard, Priority};
use nexus_bot::config::Config;
use nexus_bot::{RunError, run};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use backend::Backend;
use telegram::Telegram;

const PATIENCE: Duration = Duration::from_secs(20);

/// Both worlds around a process.
struct World {
    backend: Backend,
    telegram: Telegram,
}

/// A process, run within the test.
struct Process {
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

impl World {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            backend: Backend::start().await,
            telegram: Telegram::start().await,
        }
    }

    fn config(&self) -> Config {
        self.config_with(&[])
    }

    fn config_with(&self, more: &[(&str, &str)]) -> Config {
        let settings = [
            ("NEXUS_BOT_TOKEN", "42:secret"),
            ("NEXUS_BOT_SERVICE_TOKEN", "service-token"),
            ("NEXUS_BACKEND_URL", &self.backend.address),
            ("NEXUS_BOT_API_URL", &self.telegram.address),
            ("NEXUS_BOT_LEASE_SECONDS", "2"),
            ("NEXUS_BOT_CHAT_PER_SECOND", "100"),
            ("NEXUS_BOT_GROUP_PER_MINUTE", "1000"),
            ("NEXUS_BOT_PER_SECOND", "1000"),
            ("NEXUS_BOT_PREVIEW_MILLISECONDS", "100"),
        ];
        let environment: BTreeMap<String, String> = settings
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut config = Config::from_environment(&environment).unwrap();
        config.poll_wait = Duration::from_secs(1);
        config.delivering.wait = Duration::from_secs(1);
        config.standby = Duration::from_millis(50);
        config.disabled = Duration::from_millis(50);
        config
    }

    fn start(&self) -> Process {
        Process::start(self.config())
    }
}

impl Process {
    fn start(config: Config) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { run(config, &stopped).await });
        Self { stop, task }
    }

    /// Asks it to stop, and waits for its orderly end.
    async fn stop(self) {
        self.stop.cancel();
        let end = tokio::time::timeout(PATIENCE, self.task).await;
        end.expect("it ends in time").expect("it does not panic").unwrap();
    }

    async fn end(self) -> RunError {
        let end = tokio::time::timeout(PATIENCE, self.task).await;
        end.expect("it ends in time")
            .expect("it does not panic")
            .unwrap_err()
    }
}

/// Waits until something holds of a state that tells of its changes.
async fn until<T>(changes: &watch::Sender<u64>, mut look: impl FnMut() -> Option<T>) -> T {
    let mut changed = changes.subscribe();
    let wait = async {
        loop {
            changed.borrow_and_update();
            if let Some(seen) = look() {
                return seen;
            }
            changed.changed().await.expect("the world outlives the test");
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("it happens in time")
}

/// A question in a private chat, as Telegram tells it.
fn question(update_id: i64, chat: i64, text: &str) -> Value {
    json!({
        "update_id": update_id,
        "message": {
            "message_id": update_id + 1_000, "date": 0, "text": text,
            "chat": {"id": chat, "type": "private", "first_name": "Анна"},
            "from": {"id": chat, "is_bot": false, "first_name": "Анна", "language_code": "ru"},
        },
    })
}

/// A delivery to a private chat.
fn delivery(chat: i64, content: Option<Content>) -> Delivery {
    Delivery {
        id: Uuid::new_v4(),
        lease: Uuid::new_v4(),
        message_id: Uuid::new_v4(),
        priority: Priority::Answer,
        telegram_chat_id: chat,
        chat_kind: if chat < 0 {
            ChatKind::Supergroup
        } else {
            ChatKind::Private
        },
        topic_id: None,
        reply_to_message_id: None,
        language: AnswerLanguage::En,
        parts: Vec::new(),
        content,
        attempts: 0,
        update_id: Some(1),
        trace_id: "trace-1".to_owned(),
        created_at: chrono::DateTime::UNIX_EPOCH,
    }
}

fn text(text: &str) -> Content {
    Content::Text {
        text: text.to_owned(),
        keyboard: Keyboard::default(),
    }
}
