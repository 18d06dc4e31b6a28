//! Kills an ingestion wherever it hurts, again and again, and then looks for damage: the documents, texts and search
//! results must be those of an undisturbed run, no vector may have been computed twice, and nothing may be left over.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use e2e::Nexus;
use nexus_api::TaskState;
use nexus_client::{Client, Upload, UploadTarget};
use nexus_ingest::ArchiveWriter;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::seen::{Seen, assert_nothing_computed_twice, look, quiet};

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
/// Vectors of one text are the same to the last digit that is compared, whatever is computed beside it. In bf16 they are not.
const EXACT: (&str, &str) = ("NEXUS_MODELS_PRECISION", "fp32");
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

/// What is seen of the last state if it is the only one that ever was, and nothing disturbs.
async fn undisturbed(last: &Path) -> Seen {
    let data = tempfile::tempdir().expect("a temporary folder");
    let server = Nexus::start(data.path(), &[EXACT]).await.expect("a server");
    upload(&server.client, last).await.expect("an accepted upload");
    quiet(&server.client).await.expect("no failed task");
    sweep(server, data.path()).await
}

/// A start sweeps; what is seen after it is the final state.
async fn sweep(server: Nexus, data: &Path) -> Seen {
    server.kill().await.expect("a kill");
    let server = Nexus::start(data, &[EXACT]).await.expect("a server");
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
    look(&server.client, KB, QUERIES).await
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
        let mut settings = vec![EXACT, ("NEXUS_TEST_TRACE", trace_path.as_str())];
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

    let server = Nexus::start(data.path(), &[EXACT, ("NEXUS_TEST_TRACE", &trace_path)])
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
