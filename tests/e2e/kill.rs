//! Kills an ingestion wherever it hurts, again and again, and then looks for damage: the documents, texts and search
//! results must be those of an undisturbed run, no vector may have been computed twice, and nothing may be left over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use e2e::Nexus;
use nexus_api::{RetrievalMode, SearchRequest, TaskState};
use nexus_client::{Client, Upload, UploadTarget};
use nexus_ingest::ArchiveWriter;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// Places where the process ends itself; each is passed whenever a state is taken in.
const CRASH_POINTS: &[&str] = &[
    "ingest.rows_written",
    "ingest.points_written",
    "ingest.points_durable",
    "ingest.before_switch_commit",
    "ingest.switched",
    "ingest.indexed",
    "ingest.removed",
    "dense.embedded",
    "dense.cached",
    "dense.points_written",
    "dense.points_durable",
    "dense.marked",
    "task.succeeded",
    "sweep.points_gone",
    "sweep.rows_gone",
    "rebuild.page",
];
/// Kills at moments that nobody chose, besides the points.
const RANDOM_KILLS: usize = 4;
const KB: &str = "kills";
const QUERIES: &[&str] = &[
    "how often is a backup made",
    "E-1042",
    "reset the gateway",
    "прошивка",
    "отпуск",
    "default port",
    "calibration of the rain gauge",
    "curl token",
];

/// Everything that a reader can see.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Path to title, chunks and text.
    documents: BTreeMap<String, (String, u32, String)>,
    /// Mode and query to the passages found: path, first line, score in thousandths.
    results: Vec<Vec<(String, u32, i64)>>,
    /// Points per collection.
    points: BTreeMap<String, u64>,
}

/// The states that one source goes through: each changes some documents, drops some and adds one.
struct States {
    folder: tempfile::TempDir,
    files: Vec<(String, Vec<u8>)>,
}

impl States {
    fn new() -> Self {
        let sample = e2e::root().join("data/sample");
        let mut files = Vec::new();
        for part in [
            "en/admin",
            "en/errors",
            "en/runbooks",
            "ru/errors",
            "ru/hr",
            "examples",
        ] {
            for entry in sample.join(part).read_dir().expect("the sample") {
                let path = entry.expect("it exists").path();
                let name = path.strip_prefix(&sample).expect("it lies there");
                files.push((
                    name.to_string_lossy().into_owned(),
                    std::fs::read(&path).expect("it can be read"),
                ));
            }
        }
        files.sort();
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            files,
        }
    }

    /// The archive of one state. A `small` one holds a single line, so that the average length moves far.
    fn pack(&self, state: usize, small: bool) -> PathBuf {
        let path = self.folder.path().join(format!("{state}.tar.gz"));
        let mut archive = ArchiveWriter::create(&path).expect("it can be written");
        let files = self.files.iter().enumerate().filter(|_| !small);
        for (number, (name, bytes)) in files.filter(|(number, _)| number % 7 != state % 7) {
            let mut bytes = bytes.clone();
            if number % 5 == state % 5 && name.ends_with(".md") {
                let added = format!("\n## Added later\n\nState {state} of this page.\n");
                bytes.extend_from_slice(added.as_bytes());
            }
            archive.add(name, &bytes).expect("it can be written");
        }
        let page = format!("# State {state}\n\nReset the gateway twice.\n");
        archive
            .add(&format!("new/{state}.md"), page.as_bytes())
            .expect("it can be written");
        archive.finish().expect("it can be written");
        path
    }
}

async fn upload(client: &Client, archive: &Path) -> anyhow::Result<()> {
    let kb = client.find_or_create_knowledge_base(KB).await?;
    let upload = Upload {
        target: UploadTarget::Archive,
        path: archive.to_owned(),
        file_name: "pages.tar.gz".to_owned(),
        source: None,
        knowledge_base: kb.id.to_string(),
    };
    client.upload(&upload, |_| {}).await?;
    Ok(())
}

