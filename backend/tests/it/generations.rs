//! Another embedding model: its index is built beside the old one, which answers until the new one holds as much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use nexus_api::{
    ErrorCode, IndexGenerationState, RetrievalMode, SearchRequest, SearchResponse, SideStatus, TaskKind,
};
use nexus_client::Client;
use nexus_domain::testing::FakeEmbedder;
use nexus_domain::{EmbedError, Embedder, EmbedderInfo};
use tokio::sync::Semaphore;

use crate::test_app::{KB, Setup, TestApp, archive};

/// A model with longer vectors, whose passages wait until the test lets them through.
#[derive(Debug)]
struct Gated {
    model: FakeEmbedder,
    gate: Semaphore,
}

impl Gated {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            model: FakeEmbedder::with_dimension("fake-2", 96),
            gate: Semaphore::new(0),
        })
    }

    fn let_one_batch_through(&self) {
        self.gate.add_permits(1);
    }

    fn open(&self) {
        self.gate.add_permits(1_000);
    }
}

#[async_trait]
impl Embedder for Gated {
    fn info(&self) -> &EmbedderInfo {
        self.model.info()
    }

    async fn embed_passages(&self, passages: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.gate.acquire().await.unwrap().forget();
        self.model.embed_passages(passages).await
    }

    async fn embed_query(&self, query: String) -> Result<Vec<f32>, EmbedError> {
        self.model.embed_query(query).await
    }
}

async fn search(client: &Client) -> SearchResponse {
    let request = SearchRequest {
        query: "where is the lever of pump 7".to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode: RetrievalMode::Hybrid,
        limit: 5,
        distinct_documents: false,
    };
    client.search(&request).await.unwrap()
}

async fn answering(app: &TestApp) -> String {
    search(&app.client).await.retrieval.model.unwrap()
}

async fn states(app: &TestApp) -> Vec<(IndexGenerationState, u64, u64)> {
    let generations = app.client.generations().await.unwrap().items;
    generations
        .iter()
        .map(|generation| (generation.state, generation.embedded_chunks, generation.chunks))
        .collect()
}

