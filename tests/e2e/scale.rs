//! Two processes that answer and two that work, on PostgreSQL, a Qdrant server and a shared folder. All four are killed
//! again and again while a client goes on uploading and asking, as through a load balancer. Nothing that was accepted may
//! be lost, no answer may be wrong, and in the end all is as if nothing had happened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use e2e::Nexus;
use nexus_api::{Passage, RetrievalMode, SearchRequest, TaskState};
use nexus_client::{Client, ClientError, Upload, UploadTarget};
use nexus_ingest::ArchiveWriter;
use nexus_vectors::stand_in::{Persona, StandIn};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::seen::{Seen, assert_nothing_computed_twice, look, quiet};

/// How often each process is killed.
const KILLS: usize = 3;
const KB: &str = "scale";
const SOURCES: usize = 3;
const PAGES: usize = 12;
/// How long the end may take to be reached after the last kill.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);

/// What the processes share.
struct Installation {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
    _store: StandIn,
}

impl Installation {
    async fn new() -> Option<Self> {
        let database = nexus_storage::testing::postgres_url().await?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = StandIn::start(&folder.path().join("qdrant"), Persona::default()).await;
        let settings = vec![
            ("NEXUS_DATABASE_URL", database),
            ("NEXUS_QDRANT_URL", store.url()),
            (
                "NEXUS_SECRET_KEY",
                "a-secret-key-for-tests-of-32-characters".to_owned(),
            ),
            (
                "NEXUS_UPLOADS_URL",
                format!("file://{}/uploads", folder.path().display()),
            ),
            ("NEXUS_WORKER_LISTEN", "127.0.0.1:0".to_owned()),
            ("NEXUS_WORKER_LEASE_SECONDS", "2".to_owned()),
            ("NEXUS_WORKER_SWEEP_SECONDS", "1".to_owned()),
            ("NEXUS_WORKER_MAX_ATTEMPTS", "100".to_owned()),
            (
                "NEXUS_TEST_TRACE",
                folder.path().join("trace.txt").display().to_string(),
            ),
        ];
        Some(Self {
            folder,
            settings,
            _store: store,
        })
    }

    async fn start(&self, role: &str, name: &str) -> Nexus {
        let data = self.folder.path().join(name);
        std::fs::create_dir_all(&data).expect("a folder");
        let settings: Vec<(&str, &str)> = self
            .settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Nexus::start_as(role, &data, &settings)
            .await
            .expect("a process that starts")
    }
}

/// Sends requests to the processes that answer, in turn; one that dies under a request passes it to the other.
struct Balancer {
    apis: Vec<watch::Receiver<Option<Client>>>,
    next: AtomicUsize,
    moved: AtomicUsize,
    served: AtomicUsize,
}

impl Balancer {
    async fn call<T, F>(&self, request: impl Fn(Client) -> F) -> T
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        loop {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let in_turn = |n| &self.apis[(turn + n) % self.apis.len()];
            let mut living = (0..self.apis.len())
                .map(in_turn)
                .filter(|api| api.borrow().is_some());
            let mut api = living.next().unwrap_or_else(|| in_turn(0)).clone();
            let Some(client) = api.borrow_and_update().clone() else {
                // None lives yet.
                api.changed().await.expect("it is started again");
                continue;
            };
            let answered = tokio::select! {
                answered = request(client) => Some(answered),
                // It was killed: an answer that is under way will not come.
                _ = api.changed() => None,
            };
            match answered {
                Some(Ok(answer)) => {
                    self.served.fetch_add(1, Ordering::Relaxed);
                    return answer;
                }
                None | Some(Err(ClientError::Unreachable { .. })) => {
                    self.moved.fetch_add(1, Ordering::Relaxed);
                }
                Some(Err(error)) => panic!("a living process refused a request: {error}"),
            }
        }
    }

    async fn settled(&self, task: uuid::Uuid) -> TaskState {
        self.call(|client| async move {
            let mut events = client.task_events(task);
            let mut state = TaskState::Queued;
            while let Some(task) = events.next().await {
                state = task?.state;
            }
            Ok(state)
        })
        .await
    }
}

/// Two processes after the last kill.
struct Left {
    processes: [Nexus; 2],
    /// Receivers see a change when these go.
    _clients: [watch::Sender<Option<Client>>; 2],
}

/// Kills two processes of one role in turns, at random moments, and starts them again.
async fn kill_in_turns(
    shared: Arc<Installation>,
    role: &'static str,
    clients: [watch::Sender<Option<Client>>; 2],
    mut random: StdRng,
) -> Left {
    let names = [format!("{role}-0"), format!("{role}-1")];
    let mut processes = Vec::new();
    for (name, client) in names.iter().zip(&clients) {
        let process = shared.start(role, name).await;
        client.send_replace(Some(process.client.clone()));
        processes.push(Some(process));
    }
    let mut victims: Vec<usize> = (0..2 * KILLS).map(|n| n % 2).collect();
    victims.shuffle(&mut random);
    for victim in victims {
        tokio::time::sleep(Duration::from_millis(random.random_range(100..1_200))).await;
        let process = processes[victim].take().expect("it runs");
        process.kill().await.expect("a kill");
        clients[victim].send_replace(None);
        eprintln!("killed {}", names[victim]);
        let process = shared.start(role, &names[victim]).await;
        clients[victim].send_replace(Some(process.client.clone()));
        processes[victim] = Some(process);
    }
    let mut left = processes.into_iter().map(|process| process.expect("it runs"));
    Left {
        processes: [left.next().expect("two"), left.next().expect("two")],
        _clients: clients,
    }
}