/// Waits until no task is left, whatever kind.
async fn quiet(client: &Client) -> anyhow::Result<()> {
    loop {
        let tasks = client.tasks(None).await?.items;
        if let Some(failed) = tasks.iter().find(|task| task.state == TaskState::Failed) {
            anyhow::bail!("a task failed: {failed:?}");
        }
        let Some(open) = tasks.iter().find(|task| !task.state.is_settled()) else {
            return Ok(());
        };
        let mut events = client.task_events(open.id);
        while let Some(task) = events.next().await {
            task?;
        }
    }
}

async fn look(client: &Client) -> Seen {
    let kb = client
        .find_knowledge_base(KB)
        .await
        .expect("an answer")
        .expect("the knowledge base");
    let mut documents = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = client
            .documents(kb.id, cursor.as_deref())
            .await
            .expect("documents");
        for document in page.items {
            let text = client.document_text(document.id).await.expect("a text");
            documents.insert(document.path, (document.title, document.chunk_count, text));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut results = Vec::new();
    for mode in [
        RetrievalMode::Lexical,
        RetrievalMode::Dense,
        RetrievalMode::Hybrid,
    ] {
        for query in QUERIES {
            let request = SearchRequest {
                query: (*query).to_owned(),
                knowledge_bases: vec![KB.to_owned()],
                mode,
                limit: 20,
                distinct_documents: false,
            };
            let found = client.search(&request).await.expect("a search").passages;
            let mut found: Vec<_> = found
                .into_iter()
                .map(|hit| {
                    (
                        hit.document_path,
                        hit.lines.first,
                        (f64::from(hit.score) * 1_000.0).round() as i64,
                    )
                })
                .collect();
            // Equal scores may come in any order.
            found.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.cmp(b)));
            results.push(found);
        }
    }
    let vectors = client.readiness().await.expect("readiness").vectors;
    let points = vectors
        .collections
        .into_iter()
        .map(|collection| (collection.name, collection.points))
        .collect();
    Seen {
        documents,
        results,
        points,
    }
}

/// What is seen of the last state if it is the only one that ever was, and nothing disturbs.
async fn undisturbed(last: &Path) -> Seen {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Nexus::start(data.path(), &[]).await.expect("a server");
    upload(&server.client, last).await.expect("an accepted upload");
    quiet(&server.client).await.expect("no failed task");
    sweep(server, data.path()).await
}

/// A start sweeps; what is seen after it is the final state.
async fn sweep(server: Nexus, data: &Path) -> Seen {
    server.kill().await.expect("a kill");
    let server = Nexus::start(data, &[]).await.expect("a server");
    // The sweep of the start may not have been enqueued yet.
    while server
        .client
        .tasks(None)
        .await
        .expect("tasks")
        .items
        .iter()
        .all(|task| task.state.is_settled())
    {
        if quiet_since_start(&server.client).await {
            break;
        }
    }
    quiet(&server.client).await.expect("no failed task");
    look(&server.client).await
}

async fn quiet_since_start(client: &Client) -> bool {
    tokio::time::sleep(Duration::from_millis(200)).await;
    let newest = client.tasks(None).await.expect("tasks").items.into_iter().next();
    newest.is_some_and(|task| task.state == TaskState::Succeeded && task.kind == nexus_api::TaskKind::Sweep)
}

/// Whether it has ended itself at a crash point.
fn aborted(ended: Option<ExitStatus>) -> bool {
    ended.is_some_and(|status| status.to_string().contains("SIGABRT"))
}

