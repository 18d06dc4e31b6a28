//! Sources that are fetched, from nowhere: of repositories that are not there, and of a port of this machine that nobody
//! listens at.

use nexus_domain::{
    Clock as _, GitRemote, PathFilter, Problem, ProblemCode, Remote, Source, SourceId, SourceKind, SyncState,
    TaskPayload, TaskState,
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::api::{hmac, text};
use crate::requests::Stage;
use crate::table::Target;
use crate::things::Kb;
use crate::world::World;

const WEBHOOK: &str = r#"{"ref":"refs/heads/main"}"#;

impl World {
    /// A source of a knowledge base that nobody has synced; `word` stands in its name and in its address. Its row alone: a
    /// request would start a sync besides.
    pub async fn remote_source(&self, kb: &str, word: &str) -> String {
        let now = self.app.clock.now();
        let remote = Remote::Git(GitRemote {
            url: format!("file:///nowhere/{word}.git"),
            branch: None,
            folder: None,
            filter: PathFilter::default(),
        });
        let source = Source {
            id: SourceId::new(now),
            kb_id: kb.parse().unwrap(),
            kind: SourceKind::Git,
            name: format!("manual of {word}"),
            remote: Some(remote),
            schedule: None,
            next_sync_at: None,
            sync: SyncState::default(),
            has_credential: false,
            has_webhook: false,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.db.begin().await.unwrap();
        let stored = tx.sources().find_or_create(&source).await.unwrap();
        tx.commit().await.unwrap();
        stored.id.to_string()
    }

    /// A source of this knowledge base, and what its webhooks are signed with.
    pub async fn hooked_source(&self, kb: &Kb) -> (String, String) {
        let source = self.remote_source(&kb.id, kb.secret).await;
        let secret = self.webhook_secret(&kb.id, &source).await;
        (source, secret)
    }

    /// A new one; an earlier one of the source is good for nothing any more.
    pub async fn webhook_secret(&self, kb: &str, source: &str) -> String {
        let path = format!("/knowledge-bases/{kb}/sources/{source}/webhook");
        let (status, issued) = self.operator.post(&path, &json!({})).await;
        assert_eq!(status, 201, "{issued}");
        text(&issued["secret"])
    }

    /// What a webhook about this is signed with.
    pub fn signs(&self, path: &str, target: Target) -> Option<String> {
        let kb = match target {
            Target::Unsigned => return None,
            Target::Another => &self.theirs,
            target => self.kb(target),
        };
        let is_told = path == "/webhooks/n8n";
        Some(
            if is_told {
                &kb.teller_secret
            } else {
                &kb.webhook_secret
            }
            .clone(),
        )
    }

    /// A webhook of a source of its own, rightly signed.
    pub async fn fresh_webhook(&self, stage: Stage) -> Stage {
        let kb = self
            .operator
            .knowledge_base(&format!("fresh-{}", self.next()))
            .await;
        let source = self.remote_source(&kb, "fresh").await;
        let secret = self.webhook_secret(&kb, &source).await;
        Stage {
            webhook_secret: Some(secret),
            ..stage.on(source)
        }
    }

    /// A sync that is over, and has met a file that it could not read.
    pub async fn task_with_problems(&self, kb: &str) -> String {
        let source = self.remote_source(kb, "fresh").await;
        let payload = TaskPayload::SyncSource {
            source_id: source.parse().unwrap(),
            dry_run: false,
            accept_removals: false,
            again: None,
        };
        let task = self.task(Some(kb), payload, TaskState::Succeeded);
        let problem = Problem {
            path: Some("b.md".to_owned()),
            code: ProblemCode::Unreachable,
            message: "nobody answers".to_owned(),
        };
        let mut tx = self.db.begin().await.unwrap();
        tx.tasks().enqueue(&task).await.unwrap();
        let now = self.app.clock.now();
        tx.tasks().add_problems(task.id, &[problem], now).await.unwrap();
        tx.commit().await.unwrap();
        task.id.to_string()
    }
}

/// What is sent to operations about sources; `None` where nothing is.
pub fn source_body(stage: &Stage, path: &str) -> Option<Value> {
    Some(match path {
        "/ingestion/git" => json!({"knowledge_base": stage.name, "url": "file:///nowhere/new.git"}),
        "/ingestion/web" => json!({"knowledge_base": stage.id, "url": "https://127.0.0.1:1/docs/"}),
        "/ingestion/wiki" => {
            json!({"knowledge_base": stage.id, "engine": "mediawiki", "url": "https://127.0.0.1:1/w/api.php"})
        }
        "/knowledge-bases/{id}/sources/{source_id}/sync" => json!({}),
        _ => return None,
    })
}

pub fn new_schedule() -> Value {
    json!({"schedule": {"cron": "30 4 * * *", "time_zone": "Europe/Moscow"}})
}

/// As forges sign what they send.
pub fn signed(request: RequestBuilder, stage: &Stage) -> RequestBuilder {
    let request = request.header("content-type", "application/json").body(WEBHOOK);
    match &stage.webhook_secret {
        Some(secret) => {
            let tag = hex::encode(hmac(secret.as_bytes(), WEBHOOK.as_bytes()));
            request.header("x-hub-signature-256", format!("sha256={tag}"))
        }
        None => request,
    }
}