/// A word that stands on one page only.
fn word(source: usize, page: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n).expect("few"));
    format!("zor{}bl{}x", letter(source), letter(page))
}

fn path(source: usize, page: usize) -> String {
    format!("source{source}/page{page:02}.md")
}

/// A third of the pages changes from state to state.
fn text(source: usize, page: usize, state: u32) -> String {
    let changed = state - (state + page as u32) % 3;
    format!(
        "# Page {page} of source {source}\n\n## The word\n\nIts word is {}, and its state is s{changed}e.\n\n\
         ## More\n\nPage {page} has been changed {changed} times by source {source}.\n",
        word(source, page)
    )
}

fn pack(folder: &Path, source: usize, state: u32) -> PathBuf {
    let file = folder.join(format!("{source}-{state}.tar.gz"));
    let mut archive = ArchiveWriter::create(&file).expect("it can be written");
    for page in 0..PAGES {
        let text = text(source, page, state);
        archive
            .add(&path(source, page), text.as_bytes())
            .expect("it can be written");
    }
    archive.finish().expect("it can be written");
    file
}

async fn upload(balancer: &Balancer, folder: &Path, source: usize, state: u32) -> uuid::Uuid {
    let file = Upload {
        target: UploadTarget::Archive,
        path: pack(folder, source, state),
        file_name: format!("source{source}.tar.gz"),
        source: None,
        knowledge_base: KB.to_owned(),
    };
    // One key for all attempts: a process may die between its commit and its answer.
    let key = uuid::Uuid::new_v4().to_string();
    let accepted = balancer.call(|client| {
        let (file, key) = (file.clone(), key.clone());
        async move { client.upload_once(&file, &key, |_| {}).await }
    });
    accepted.await.task_id
}

/// The states that a source's pages may show: from the last one that was read to the last one that was sent.
#[derive(Default)]
struct States {
    read: AtomicU32,
    sent: AtomicU32,
}

/// Sends state after state of each source until `stop`. The state that was sent last.
async fn keep_uploading(
    balancer: &Balancer,
    folder: &Path,
    states: &[States],
    stop: &CancellationToken,
) -> u32 {
    let mut state = 3;
    loop {
        let mut tasks = Vec::new();
        let is_last = stop.is_cancelled();
        for (source, shown) in states.iter().enumerate() {
            shown.sent.store(state, Ordering::SeqCst);
            tasks.push((shown, upload(balancer, folder, source, state).await));
        }
        for (shown, task) in tasks {
            let end = balancer.settled(task).await;
            assert_eq!(end, TaskState::Succeeded, "the accepted task {task} was lost");
            shown.read.store(state, Ordering::SeqCst);
        }
        if is_last {
            return state;
        }
        state += 1;
    }
}

async fn search(balancer: &Balancer, query: &str, mode: RetrievalMode) -> Vec<Passage> {
    let request = SearchRequest {
        query: query.to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode,
        limit: 5,
        distinct_documents: false,
    };
    let found = balancer.call(|client| {
        let request = request.clone();
        async move { client.search(&request).await }
    });
    found.await.passages
}

/// Asks for page after page until `stop`: each passage must stand on its page, in a state that may be shown now.
async fn keep_asking(
    balancer: &Balancer,
    states: &[States],
    mut random: StdRng,
    stop: &CancellationToken,
) -> usize {
    let mut asked = 0;
    while !stop.is_cancelled() {
        let (source, page) = (random.random_range(0..SOURCES), random.random_range(0..PAGES));
        let read: Vec<u32> = states
            .iter()
            .map(|shown| shown.read.load(Ordering::SeqCst))
            .collect();
        let by_words = random.random_bool(0.5);
        let mode = if by_words {
            RetrievalMode::Lexical
        } else {
            RetrievalMode::Hybrid
        };
        let mut is_found = !by_words || read[source] == 0;
        // A page that is switched between the search and the look at its row falls out of that one answer.
        for _ in 0..3 {
            let passages = search(balancer, &word(source, page), mode).await;
            assert_may_be_shown(&passages, &read, states);
            is_found |= passages
                .first()
                .is_some_and(|first| first.document_path == path(source, page));
            asked += 1;
            if is_found {
                break;
            }
        }
        assert!(
            is_found,
            "page {page} of source {source} was read, and is not found"
        );
    }
    asked
}

