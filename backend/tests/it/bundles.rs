//! Knowledge bases as files: exported here, imported there, found as before.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt as _;
use nexus_api::{ErrorCode, Passage, ProblemCode, RetrievalMode, TaskKind, TaskState};
use nexus_domain::{ContentHash, Format, LineRange, SourceKind, Timestamp};
use nexus_ingest::{
    BundleDocument, BundleManifest, BundlePassage, BundleReader, BundleSource, BundleWriter, Limits,
};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::api::{Api, code, text};
use crate::test_app::{KB, Setup, TestApp, empty_bundle};

const FILES: [(&str, &[u8]); 4] = [
    (
        "lamp.md",
        b"# Lamp\n\nThe lamp on the desk is turquoise.\n\n## Switch\n\nTurn the knob to the left.\n",
    ),
    ("ru/lampa.md", "# Лампа\n\nЛампа на столе бирюзовая.\n".as_bytes()),
    ("pump.md", b"# Pump\n\nThe pump runs at 40 bar.\n"),
    ("bad.md", b"\0\x01\x02\xff\xfe\0\0"),
];

/// Passages that the model of the tests can read: those in Latin script.
const READABLE: u64 = 2;

/// Exports the knowledge base into a file of the application's folder.
async fn exported(app: &TestApp) -> PathBuf {
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    let mut pieces = pin!(app.client.export_knowledge_base(kb.id).await.unwrap());
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    let path = app.data.path().join("handbook.kb.jsonl.zst");
    std::fs::write(&path, bytes).unwrap();
    path
}

async fn imported(app: &TestApp, path: &Path) -> nexus_api::Task {
    let accepted = app
        .client
        .import_knowledge_base(path, None, |_| {})
        .await
        .unwrap();
    let task = app.settled(accepted.task_id).await;
    assert_eq!(task.kind, TaskKind::ImportKb);
    task
}

