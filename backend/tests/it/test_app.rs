//! Builds the application for one test and takes it down again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nexus_api::{Answer, Passage, QueryRequest, RetrievalMode, SearchRequest, Task, TaskState};
use nexus_backend::app::{DenseModel, Outside, Services};
use nexus_backend::config::Config;
use nexus_backend::role::ProcessRole;
use nexus_backend::serve::Server;
use nexus_backend::state::App;
use nexus_client::{Client, ClientConfig, Upload, UploadTarget};
use nexus_domain::testing::{FakeEmbedder, FakeReranker, ManualClock};
use nexus_domain::{Embedder, Reranker, Timestamp};
use nexus_ingest::{ArchiveWriter, BundleManifest, BundleWriter};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const KEY: &str = "a-key-for-tests-only";
/// The same for all, so that several can share a database.
const SECRET_KEY: &str = "a-secret-key-for-tests-of-32-characters";
pub const KB: &str = "handbook";

pub struct TestApp {
    pub client: Client,
    pub embedder: Option<Arc<FakeEmbedder>>,
    pub clock: Arc<ManualClock>,
    pub data: Arc<TempDir>,
    /// Where `/metrics` is read.
    pub metrics: std::net::SocketAddr,
    /// Its services, for tests that put others together from them.
    pub app: App,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

/// Whether a file of the database or of the indexes contains the word.
pub fn files_hold(data: &Path, word: &str) -> bool {
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // The mirror holds the repository as it was fetched, packed.
                if !path.ends_with("sources") {
                    folders.push(path);
                }
            } else if std::fs::read(&path)
                .is_ok_and(|bytes| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
            {
                return true;
            }
        }
    }
    false
}

/// An exported knowledge base with nothing in it.
pub fn empty_bundle(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let manifest = BundleManifest {
        name: name.to_owned(),
        description: String::new(),
        exported_at: Timestamp::from_micros(0),
        lexical_average_milli: 0,
        model: None,
        documents: 0,
        passages: 0,
    };
    BundleWriter::new(&mut bytes, manifest).unwrap().finish().unwrap();
    bytes
}

