//! Traces of the real program: a collector receives what an update of Telegram has caused, under one id that also stands in
//! the answer's row, in the log and in error envelopes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nexus_client::{Client, ClientConfig, Upload, UploadTarget};
use nexus_models::chat_stand_in::{ChatStandIn, Play};
use nexus_telemetry::collector::{Collector, Seen};
use nexus_telemetry::trace_of_update;
use serde_json::{Value, json};

use crate::api::{Api, text};
use crate::bot_process::{ANNA, GUIDE, Process, QUESTION};
use crate::test_app::{KB, KEY, archive};

const PATIENCE: Duration = Duration::from_secs(60);
/// Of the bot's span that passes an update on.
const BOT_SPAN: &str = "00f067aa0ba902b7";

/// `nexus serve` in a folder.
struct Nexus {
    child: tokio::process::Child,
    client: Client,
}

impl Nexus {
    async fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_nexus"))
            .arg("serve")
            .current_dir(folder)
            .env_clear()
            .env("NEXUS_DATA_DIR", folder)
            .env("NEXUS_LISTEN", address.to_string())
            .env("NEXUS_ADMIN_KEY", KEY)
            .env("NEXUS_MODELS_ENABLED", "false")
            .envs(settings.iter().copied())
            .kill_on_drop(true)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let base = format!("http://{address}").parse().unwrap();
        let client = Client::new(ClientConfig::new(base, KEY.to_owned().into())).unwrap();
        let ready = async {
            while client.readiness().await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.unwrap();
        Self { child, client }
    }

    async fn ingest(&self, folder: &Path) {
        let kb = self.client.find_or_create_knowledge_base(KB).await.unwrap();
        let path = folder.join("upload");
        std::fs::write(&path, archive(&[("guide.md", GUIDE.as_bytes())])).unwrap();
        let upload = Upload {
            target: UploadTarget::Archive,
            path,
            file_name: "guide.tar.gz".to_owned(),
            source: None,
            knowledge_base: kb.id.to_string(),
        };
        let task = self.client.upload(&upload, |_| {}).await.unwrap().task_id;
        let mut events = self.client.task_events(task);
        while let Some(task) = events.next().await {
            task.unwrap();
        }
    }

    /// Asks it to end, and waits until it has.
    async fn stop(mut self) {
        let pid = self.child.id().unwrap().to_string();
        let told = std::process::Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.unwrap().success());
        let end = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(end.unwrap().unwrap().success(), "it ends in order");
    }
}

fn named<'s>(spans: &'s [Seen], name: &str) -> &'s Seen {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        panic!("no {name} in {names:?}")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_a_chat_is_one_trace_from_the_update_to_the_model_and_the_store() {
    let collector = Collector::start().await.unwrap();
    let model = ChatStandIn::start([Play::says("Run `gateway_update` once a month [1].")]).await;
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, url) = (collector.endpoint(), model.url());
    let settings = [
        ("NEXUS_OTLP_ENDPOINT", endpoint.as_str()),
        ("NEXUS_CHAT_URL", url.as_str()),
        ("NEXUS_CHAT_MODEL", "writer-1"),
        ("NEXUS_CHAT_KEY", "chat-key"),
    ];
    let nexus = Nexus::start(folder.path(), &settings).await;
    nexus.ingest(folder.path()).await;
    let operator = Api::at(nexus.client.base()).with(KEY);
    let (id, bot) = operator.register_bot("docs").await;
    let kb = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
    let opened = operator
        .put(&format!("/knowledge-bases/{kb}/bots/{id}"), &json!({}))
        .await;
    assert!(opened.0 < 300, "{opened:?}");
    // A bot's process, which says of the update in whose trace it is.
    let trace = trace_of_update("docs", 1);
    let parent = format!("00-{trace}-{BOT_SPAN}-01");
    let mut process = Process::start(&bot).await;
    process.api = bot.header("x-request-id", &trace).header("traceparent", &parent);
    process.asks(ANNA, QUESTION).await;
    process.api = bot.clone();
    let answer = process.delivered().await;
    assert_eq!(answer["trace_id"], trace);
    let answer_id = text(&answer["content"]["answer"]["id"]).parse().unwrap();
    let kept = nexus.client.kept_answer(answer_id).await.unwrap();
    assert_eq!(kept.trace_id.as_deref(), Some(trace.as_str()));
    assert_eq!(kept.generation.model.as_deref(), Some("writer-1"));

    // Of a request without an id of its own, the trace is its id: also where it fails.
    let other = "4bf92f3577b34da6a3ce929d0e0e4736";
    let failing = operator.header("traceparent", format!("00-{other}-{BOT_SPAN}-00"));
    let (status, error) = failing.get("/answers/no-id").await;
    assert_eq!((status, &error["error"]["request_id"]), (404, &json!(other)));
    nexus.stop().await;

    let spans = collector.trace(&trace);
    let stored = named(&spans, "POST /api/v1/bots/{code}/updates");
    assert_eq!(
        (stored.parent.as_str(), stored.attribute("status")),
        (BOT_SPAN, Some("202"))
    );
    assert_eq!(stored.attribute("request_id"), Some(trace.as_str()));
    let update = named(&spans, "update");
    assert_eq!(
        (update.attribute("update_id"), update.service.as_str()),
        (Some("1"), "nexus")
    );
    let question = named(&spans, "question");
    assert_eq!(
        (&question.parent, question.attribute("found")),
        (&update.id, Some("true"))
    );
    for part in ["retrieve.lexical", "fuse", "hydrate", "model", "verify"] {
        assert_eq!(named(&spans, part).parent, question.id, "{part}");
    }
    assert_eq!(named(&spans, "model.request").parent, named(&spans, "model").id);
    assert!(
        spans
            .iter()
            .any(|span| span.name == "store.commit" && span.parent == update.id)
    );
    assert!(
        spans
            .iter()
            .any(|span| span.name == "store.commit" && span.parent == stored.id)
    );
    let failed = collector.trace(other);
    assert_eq!(
        named(&failed, "GET /api/v1/answers/{id}").attribute("status"),
        Some("404")
    );
    // An upload's request and the task that reads it.
    let all = collector.spans();
    let upload = named(&all, "POST /api/v1/ingestion/archives");
    let of_upload = collector.trace(&upload.trace);
    let task = named(&of_upload, "task");
    assert_eq!(task.attribute("kind"), Some("ingest_upload"));
    assert_eq!(named(&of_upload, "task.stage").parent, task.id);

    let sent = format!("{all:?}");
    for secret in [
        "gateway", "firmware", "Анна", "writer-1", "chat-key", KEY, KB, "guide",
    ] {
        assert!(!sent.contains(secret), "a span tells {secret:?}");
    }
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told: Vec<Value> = lines
        .filter(|line| line["spans"][0]["request_id"] == json!(trace))
        .collect();
    assert!(told.iter().any(|line| line["message"] == "answered"), "{log}");
    assert!(
        !log.contains("store.commit"),
        "spans for traces alone are in no line"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    // Takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let nexus = Nexus::start(
        folder.path(),
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())],
    )
    .await;
    nexus.ingest(folder.path()).await;
    let operator = Api::at(nexus.client.base()).with(KEY);
    for _ in 0..20 {
        let began = std::time::Instant::now();
        let (status, answer) = operator
            .post("/rag/query", &json!({ "question": QUESTION }))
            .await;
        assert_eq!((status, &answer["found"]), (200, &json!(true)), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    let (connected, _) = tokio::time::timeout(PATIENCE, silent.accept())
        .await
        .unwrap()
        .unwrap();
    nexus.stop().await;
    drop(connected);
}