/// What people see of a hit, ids and times apart.
fn shown(hits: &[Passage]) -> Vec<(String, String, Vec<String>, u32, String)> {
    hits.iter()
        .map(|hit| {
            (
                hit.document_path.clone(),
                hit.text.clone(),
                hit.heading_path.clone(),
                hit.lines.first,
                format!("{:.5}", hit.score),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knowledge_base_is_found_elsewhere_as_it_was_and_nothing_is_embedded_again() {
    let here = TestApp::start().await;
    here.ingest(&FILES).await;
    here.quiet().await;
    let path = exported(&here).await;

    let there = TestApp::start().await;
    let task = imported(&there, &path).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    assert_eq!(task.counts.documents_indexed, 3);
    assert_eq!(task.counts.chunks_from_cache, READABLE);
    assert_eq!(task.counts.chunks_embedded, 0);
    assert_eq!(there.embedder.as_ref().unwrap().embedded().len(), 0);
    there.quiet().await;
    for query in ["turquoise desk", "бирюзовая лампа", "pump bar", "knob"] {
        for mode in [
            RetrievalMode::Lexical,
            RetrievalMode::Dense,
            RetrievalMode::Hybrid,
        ] {
            let (a, b) = (here.search(query, mode).await, there.search(query, mode).await);
            assert!(!a.is_empty() || mode == RetrievalMode::Dense, "{query}");
            assert_eq!(shown(&a), shown(&b), "{query} by {mode:?}");
        }
    }
    let (a, b) = (
        here.client.find_knowledge_base(KB).await.unwrap().unwrap(),
        there.client.find_knowledge_base(KB).await.unwrap().unwrap(),
    );
    assert_eq!(
        (a.documents, a.chunks, a.embedded_chunks),
        (b.documents, b.chunks, b.embedded_chunks)
    );

    // The same files again change nothing; and its name is taken now.
    let again = there.ingest(&FILES).await;
    assert_eq!(
        (again.counts.documents_unchanged, again.counts.documents_indexed),
        (3, 0)
    );
    let taken = there
        .client
        .import_knowledge_base(&path, None, |_| {})
        .await
        .unwrap_err();
    assert_eq!(taken.code(), Some(ErrorCode::AlreadyExists));
    let other = there
        .client
        .import_knowledge_base(&path, Some("second"), |_| {})
        .await
        .unwrap();
    let task = there.settled(other.task_id).await;
    assert_eq!(
        (task.state, task.counts.chunks_embedded),
        (TaskState::Succeeded, 0)
    );
    there.end().await;
    here.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_computes_its_own_vectors() {
    let here = TestApp::start().await;
    here.ingest(&FILES).await;
    here.quiet().await;
    let path = exported(&here).await;
    let there = TestApp::with(Setup {
        model: Some("fake-2"),
        ..Setup::default()
    })
    .await;
    let task = imported(&there, &path).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    assert_eq!(task.counts.chunks_embedded, READABLE);
    assert_eq!(there.found("turquoise desk").await[0], "lamp.md");
    there.end().await;
    here.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vectors_of_people_who_are_no_administrators_are_not_believed() {
    let here = TestApp::start().await;
    here.ingest(&FILES).await;
    here.quiet().await;
    let path = exported(&here).await;
    let operator = Api::operator(&here);
    let (status, key) = operator
        .post("/api-keys", &json!({"name": "editor", "role": "editor"}))
        .await;
    assert_eq!(status, 201, "{key}");
    let editor = operator.with(&text(&key["key"]));
    let (status, refused) = editor
        .get(&format!("/knowledge-bases/{}/export", operator_kb(&here).await))
        .await;
    assert!(status == 403 || status == 404, "{refused}");

    let there = TestApp::start().await;
    let operator = Api::operator(&there);
    let (_, key) = operator
        .post("/api-keys", &json!({"name": "editor", "role": "editor"}))
        .await;
    let editor = operator.with(&text(&key["key"]));
    let file = Part::bytes(std::fs::read(&path).unwrap()).file_name("handbook.kb.jsonl.zst");
    let request = editor.request(Method::POST, "/knowledge-bases/import");
    let response = request
        .multipart(Form::new().part("file", file))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let accepted: nexus_api::ImportAccepted = response.json().await.unwrap();
    let task = there.settled(accepted.task_id).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    assert_eq!(task.counts.chunks_embedded, READABLE);
    there.end().await;
    here.end().await;
}

async fn operator_kb(app: &TestApp) -> uuid::Uuid {
    app.client.find_knowledge_base(KB).await.unwrap().unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_come_along_without_their_secrets() {
    let app = TestApp::start().await;
    app.ingest(&FILES).await;
    let operator = Api::operator(&app);
    let body = json!({
        "knowledge_base": KB, "source": "guide", "url": "https://guide.example.org/book.git",
        "credential": {"user": "anna", "token": "a-token-that-nobody-else-has"},
        "schedule": {"cron": "0 3 * * *", "time_zone": "Europe/Moscow"},
    });
    let (status, accepted) = operator.post("/ingestion/git", &body).await;
    assert_eq!(status, 202, "{accepted}");
    let cancel = format!("/ingestion/tasks/{}/cancel", text(&accepted["task_id"]));
    operator.post(&cancel, &json!(null)).await;
    app.settled(text(&accepted["task_id"]).parse().unwrap()).await;
    let path = exported(&app).await;
    let packed = std::fs::read(&path).unwrap();
    let plain = String::from_utf8(zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    assert!(plain.contains("https://guide.example.org/book.git") && plain.contains("Europe/Moscow"));
    assert!(!plain.contains("a-token-that-nobody-else-has") && !plain.contains("anna"));
    assert!(plain.ends_with("}\n") && plain.lines().last().unwrap().contains("\"end\""));

    let there = TestApp::start().await;
    let task = imported(&there, &path).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    let problems = there.client.problems(task.id, None).await.unwrap().items;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].code, ProblemCode::AccessDenied);
    let sources = there
        .client
        .sources(operator_kb(&there).await)
        .await
        .unwrap()
        .items;
    let guide = sources.iter().find(|source| source.name == "guide").unwrap();
    let remote = guide.remote.as_ref().unwrap();
    assert_eq!(remote.url, "https://guide.example.org/book.git");
    assert!(guide.schedule.is_none() && !guide.has_credential);
    there.end().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_export_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let send = async |bytes: Vec<u8>, name: &str| {
        let file = Part::bytes(bytes).file_name("x.kb.jsonl.zst");
        let form = Form::new().text("name", name.to_owned()).part("file", file);
        let request = operator.request(Method::POST, "/knowledge-bases/import");
        let response = request.multipart(form).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<serde_json::Value>().await.unwrap())
    };
    let reply = send(b"PK\x03\x04 no export".to_vec(), "one").await;
    assert_eq!((reply.0, code(&reply)), (422, "validation_failed"), "{reply:?}");
    let reply = send(empty_bundle("x"), "a/b").await;
    assert_eq!((reply.0, code(&reply)), (422, "validation_failed"), "{reply:?}");
    assert_eq!(
        app.client.knowledge_bases(None).await.unwrap().items.len(),
        0,
        "nothing was made"
    );

    app.ingest(&FILES).await;
    let whole = std::fs::read(exported(&app).await).unwrap();
    let plain = String::from_utf8(zstd::decode_all(whole.as_slice()).unwrap()).unwrap();
    let kept: Vec<&str> = plain.lines().take(plain.lines().count() - 1).collect();
    let cut = zstd::encode_all(kept.join("\n").as_bytes(), 1).unwrap();
    assert!(BundleReader::open(cut.as_slice(), &Limits::default()).is_ok());
    let (status, accepted) = send(cut, "cut").await;
    assert_eq!(status, 202, "{accepted}");
    let task = app.settled(text(&accepted["task_id"]).parse().unwrap()).await;
    assert_eq!(task.state, TaskState::Failed);
    assert_eq!(task.error.unwrap().code, "truncated");
    let left = app.client.find_knowledge_base("cut").await.unwrap().unwrap();
    assert_eq!(left.documents, 0, "of a part, nothing comes in");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knowledge_base_whose_import_failed_goes_and_frees_its_name() {
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_WORKER_SWEEP_SECONDS", "1".to_owned())],
        ..Setup::default()
    })
    .await;
    let path = app.data.path().join("cut.kb.jsonl.zst");
    let whole = empty_bundle("cut");
    let plain = String::from_utf8(zstd::decode_all(whole.as_slice()).unwrap()).unwrap();
    let manifest = format!("{}\n", plain.lines().next().unwrap());
    std::fs::write(&path, zstd::encode_all(manifest.as_bytes(), 1).unwrap()).unwrap();
    let task = imported(&app, &path).await;
    assert_eq!(task.error.unwrap().code, "truncated");
    assert!(
        app.client.find_knowledge_base("cut").await.unwrap().is_some(),
        "whoever waits for it can read why"
    );
    app.clock.advance(Duration::from_secs(24 * 3_600 + 1));
    let gone = async {
        while app.client.find_knowledge_base("cut").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone)
        .await
        .expect("a sweep removes it");
    std::fs::write(&path, whole).unwrap();
    let task = imported(&app, &path).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_address_is_refused_comes_with_its_documents_and_a_reason() {
    let app = TestApp::start().await;
    let mut bytes = Vec::new();
    let manifest = BundleManifest {
        name: KB.to_owned(),
        description: String::new(),
        exported_at: Timestamp::from_micros(0),
        lexical_average_milli: 0,
        model: None,
        documents: 1,
        passages: 1,
    };
    let mut bundle = BundleWriter::new(&mut bytes, manifest).unwrap();
    let remote = json!({"kind": "git", "url": "https://10.0.0.7/book.git"});
    let schedule = json!({"cron": "0 3 * * *", "time_zone": "UTC"});
    bundle
        .source(BundleSource {
            kind: SourceKind::Git,
            name: "guide".to_owned(),
            remote: Some(serde_json::from_value(remote).unwrap()),
            schedule: Some(serde_json::from_value(schedule).unwrap()),
            had_credential: false,
        })
        .unwrap();
    let text = "The lamp on the desk is turquoise.";
    bundle
        .document(BundleDocument {
            path: "lamp.md".to_owned(),
            title: "Lamp".to_owned(),
            format: Format::Markdown,
            size_bytes: text.len() as u64,
            content_hash: ContentHash::of(text.as_bytes()),
            fingerprint: None,
            link: None,
            passages: vec![BundlePassage {
                text: text.to_owned(),
                heading_path: Vec::new(),
                lines: LineRange { first: 1, last: 1 },
                pages: None,
                anchor: None,
                vector: None,
            }],
        })
        .unwrap();
    bundle.finish().unwrap();
    let path = app.data.path().join("refused.kb.jsonl.zst");
    std::fs::write(&path, bytes).unwrap();
    let task = imported(&app, &path).await;
    assert_eq!(
        (task.state, task.counts.documents_indexed),
        (TaskState::Succeeded, 1),
        "{:?}",
        task.error
    );
    let problems = app.client.problems(task.id, None).await.unwrap().items;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].code, ProblemCode::AddressRefused);
    for part in ["guide", "10.0.0.7", "not synced"] {
        assert!(problems[0].message.contains(part), "{problems:?}");
    }
    let sources = app.client.sources(operator_kb(&app).await).await.unwrap().items;
    assert!(
        sources[0].remote.is_none() && sources[0].schedule.is_none(),
        "{sources:?}"
    );
    assert_eq!(app.found("turquoise desk").await, ["lamp.md"]);
    app.end().await;
}