/// Forty documents that the first model knows; then the second one is configured.
async fn with_a_second_model(gated: &Arc<Gated>) -> TestApp {
    let app = TestApp::start().await;
    let texts: Vec<(String, String)> = (0..40)
        .map(|n| {
            let text = format!("# Pump {n}\n\nThe lever of pump {n} is on its left side.\n");
            (format!("pump-{n:02}.md"), text)
        })
        .collect();
    let files: Vec<(&str, &[u8])> = texts
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    app.ingest(&files).await;
    let earlier: Option<Arc<dyn Embedder>> = app.embedder.clone().map(|model| model as Arc<dyn Embedder>);
    TestApp::with(Setup {
        data: Some(app.end().await),
        own_model: Some(gated.clone()),
        earlier,
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_model_answers_until_the_new_one_holds_as_much_and_no_question_fails_or_mixes() {
    let gated = Gated::new();
    let app = with_a_second_model(&gated).await;
    let done = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..3)
        .map(|_| {
            let (client, done) = (app.client.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    let found = search(&client).await;
                    // A vector of one model in the index of the other would fail: they differ in length.
                    assert_eq!(found.retrieval.dense.status, SideStatus::Ran);
                    assert_eq!(found.passages[0].document_path, "pump-07.md");
                    assert!(found.passages.iter().any(|passage| passage.dense_score.is_some()));
                    seen.push(found.retrieval.model.unwrap());
                }
                seen
            })
        })
        .collect();

    assert_eq!(answering(&app).await, "fake-1");
    assert_eq!(states(&app).await[1], (IndexGenerationState::Building, 0, 40));
    gated.let_one_batch_through();
    assert_eq!(answering(&app).await, "fake-1");
    // What comes meanwhile is found by the model that answers, before the other one has it.
    let lamp = archive(&[("lamp.md", b"# Lamp\n\nThe lamp is green.\n")]);
    app.upload_archive("more.tar.gz", &lamp).await;
    gated.open();
    app.quiet().await;
    assert_eq!(answering(&app).await, "fake-2");
    done.store(true, Ordering::SeqCst);
    let mut all = 0;
    for seen in asking {
        let seen = seen.await.unwrap();
        all += seen.len();
        let switch = seen
            .iter()
            .position(|model| model == "fake-2")
            .unwrap_or(seen.len());
        assert!(seen[..switch].iter().all(|model| model == "fake-1"));
        assert!(
            seen[switch..].iter().all(|model| model == "fake-2"),
            "it is switched once"
        );
    }
    assert!(all > 0);
    assert_eq!(app.points("dense-2").await, app.points("lexical").await);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_goes_back_at_once_and_stays_there_until_another_model_is_configured() {
    let gated = Gated::new();
    gated.open();
    let app = with_a_second_model(&gated).await;
    app.quiet().await;
    assert_eq!(answering(&app).await, "fake-2");
    assert_eq!(
        states(&app).await,
        [
            (IndexGenerationState::Standby, 40, 40),
            (IndexGenerationState::Active, 40, 40)
        ]
    );
    app.ingest(&[("new.md", b"# New\n\nThe lamp is green.\n")]).await;

    let back = app.client.activate_generation(1).await.unwrap();
    assert_eq!(back.state, IndexGenerationState::Active);
    assert_eq!(answering(&app).await, "fake-1");
    app.quiet().await;
    let earlier: Option<Arc<dyn Embedder>> = Some(Arc::new(FakeEmbedder::new("fake-1")));
    let again = Setup {
        data: Some(app.end().await),
        own_model: Some(gated.clone()),
        earlier,
        ..Setup::default()
    };
    let app = TestApp::with(again).await;
    app.quiet().await;
    assert_eq!(answering(&app).await, "fake-1", "a start does not undo a choice");
    let states = states(&app).await;
    assert_eq!(
        states[0],
        (IndexGenerationState::Active, 1, 1),
        "the archive replaced the others, and it was filled up"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_a_model_on_standby_can_be_dropped_and_those_in_use_cannot() {
    let gated = Gated::new();
    gated.open();
    let app = with_a_second_model(&gated).await;
    app.quiet().await;
    let refused = app.client.empty_generation(2).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::GenerationState));
    let emptied = app.client.empty_generation(1).await.unwrap();
    assert_eq!(
        (emptied.state, emptied.embedded_chunks),
        (IndexGenerationState::Standby, 0)
    );
    assert_eq!(app.points("dense-1").await, 0);
    for missing in [0, 3, -1] {
        let error = app.client.activate_generation(missing).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::NotFound), "{missing}");
    }
    let app = TestApp::with(Setup {
        data: Some(app.end().await),
        own_model: Some(gated.clone()),
        ..Setup::default()
    })
    .await;
    let refused = app.client.activate_generation(1).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::GenerationState), "{refused}");
    assert!(refused.to_string().contains("not loaded"), "{refused}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_model_takes_over_at_once_where_the_old_one_cannot_answer() {
    let gated = Gated::new();
    let app = TestApp::start().await;
    app.ingest(&[("pump-07.md", b"# Pump 7\n\nThe lever of pump 7.\n")])
        .await;
    let app = TestApp::with(Setup {
        data: Some(app.end().await),
        own_model: Some(gated.clone()),
        ..Setup::default()
    })
    .await;
    assert_eq!(answering(&app).await, "fake-2");
    let found = search(&app.client).await;
    assert_eq!(found.passages.len(), 1, "words find it until its vector is there");
    gated.open();
    app.quiet().await;
    assert!(search(&app.client).await.passages[0].dense_score.is_some());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_the_model_cannot_read_gets_no_vector_and_its_words_speak_for_it() {
    let app = TestApp::start().await;
    let files: [(&str, &[u8]); 2] = [
        ("lamp.md", b"# Lamp\n\nThe lamp is green, see E-1042.\n"),
        (
            "насос.md",
            "# Насос\n\nНасос запускается рычагом слева, ошибка E-1042.\n".as_bytes(),
        ),
    ];
    app.ingest(&files).await;
    app.quiet().await;
    assert_eq!((app.points("lexical").await, app.points("dense-1").await), (2, 1));
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!(
        (kb.chunks, kb.embedded_chunks),
        (2, 2),
        "there is nothing left to do"
    );
    let found = app.search("E-1042", RetrievalMode::Hybrid).await;
    let scores: Vec<bool> = found.iter().map(|hit| hit.dense_score.is_some()).collect();
    assert_eq!(scores, [true, false]);
    assert!(
        found[1].score > 0.5,
        "not punished for what nobody knows: {}",
        found[1].score
    );

    // Another start finds nothing lost.
    let before = tasks_of_kbs(&app).await;
    let app = TestApp::with(Setup {
        data: Some(app.end().await),
        ..Setup::default()
    })
    .await;
    assert_eq!(tasks_of_kbs(&app).await, before);
    app.end().await;
}

/// Every start sweeps; that is no task of a knowledge base.
async fn tasks_of_kbs(app: &TestApp) -> usize {
    let tasks = app.client.tasks(None).await.unwrap().items;
    tasks.iter().filter(|task| task.kind != TaskKind::Sweep).count()
}