/// What a test changes about its application.
#[derive(Default)]
pub struct Setup {
    pub settings: Vec<(&'static str, String)>,
    /// The folder of an application that was taken down.
    pub data: Option<Arc<TempDir>>,
    /// No embedding model.
    pub lexical_only: bool,
    /// Name of the embedding model.
    pub model: Option<&'static str>,
    /// An embedding model of the test's own.
    pub own_model: Option<Arc<dyn Embedder>>,
    /// The model that was configured before.
    pub earlier: Option<Arc<dyn Embedder>>,
    pub reranker: Option<FakeReranker>,
    /// The program that reads risky documents; this build's own unless set.
    pub reader: Option<PathBuf>,
    /// What the process does; everything unless set.
    pub role: Option<ProcessRole>,
    /// By how much its clock is ahead of where those of others begin.
    pub later: Duration,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = setup
            .data
            .unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        let folder = data.path().to_string_lossy().into_owned();
        let mut settings = BTreeMap::from([
            ("NEXUS_DATA_DIR".to_owned(), folder),
            ("NEXUS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("NEXUS_WORKER_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("NEXUS_METRICS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("NEXUS_ADMIN_KEY".to_owned(), KEY.to_owned()),
            ("NEXUS_SECRET_KEY".to_owned(), SECRET_KEY.to_owned()),
            // What is asked twice is answered twice, unless a test is about that.
            ("NEXUS_CACHE_HOURS".to_owned(), "0".to_owned()),
        ]);
        settings.extend(without_limits());
        settings.extend(
            setup
                .settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        let config = Config::from_layers(None, &settings).unwrap();
        let embedder = (!setup.lexical_only && setup.own_model.is_none())
            .then(|| Arc::new(FakeEmbedder::new(setup.model.unwrap_or("fake-1"))));
        let dense = match (setup.own_model, &embedder) {
            (Some(own), _) => DenseModel::Loaded(own),
            (None, Some(embedder)) => DenseModel::Loaded(embedder.clone()),
            (None, None) => DenseModel::Missing("the test has none"),
        };
        let clock = Arc::new(ManualClock::default());
        clock.advance(setup.later);
        let outside = Outside {
            clock: clock.clone(),
            dense,
            earlier: setup.earlier,
            reranker: setup
                .reranker
                .map(|reranker| Arc::new(reranker) as Arc<dyn Reranker>),
            reader: Some(setup.reader.unwrap_or_else(|| env!("CARGO_BIN_EXE_nexus").into())),
        };
        let role = setup.role.unwrap_or(ProcessRole::Serve);
        let services = Services::with_role(role, &config, outside).await.unwrap();
        let app = services.app.clone();
        let server = Server::bind(&config, services).await.unwrap();
        let base = server.address(&config).unwrap();
        let metrics = server.metrics_address().unwrap();
        let client = Client::new(ClientConfig::new(base, KEY.to_owned().into())).unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(stop.clone()));
        Self {
            client,
            embedder,
            clock,
            data,
            metrics,
            app,
            stop,
            serving,
        }
    }

    /// Waits for the tasks that are left, and ends. A test that calls this knows that nothing was left undone.
    pub async fn end(self) -> Arc<TempDir> {
        self.quiet().await;
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.data
    }

    /// Ends at once, whatever runs.
    pub async fn stop_now(self) -> Arc<TempDir> {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.data
    }

    /// Waits until no task is queued or running.
    pub async fn quiet(&self) {
        loop {
            let tasks = self.client.tasks(None).await.unwrap().items;
            let Some(open) = tasks.iter().find(|task| !task.state.is_settled()) else {
                return;
            };
            self.settled(open.id).await;
        }
    }

    pub async fn settled(&self, id: Uuid) -> Task {
        let mut events = self.client.task_events(id);
        let mut last = None;
        while let Some(task) = events.next().await {
            last = Some(task.unwrap());
        }
        last.expect("a task has a state")
    }

    /// Uploads files as one archive and waits until they are read.
    pub async fn ingest(&self, files: &[(&str, &[u8])]) -> Task {
        let task = self.upload_archive("docs.tar.gz", &archive(files)).await;
        let task = self.settled(task).await;
        assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
        task
    }

    pub async fn upload_archive(&self, name: &str, bytes: &[u8]) -> Uuid {
        self.upload(UploadTarget::Archive, name, bytes).await
    }

    pub async fn upload(&self, target: UploadTarget, name: &str, bytes: &[u8]) -> Uuid {
        let kb = self.client.find_or_create_knowledge_base(KB).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upload");
        std::fs::write(&path, bytes).unwrap();
        let upload = Upload {
            target,
            path,
            file_name: name.to_owned(),
            source: None,
            knowledge_base: kb.id.to_string(),
        };
        self.client.upload(&upload, |_| {}).await.unwrap().task_id
    }

    pub async fn search(&self, query: &str, mode: RetrievalMode) -> Vec<Passage> {
        let request = SearchRequest {
            query: query.to_owned(),
            knowledge_bases: vec![KB.to_owned()],
            mode,
            limit: 10,
            distinct_documents: false,
        };
        self.client.search(&request).await.unwrap().passages
    }

    /// Paths of the documents that the words of a query find, best first.
    pub async fn found(&self, query: &str) -> Vec<String> {
        self.search(query, RetrievalMode::Lexical)
            .await
            .into_iter()
            .map(|hit| hit.document_path)
            .collect()
    }

    /// How many points a collection holds.
    pub async fn points(&self, collection: &str) -> u64 {
        let collections = self.client.readiness().await.unwrap().vectors.collections;
        let found = collections.into_iter().find(|found| found.name == collection);
        found.expect("the collection is there").points
    }

    pub async fn ask(&self, question: &str) -> Answer {
        let request = QueryRequest {
            question: question.to_owned(),
            knowledge_bases: vec![KB.to_owned()],
            mode: RetrievalMode::Hybrid,
            history: Vec::new(),
        };
        self.client.ask_question(&request).await.unwrap()
    }
}

/// A test asks as often as it likes, unless it is about limits.
fn without_limits() -> impl Iterator<Item = (String, String)> {
    let callers = ["READER", "EDITOR", "ADMIN", "PROGRAM"];
    let limits = callers.into_iter().flat_map(|who| {
        let asked = ["QUESTIONS", "UPLOADS", "REQUESTS"];
        asked.map(|what| (format!("NEXUS_LIMITS_{who}_{what}"), "0".to_owned()))
    });
    let of_addresses = ["NEXUS_HTTP_REQUESTS_PER_SECOND", "NEXUS_HTTP_BURST"];
    limits.chain(of_addresses.map(|name| (name.to_owned(), "1000000".to_owned())))
}

/// A tar.gz of these files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.tar.gz");
    let mut writer = ArchiveWriter::create(&path).unwrap();
    for (name, bytes) in files {
        writer.add(name, bytes).unwrap();
    }
    writer.finish().unwrap();
    std::fs::read(Path::new(&path)).unwrap()
}
