//! Engines that several processes can share: a Qdrant server (its stand-in) and PostgreSQL.

use nexus_api::{ErrorCode, RetrievalMode, SearchRequest, TaskState};
use nexus_vectors::stand_in::{Persona, StandIn};
use tempfile::TempDir;

use crate::test_app::{KB, Setup, TestApp, archive};

const PUMPS: &[u8] = b"# Pumps\n\nThe pump is blue. It is started with the lever on its left side.\n";

async fn stand_in() -> (TempDir, StandIn) {
    let folder = tempfile::tempdir().unwrap();
    let server = StandIn::start(folder.path(), Persona::default()).await;
    (folder, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_on_a_server_serve_like_embedded_ones_and_may_go_away_for_a_while() {
    let (_folder, server) = stand_in().await;
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_QDRANT_URL", server.url())],
        ..Setup::default()
    })
    .await;
    app.ingest(&[("pumps.md", PUMPS)]).await;
    assert_eq!(app.found("lever").await, ["pumps.md"]);
    assert_eq!(app.search("pump", RetrievalMode::Dense).await.len(), 1);
    let engine = app.client.readiness().await.unwrap().vectors.engine;
    assert_eq!(engine, "qdrant 1.20.0");

    let stopped = server.stop().await;
    let request = SearchRequest {
        query: "lever".to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode: RetrievalMode::Hybrid,
        limit: 3,
        distinct_documents: false,
    };
    let error = app.client.search(&request).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Unavailable), "{error}");
    let valves = archive(&[
        ("pumps.md", PUMPS),
        ("valves.md", b"# Valves\n\nClosed clockwise.\n"),
    ]);
    let waiting = app.upload_archive("docs.tar.gz", &valves).await;
    let server = stopped.start().await;
    let task = app.settled(waiting).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    assert_eq!(app.found("clockwise").await, ["valves.md"]);
    app.end().await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_postgres_and_a_server_are_one_installation() {
    let Some(database) = nexus_storage::testing::postgres_url().await else {
        return;
    };
    let (_folder, server) = stand_in().await;
    let data = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let setup = || Setup {
        settings: vec![
            ("NEXUS_QDRANT_URL", server.url()),
            ("NEXUS_DATABASE_URL", database.clone()),
        ],
        data: Some(std::sync::Arc::clone(&data)),
        ..Setup::default()
    };
    let (first, second) = (TestApp::with(setup()).await, TestApp::with(setup()).await);
    first.ingest(&[("pumps.md", PUMPS)]).await;
    assert_eq!(second.found("lever").await, ["pumps.md"]);

    // Work that one leaves is taken up by the other.
    let texts: Vec<(String, String)> = (0..300)
        .map(|n| {
            (
                format!("{n:03}.md"),
                format!("# Page {n}\n\nWord{n} of its own.\n"),
            )
        })
        .collect();
    let files: Vec<(&str, &[u8])> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let task = first.upload_archive("docs.tar.gz", &archive(&files)).await;
    first.stop_now().await;
    assert_eq!(second.settled(task).await.state, TaskState::Succeeded);
    assert_eq!(second.found("word299").await[0], "299.md");
    let kb = second.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!((kb.documents, kb.chunks), (300, kb.embedded_chunks));
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_sqlite_is_refused_even_with_a_server() {
    let (_folder, server) = stand_in().await;
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_QDRANT_URL", server.url())],
        ..Setup::default()
    })
    .await;
    let folder = app.data.path().to_string_lossy().into_owned();
    let settings = std::collections::BTreeMap::from([
        ("NEXUS_DATA_DIR".to_owned(), folder),
        ("NEXUS_MODELS_ENABLED".to_owned(), "false".to_owned()),
        ("NEXUS_QDRANT_URL".to_owned(), server.url()),
    ]);
    let config = nexus_backend::config::Config::from_layers(None, &settings).unwrap();
    let error = nexus_backend::app::Services::start(&config).await.unwrap_err();
    assert!(format!("{error:#}").contains("another process"), "{error:#}");
    app.end().await;
}
