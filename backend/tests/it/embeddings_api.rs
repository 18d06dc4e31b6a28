//! An embeddings API instead of a local model: what happens while it is away, and what is paid for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nexus_api::{CheckStatus, RetrievalMode, SearchRequest, SideStatus};
use nexus_backend::app::Services;
use nexus_backend::config::Config;
use nexus_domain::EmbedError;
use nexus_models::{EmbeddingsStandIn, OpenAiEmbedder, OpenAiOptions, Patience, Reply};

use crate::test_app::{KB, Setup, TestApp};

pub const DIMENSION: usize = 32;

pub fn embedder(api: &EmbeddingsStandIn) -> Arc<OpenAiEmbedder> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let brief = Duration::from_millis(20);
    let options = OpenAiOptions {
        batch: 4,
        patience: Patience {
            question: Duration::from_secs(2),
            ingestion: brief,
            first_wait: brief,
            rest: brief,
        },
        ..OpenAiOptions::new(api.url().parse().unwrap(), "small")
    };
    let unasked = EmbedError::Unavailable("nobody asked yet".to_owned());
    Arc::new(OpenAiEmbedder::assume(options, DIMENSION, &unasked).unwrap())
}

async fn app(api: &EmbeddingsStandIn, data: Option<Arc<tempfile::TempDir>>) -> TestApp {
    TestApp::with(Setup {
        own_model: Some(embedder(api)),
        data,
        ..Setup::default()
    })
    .await
}

pub fn pumps(count: usize) -> Vec<(String, Vec<u8>)> {
    (0..count)
        .map(|number| {
            let text = format!("# Pump {number}\n\nThe pump of room {number} is blue.\n");
            (format!("pump-{number}.md"), text.into_bytes())
        })
        .collect()
}

pub async fn ingest(app: &TestApp, files: &[(String, Vec<u8>)]) {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    app.ingest(&files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingestion_waits_for_its_provider_and_pays_for_no_text_twice_across_a_restart() {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    api.script([Reply::Fine, Reply::Fine]);
    api.otherwise(Reply::status(503));
    let first = app(&api, None).await;
    // The upload is read and found by its words, whatever the provider does.
    ingest(&first, &pumps(12)).await;
    assert_eq!(api.paid().len(), 8, "two calls of four");
    assert!(first.found("room").await.len() >= 5);

    let search = SearchRequest {
        query: "pump of room 3".to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode: RetrievalMode::Hybrid,
        limit: 5,
        distinct_documents: false,
    };
    let found = first.client.search(&search).await.unwrap();
    assert!(!found.passages.is_empty(), "by words");
    assert_eq!(found.retrieval.dense.status, SideStatus::Failed);
    let dense = first.client.readiness().await.unwrap().dense_retrieval;
    assert_eq!(dense.status, CheckStatus::Degraded);
    assert!(dense.reason.unwrap().contains("503"));
    let data = first.stop_now().await;

    api.otherwise(Reply::Fine);
    let second = app(&api, Some(data)).await;
    second.clock.advance(Duration::from_secs(60));
    second.quiet().await;
    let kb = second.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!((kb.chunks, kb.embedded_chunks), (12, 12));
    let questions = |text: &String| text == "pump of room 3";
    let mut paid: Vec<String> = api.paid().into_iter().filter(|text| !questions(text)).collect();
    assert_eq!(paid.len(), 12);
    paid.sort();
    paid.dedup();
    assert_eq!(paid.len(), 12, "every text once");
    let found = second.client.search(&search).await.unwrap();
    assert_eq!(found.retrieval.dense.status, SideStatus::Ran);
    assert_eq!(
        second.client.readiness().await.unwrap().dense_retrieval.status,
        CheckStatus::Ok
    );
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_told_by_a_task_of_its_own_and_the_upload_succeeds() {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    api.require_key("another-key");
    let app = app(&api, None).await;
    ingest(&app, &pumps(1)).await;
    app.quiet().await;
    let tasks = app.client.tasks(None).await.unwrap().items;
    let refused = tasks.iter().find_map(|task| task.error.as_ref()).unwrap();
    assert_eq!(refused.code, "embedding_refused");
    assert!(
        refused.message.contains("NEXUS_EMBEDDINGS_KEY"),
        "{}",
        refused.message
    );
    assert_eq!(app.found("room").await, ["pump-0.md"]);
    app.end().await;
}

fn settings(data: &tempfile::TempDir, api: &EmbeddingsStandIn, dimension: usize) -> Config {
    let settings = BTreeMap::from([
        (
            "NEXUS_DATA_DIR".to_owned(),
            data.path().to_string_lossy().into_owned(),
        ),
        ("NEXUS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("NEXUS_EMBEDDINGS_URL".to_owned(), api.url()),
        ("NEXUS_EMBEDDINGS_MODEL".to_owned(), "small".to_owned()),
        ("NEXUS_EMBEDDINGS_DIMENSION".to_owned(), dimension.to_string()),
    ]);
    Config::from_layers(None, &settings).unwrap()
}

async fn retrieval(config: &Config) -> String {
    let services = Services::start(config).await.unwrap();
    let described = services.describe_retrieval().await;
    services.close().await;
    described
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_needs_the_provider_only_until_the_length_of_its_vectors_is_known() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    api.otherwise(Reply::status(503));
    let unknown = retrieval(&settings(&data, &api, 0)).await;
    assert!(
        unknown.contains("words only") && unknown.contains("is away"),
        "{unknown}"
    );

    let configured = tempfile::tempdir().unwrap();
    let told = retrieval(&settings(&configured, &api, DIMENSION)).await;
    assert!(told.contains("openai/small/32/"), "{told}");

    api.otherwise(Reply::Fine);
    let asked = retrieval(&settings(&data, &api, 0)).await;
    api.otherwise(Reply::status(503));
    assert_eq!(
        retrieval(&settings(&data, &api, 0)).await,
        asked,
        "known from the start before"
    );

    api.otherwise(Reply::Fine);
    let wrong = retrieval(&settings(&data, &api, DIMENSION + 1)).await;
    assert!(wrong.contains("words only"), "{wrong}");
}