fn assert_may_be_shown(passages: &[Passage], read: &[u32], states: &[States]) {
    let sent: Vec<u32> = states
        .iter()
        .map(|shown| shown.sent.load(Ordering::SeqCst))
        .collect();
    for passage in passages {
        let is_known = (0..SOURCES * PAGES).any(|n| {
            let (source, page) = (n / PAGES, n % PAGES);
            let mut may_show = read[source].max(3)..=sent[source];
            passage.document_path == path(source, page)
                && may_show.any(|state| text(source, page, state).contains(passage.text.trim()))
        });
        assert!(is_known, "read {read:?}, sent {sent:?}: {passage:?}");
    }
}

/// What is seen of the last state if it is the only one that ever was, and nothing disturbs.
async fn undisturbed(state: u32, queries: &[&str]) -> Seen {
    let shared = Installation::new().await.expect("there was one before");
    let server = shared.start("serve", "alone").await;
    server
        .client
        .find_or_create_knowledge_base(KB)
        .await
        .expect("a knowledge base");
    for source in 0..SOURCES {
        let upload = Upload {
            target: UploadTarget::Archive,
            path: pack(shared.folder.path(), source, state),
            file_name: format!("source{source}.tar.gz"),
            source: None,
            knowledge_base: KB.to_owned(),
        };
        server
            .client
            .upload(&upload, |_| {})
            .await
            .expect("an accepted upload");
    }
    quiet(&server.client).await.expect("no failed task");
    look(&server.client, KB, queries).await
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_in_turns_lose_nothing_and_answer_nothing_wrong() {
    let models = e2e::models_dir().join("manifest.json");
    assert!(models.is_file(), "there is no embedding model: run make models");
    let seed: u64 = std::env::var("NEXUS_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_121);
    eprintln!("NEXUS_TEST_SEED={seed}");
    let Some(shared) = Installation::new().await else {
        return;
    };
    let shared = Arc::new(shared);
    let random = |n| StdRng::seed_from_u64(seed.wrapping_add(n));

    let ((first, one), (second, two)) = (watch::channel(None), watch::channel(None));
    let balancer = Balancer {
        apis: vec![one, two],
        next: AtomicUsize::new(0),
        moved: AtomicUsize::new(0),
        served: AtomicUsize::new(0),
    };
    let workers = [watch::channel(None).0, watch::channel(None).0];
    let killing = [
        tokio::spawn(kill_in_turns(
            Arc::clone(&shared),
            "api",
            [first, second],
            random(1),
        )),
        tokio::spawn(kill_in_turns(Arc::clone(&shared), "worker", workers, random(2))),
    ];
    let create = |client: Client| async move { client.find_or_create_knowledge_base(KB).await };
    balancer.call(create).await;

    let states: Vec<States> = (0..SOURCES).map(|_| States::default()).collect();
    let (enough, done) = (CancellationToken::new(), CancellationToken::new());
    let sent = tempfile::tempdir().expect("a temporary folder");
    let work = async {
        let last = keep_uploading(&balancer, sent.path(), &states, &enough).await;
        done.cancel();
        last
    };
    let kills = async {
        let [apis, workers] = killing;
        let left = (apis.await.expect("the kills"), workers.await.expect("the kills"));
        enough.cancel();
        left
    };
    let (last, asked, left) = tokio::join!(work, keep_asking(&balancer, &states, random(3), &done), kills);
    eprintln!(
        "{} kills, {} states of {SOURCES} sources, {asked} questions, {} requests served, {} passed on",
        4 * KILLS,
        last - 2,
        balancer.served.load(Ordering::Relaxed),
        balancer.moved.load(Ordering::Relaxed)
    );

    let words: Vec<String> = (0..SOURCES).map(|source| word(source, 2 * source)).collect();
    // Words that tell pages apart: which of many equal pages are the first twenty is nobody's business.
    let queries: Vec<&str> = words.iter().map(String::as_str).collect();
    let expected = undisturbed(last, &queries).await;
    assert_eq!(expected.documents.len(), SOURCES * PAGES);
    let [api, _] = &left.0.processes;
    let settling = Instant::now();
    let mut seen = look(&api.client, KB, &queries).await;
    // The workers sweep what the kills have left.
    while seen.points != expected.points && settling.elapsed() < SETTLES_WITHIN {
        quiet(&api.client).await.expect("no failed task");
        seen = look(&api.client, KB, &queries).await;
    }
    assert_eq!(
        seen.points, expected.points,
        "points without rows, or rows without points"
    );
    assert_eq!(seen.documents, expected.documents);
    assert_eq!(seen.results, expected.results);
    // What a killed process had half received waits for the sweep of an hour later; what was read is removed.
    let uploads = shared.folder.path().join("uploads");
    let left_over = std::fs::read_dir(uploads).expect("the folder").count();
    assert!(left_over <= 2 * KILLS, "{left_over} uploads were left");
    assert_nothing_computed_twice(&shared.folder.path().join("trace.txt"));
}
