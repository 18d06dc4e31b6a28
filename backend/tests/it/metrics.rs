//! What an operator watches: counts by kind, at an address of their own.

use nexus_api::RetrievalMode;

use crate::test_app::{Setup, TestApp};

const SECRET: &str = "zanzibar-4711";

pub async fn read(app: &TestApp) -> String {
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let response = http
        .get(format!("http://{}/metrics", app.metrics))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    response.text().await.unwrap()
}

/// The number behind a metric with these labels, in any order.
pub fn value(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let line = text.lines().find(|line| {
        let labelled = line
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']));
        labelled && labels.iter().all(|label| line.contains(label))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_counted_by_kind_and_says_nothing_of_content() {
    let app = TestApp::start().await;
    let text = format!("# Pumps\n\nThe pump {SECRET} is blue. It is started with the lever.\n");
    app.ingest(&[("pumps.md", text.as_bytes())]).await;
    app.ask(&format!("Which colour has the pump {SECRET}?")).await;
    app.search(&format!("lever {SECRET}"), RetrievalMode::Hybrid)
        .await;

    let text = read(&app).await;
    assert!(text.ends_with("# EOF\n"));
    for (name, labels, least) in [
        (
            "nexus_answer_seconds_count",
            vec![r#"outcome="answered""#, r#"generation="quotes""#],
            1.0,
        ),
        ("nexus_retrieval_seconds_count", vec![r#"kind="lexical""#], 2.0),
        ("nexus_retrieval_seconds_count", vec![r#"kind="dense""#], 2.0),
        (
            "nexus_task_seconds_count",
            vec![r#"kind="ingest_upload""#, r#"outcome="succeeded""#],
            1.0,
        ),
        ("nexus_embedded_chunks_total", vec![r#"kind="model""#], 1.0),
        (
            "nexus_http_request_seconds_count",
            vec![
                r#"method="POST""#,
                r#"route="/api/v1/rag/query""#,
                r#"status="200""#,
            ],
            1.0,
        ),
        ("nexus_tasks", vec![r#"state="succeeded""#], 1.0),
        ("nexus_index_points", vec![r#"kind="lexical""#], 1.0),
        ("process_resident_memory_bytes", vec![], 1.0),
        ("process_cpu_seconds_total", vec![], 0.0),
    ] {
        let found = value(&text, name, &labels);
        assert!(
            found.is_some_and(|found| found >= least),
            "{name} {labels:?}: {found:?}\n{text}"
        );
    }
    assert!(!text.contains(SECRET), "{text}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_callers_ask_for_is_one_kind_and_the_api_has_no_metrics() {
    let app = TestApp::with(Setup {
        lexical_only: true,
        ..Setup::default()
    })
    .await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    for path in ["metrics", "api/v1/metrics", "a-made-up-path", "api/v1/another"] {
        let address = format!("{}/{path}", app.client.base());
        let status = http.get(address).send().await.unwrap().status();
        assert_eq!(status, 404, "{path}");
    }
    let method = reqwest::Method::from_bytes(b"MADEUP").unwrap();
    let address = format!("{}/api/v1/health", app.client.base());
    http.request(method, address).send().await.unwrap();
    let text = read(&app).await;
    for made_up in ["a-made-up-path", "another", "MADEUP"] {
        assert!(!text.contains(made_up), "{text}");
    }
    app.end().await;
}
