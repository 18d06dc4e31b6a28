//! What a sync must not lose or leak: documents of a source that is suddenly empty, pages of an export that cannot be read,
//! requests that say something else, uploads behind a slow site.

use std::time::Duration;

use nexus_api::{IngestGit, IngestWeb, ProblemCode, StartSync, TaskAccepted, TaskState};
use serde_json::{Value, json};

use crate::repository::{Repo, done};
use crate::site::{self, Site};
use crate::test_app::{KB, KEY, Setup, TestApp, archive};

fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

fn web(site: &Site) -> IngestWeb {
    IngestWeb {
        knowledge_base: KB.to_owned(),
        source: Some("site".to_owned()),
        url: site.url(),
        ..IngestWeb::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_suddenly_empty_keeps_its_documents_until_somebody_accepts_it() {
    let site = Site::start().await;
    let links: String = (0..12).map(|n| format!("<a href=/p{n}>p{n}</a> ")).collect();
    site.write("/", &format!("<title>Start</title><p>Welcome {links}"));
    for n in 0..12 {
        site.write(
            &format!("/p{n}"),
            &format!("<title>P{n}</title><p>Marigold number{n}."),
        );
    }
    let app = site::app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_web(&web(&site)).await.unwrap();
    assert_eq!(done(&app, &accepted).await.counts.documents_indexed, 13);

    // A login page in the place of everything.
    site.write("/", "<title>Sign in</title><p>Who are you?");
    for n in 0..12 {
        site.delete(&format!("/p{n}"));
    }
    let sync = async |options: StartSync| {
        let (kb, id) = (accepted.knowledge_base_id, accepted.source_id);
        let started = app.client.sync_source(kb, id, options).await.unwrap();
        done(&app, &started).await
    };
    for _ in 0..2 {
        let task = sync(StartSync::default()).await;
        assert_eq!(task.counts.documents_removed, 0, "{:?}", task.counts);
        let problems = app.client.problems(task.id, None).await.unwrap().items;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].code, ProblemCode::RemovalsHeld);
        assert!(problems[0].message.contains("12 of 13"), "{problems:?}");
        assert_eq!(app.found("number7").await[0], "p7.html");
    }
    let plan = sync(StartSync {
        dry_run: true,
        ..StartSync::default()
    });
    assert_eq!(
        plan.await.plan.unwrap().remove,
        12,
        "a dry run says what would go"
    );
    let accepts = StartSync {
        accept_removals: true,
        ..StartSync::default()
    };
    assert_eq!(sync(accepts).await.counts.documents_removed, 12);
    assert!(app.found("marigold").await.is_empty());

    // A few pages that go are gone.
    site.write("/", "<title>Start</title><p><a href=/a>a</a> <a href=/b>b</a>");
    site.write("/a", "<title>A</title><p>Cornflower.");
    site.write("/b", "<title>B</title><p>Poppy.");
    sync(StartSync::default()).await;
    site.delete("/b");
    assert_eq!(sync(StartSync::default()).await.counts.documents_removed, 1);
    assert!(app.found("poppy").await.is_empty());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_passes_a_site_that_is_slow() {
    let site = Site::start().await;
    site.write("/", "<title>Start</title><p><a href=/a>a</a>");
    site.write("/a", "<title>A</title><p>A slow iris.");
    site.pause(Duration::from_secs(3));
    let app = site::app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_web(&web(&site)).await.unwrap();
    let running = async {
        while app.client.task(accepted.task_id).await.unwrap().state != TaskState::Running {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), running)
        .await
        .unwrap();
    app.ingest(&[("own.md", b"# Own\n\nA quick tulip.\n")]).await;
    let syncing = app.client.task(accepted.task_id).await.unwrap();
    assert!(
        !syncing.state.is_settled(),
        "the sync has not been waited for: {:?}",
        syncing.state
    );
    assert_eq!(app.found("tulip").await, ["own.md"]);
    site.pause(Duration::ZERO);
    done(&app, &accepted).await;
    assert_eq!(app.found("iris").await, ["a.html"]);
    app.quiet().await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!(kb.chunks, kb.embedded_chunks, "both have their vectors");
    app.end().await;
}

/// Uploads a wiki's export.
async fn export(app: &TestApp, bytes: &[u8]) -> uuid::Uuid {
    const EDGE: &str = "edge-of-a-part";
    let mut body = Vec::new();
    for (name, text) in [("knowledge_base", KB), ("source", "notion")] {
        let part = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{EDGE}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"export.tar.gz\"\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{EDGE}--\r\n").as_bytes());
    let answer = http()
        .post(format!("{}/api/v1/ingestion/wiki", app.client.base()))
        .bearer_auth(KEY)
        .header("content-type", format!("multipart/form-data; boundary={EDGE}"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    answer.json::<TaskAccepted>().await.unwrap().task_id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_export_that_cannot_be_read_keeps_its_document() {
    const PLAN: &str = "Plan 0123456789abcdef0123456789abcdef.md";
    const NOTES: &str = "Notes fedcba9876543210fedcba9876543210.md";
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_INGESTION_MAX_FILE_BYTES", "4096".to_owned())],
        ..Setup::default()
    })
    .await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let first = archive(&[
        (PLAN, b"# Plan\n\nThe plan is ochre.\n"),
        (NOTES, b"# Notes\n\nSienna.\n"),
    ]);
    let task = app.settled(export(&app, &first).await).await;
    assert_eq!(
        (task.state, task.counts.documents_indexed),
        (TaskState::Succeeded, 2)
    );
    let known = app.found("ochre").await;
    assert_eq!(known, ["Plan 89abcdef.md"]);

    let large = format!("# Plan\n\n{}\n", "word ".repeat(2_000));
    let second = archive(&[(PLAN, large.as_bytes()), (NOTES, b"# Notes\n\nUmber.\n")]);
    let task = app.settled(export(&app, &second).await).await;
    assert_eq!(task.counts.documents_removed, 0, "{:?}", task.counts);
    let problems = app.client.problems(task.id, None).await.unwrap().items;
    assert_eq!(
        problems[0].path.as_deref(),
        Some("Plan 89abcdef.md"),
        "{problems:?}"
    );
    assert_eq!(app.found("ochre").await, known);
    assert_eq!(app.found("umber").await.len(), 1);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_with_another_credential_or_schedule_is_another_request() {
    const TOKEN: &str = "ghp_afirstsecrettoken";
    let app = TestApp::start().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let send = async |body: &Value| {
        let answer = http()
            .post(format!("{}/api/v1/ingestion/git", app.client.base()))
            .bearer_auth(KEY)
            .header("idempotency-key", "once")
            .json(body)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap())
    };
    let body = json!({
        "knowledge_base": KB,
        "url": "https://git.example.invalid/a.git",
        "credential": {"token": TOKEN},
        "schedule": {"cron": "0 4 * * *"},
    });
    let (status, first) = send(&body).await;
    assert_eq!(status, 202, "{first}");
    let (status, again) = send(&body).await;
    assert_eq!((status, &again["task_id"]), (202, &first["task_id"]));
    for (field, value) in [
        ("credential", json!({"token": "ghp_another"})),
        ("credential", json!({"user": "me", "token": TOKEN})),
        ("credential", Value::Null),
        ("schedule", json!({"cron": "0 5 * * *"})),
        (
            "schedule",
            json!({"cron": "0 4 * * *", "time_zone": "Europe/Moscow"}),
        ),
        ("schedule", Value::Null),
    ] {
        let mut other = body.clone();
        other[field] = value;
        let (status, answer) = send(&other).await;
        assert_eq!(
            (status, answer["error"]["code"].as_str()),
            (422, Some("idempotency_mismatch")),
            "{other}"
        );
    }
    for task in app.client.tasks(None).await.unwrap().items {
        let _ = app.client.cancel_task(task.id).await;
    }
    app.stop_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_branches_of_one_repository_are_two_sources() {
    let repo = Repo::new();
    repo.write("a.md", "# A\n\nAn umbrella.\n");
    repo.commit();
    let app = crate::repository::app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let unnamed = |folder: Option<&str>| IngestGit {
        source: None,
        folder: folder.map(str::to_owned),
        ..crate::repository::git(&repo)
    };
    repo.write("docs/b.md", "# B\n\nA parasol.\n");
    repo.commit();
    let whole = app.client.ingest_git(&unnamed(None)).await.unwrap();
    done(&app, &whole).await;
    let part = app.client.ingest_git(&unnamed(Some("docs"))).await.unwrap();
    done(&app, &part).await;
    assert_ne!(whole.source_id, part.source_id);
    let again = app.client.ingest_git(&unnamed(Some("docs"))).await.unwrap();
    assert_eq!(again.source_id, part.source_id, "the same request is a sync");
    done(&app, &again).await;
    assert_eq!(app.found("umbrella").await, ["a.md"]);
    app.end().await;
}
