//! Rows are the truth: an index that is lost comes back from them.

use nexus_api::RetrievalMode;

use crate::test_app::{KB, Setup, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn indexes_that_were_deleted_are_filled_again_from_the_rows() {
    let app = TestApp::start().await;
    app.ingest(&[("pumps.md", b"# Pumps\n\nThe pump is blue.\n")])
        .await;
    let data = app.end().await;
    std::fs::remove_dir_all(data.path().join("vectors")).unwrap();

    let app = TestApp::with(Setup {
        data: Some(data),
        ..Setup::default()
    })
    .await;
    app.quiet().await;
    assert_eq!(app.found("pump").await, ["pumps.md"]);
    assert_eq!(app.search("pump", RetrievalMode::Dense).await.len(), 1);
    assert_eq!(
        app.embedder.as_ref().unwrap().embedded().len(),
        0,
        "the vectors came from the cache"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_gets_an_index_of_its_own() {
    let app = TestApp::start().await;
    app.ingest(&[("pumps.md", b"# Pumps\n\nThe pump is blue.\n")])
        .await;
    let data = app.end().await;
    let app = TestApp::with(Setup {
        data: Some(data),
        model: Some("fake-2"),
        ..Setup::default()
    })
    .await;
    app.quiet().await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!((kb.chunks, kb.embedded_chunks), (1, 1));
    assert_eq!(app.embedder.as_ref().unwrap().embedded().len(), 1);
    assert_eq!(app.points("dense-2").await, 1);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_under_another_model_reaches_the_index_of_the_first() {
    let app = TestApp::start().await;
    let (pumps, valves) = (
        b"# Pumps\n\nThe pump is blue.\n",
        b"# Valves\n\nThe valve is red.\n",
    );
    app.ingest(&[("pumps.md", pumps), ("valves.md", valves)]).await;
    let other = Setup {
        data: Some(app.end().await),
        model: Some("fake-2"),
        ..Setup::default()
    };
    let app = TestApp::with(other).await;
    app.quiet().await;
    app.ingest(&[("pumps.md", pumps), ("new.md", b"# New\n\nThe lamp is green.\n")])
        .await;
    app.quiet().await;
    assert_eq!(app.points("dense-1").await, 1, "the valves are gone from it too");
    assert_eq!(app.points("dense-2").await, 2);
    let back = Setup {
        data: Some(app.end().await),
        ..Setup::default()
    };
    let app = TestApp::with(back).await;
    app.quiet().await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!((kb.chunks, kb.embedded_chunks), (2, 2));
    assert_eq!(app.points("dense-1").await, 2);
    assert_eq!(
        app.embedder.as_ref().unwrap().embedded().len(),
        1,
        "only what is new to it"
    );
    assert_eq!(
        app.search("New: the lamp is green", RetrievalMode::Dense).await[0].document_path,
        "new.md"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_folder_is_refused() {
    let app = TestApp::start().await;
    let settings = std::collections::BTreeMap::from([
        (
            "NEXUS_DATA_DIR".to_owned(),
            app.data.path().to_string_lossy().into_owned(),
        ),
        ("NEXUS_MODELS_ENABLED".to_owned(), "false".to_owned()),
    ]);
    let config = nexus_backend::config::Config::from_layers(None, &settings).unwrap();
    let error = nexus_backend::app::Services::start(&config).await.unwrap_err();
    assert!(format!("{error:#}").contains("another process"), "{error:#}");
    app.end().await;
}