/// Gives a server another state to take in, and lets it work until it ends itself at the crash point, is killed after
/// `patience`, or has nothing left to do. Whether it was ended.
async fn disturb(data: &Path, settings: &[(&str, &str)], archive: &Path, patience: Option<Duration>) -> bool {
    let mut server = match Nexus::start(data, settings).await {
        Ok(server) => server,
        // It went on with earlier work at once, and ended itself before it served.
        Err(error) if error.to_string().contains("SIGABRT") => return true,
        Err(error) => panic!("the server does not start: {error}"),
    };
    let client = server.client.clone();
    if let Err(error) = upload(&client, archive).await {
        let ended = aborted(server.ended(Duration::from_secs(5)).await);
        assert!(ended, "an upload was refused by a server that lives: {error}");
        return true;
    }
    if let Some(patience) = patience {
        tokio::time::sleep(patience).await;
        server.kill().await.expect("a kill");
        return true;
    }
    let ended = tokio::select! {
        ended = server.ended(Duration::from_secs(120)) => aborted(ended),
        // Not reached, or the last work ended the server while we asked.
        _ = quiet(&client) => aborted(server.ended(Duration::from_millis(500)).await),
    };
    if !ended {
        server.kill().await.expect("a kill");
    }
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingestion_that_is_killed_again_and_again_ends_as_if_nothing_had_happened() {
    let models = e2e::models_dir().join("manifest.json");
    assert!(models.is_file(), "there is no embedding model: run make models");
    let seed: u64 = std::env::var("NEXUS_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_120);
    eprintln!("NEXUS_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut plan: Vec<Option<&str>> = CRASH_POINTS.iter().copied().map(Some).collect();
    plan.extend(std::iter::repeat_n(None, RANDOM_KILLS));
    plan.shuffle(&mut random);

    let states = States::new();
    let last = states.pack(plan.len(), false);
    let expected = undisturbed(&last).await;
    assert!(expected.documents.len() > 25, "{}", expected.documents.len());

    let data = tempfile::tempdir().expect("a temporary folder");
    let trace = data.path().join("trace.txt");
    let trace_path = trace.to_string_lossy().into_owned();
    let mut not_reached = Vec::new();
    for (state, step) in plan.into_iter().enumerate() {
        let crash = step.map(|point| format!("{point}:1"));
        let mut settings = vec![("NEXUS_TEST_TRACE", trace_path.as_str())];
        if let Some(crash) = &crash {
            settings.push(("NEXUS_TEST_CRASH_AT", crash));
        }
        let patience = step
            .is_none()
            .then(|| Duration::from_millis(random.random_range(50..1_500)));
        let rebuilds = step == Some("rebuild.page");
        let archive = states.pack(state, rebuilds);
        let ended = disturb(data.path(), &settings, &archive, patience).await;
        eprintln!(
            "{}: {}",
            step.unwrap_or("a random moment"),
            if ended { "killed" } else { "not reached" }
        );
        not_reached.extend(step.filter(|_| !ended));
    }
    assert_eq!(not_reached, [""; 0], "places that were not reached");

    let server = Nexus::start(data.path(), &[("NEXUS_TEST_TRACE", &trace_path)])
        .await
        .expect("a server");
    upload(&server.client, &last).await.expect("an accepted upload");
    quiet(&server.client).await.expect("no failed task");
    let seen = sweep(server, data.path()).await;
    assert_eq!(
        seen.points, expected.points,
        "points without rows, or rows without points"
    );
    assert_eq!(seen.documents, expected.documents);
    for (number, (seen, expected)) in seen.results.iter().zip(&expected.results).enumerate() {
        assert_eq!(seen, expected, "query {}", QUERIES[number % QUERIES.len()]);
    }
    assert_nothing_computed_twice(&trace);
}

/// A vector that has reached the cache is never computed again while a chunk has its text.
fn assert_nothing_computed_twice(trace: &Path) {
    let text = std::fs::read_to_string(trace).expect("the dense pass left a trace");
    let mut cached = BTreeSet::new();
    let mut computed = 0;
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("computed", hash)) => {
                computed += 1;
                assert!(!cached.contains(hash), "{hash} was computed again");
            }
            Some(("cached", hash)) => {
                cached.insert(hash.to_owned());
            }
            Some(("forgotten", hash)) => {
                cached.remove(hash);
            }
            _ => {}
        }
    }
    assert!(
        computed >= cached.len() && cached.len() > 50,
        "{computed} computed, {} cached",
        cached.len()
    );
}
