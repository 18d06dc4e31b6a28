//! An installation of several processes: some answer, some work, and all start together.

use std::sync::Arc;

use nexus_api::{CheckStatus, ErrorCode, RetrievalMode, TaskState};
use nexus_backend::role::ProcessRole;
use nexus_domain::{KbId, LeaseToken, Progress, Task, TaskId, TaskKind, TaskPayload, Timestamp};
use nexus_storage::{Db, DbOptions, Outcome, TaskFilter};
use nexus_vectors::stand_in::{Persona, StandIn};
use tempfile::TempDir;

use crate::s3::SimulatedS3;
use crate::test_app::{KB, Setup, TestApp, archive};

const PUMPS: &[u8] = b"# Pumps\n\nThe pump is blue. It is started with the lever on its left side.\n";

/// What the processes of one installation share.
struct Installation {
    database: String,
    store: StandIn,
    s3: SimulatedS3,
    _folder: TempDir,
}

impl Installation {
    async fn new() -> Option<Self> {
        let database = nexus_storage::testing::postgres_url().await?;
        let folder = tempfile::tempdir().unwrap();
        Some(Self {
            database,
            store: StandIn::start(folder.path(), Persona::default()).await,
            s3: SimulatedS3::start().await,
            _folder: folder,
        })
    }

    fn setup(&self, role: ProcessRole) -> Setup {
        let mut settings = self.s3.settings();
        settings.push(("NEXUS_DATABASE_URL", self.database.clone()));
        settings.push(("NEXUS_QDRANT_URL", self.store.url()));
        Setup {
            settings,
            role: Some(role),
            ..Setup::default()
        }
    }

    async fn start(&self, role: ProcessRole) -> TestApp {
        TestApp::with(self.setup(role)).await
    }

    /// Tasks that were ever made to fill an index from rows: by words, by vectors.
    async fn tasks_that_fill(&self) -> [usize; 2] {
        let db = self.db().await;
        let mut made = [0; 2];
        for (made, kind) in made.iter_mut().zip([TaskKind::RebuildLexical, TaskKind::EmbedKb]) {
            let filter = TaskFilter {
                kind: Some(kind),
                ..TaskFilter::default()
            };
            *made = db.tasks().list(filter, None, 100).await.unwrap().len();
        }
        made
    }

    async fn db(&self) -> Db {
        Db::connect(&self.database, DbOptions::default()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_takes_an_upload_another_reads_it_and_a_third_answers() {
    let Some(shared) = Installation::new().await else {
        return;
    };
    let api = shared.start(ProcessRole::Api).await;
    let task = api
        .upload_archive("docs.tar.gz", &archive(&[("pumps.md", PUMPS)]))
        .await;
    // Nobody works yet.
    assert_eq!(api.client.task(task).await.unwrap().state, TaskState::Queued);
    let worker = shared.start(ProcessRole::Worker).await;
    assert_eq!(api.settled(task).await.state, TaskState::Succeeded);
    let other = shared.start(ProcessRole::Api).await;
    assert_eq!(other.found("lever").await, ["pumps.md"]);
    assert_eq!(other.search("blue pump", RetrievalMode::Dense).await.len(), 1);
    let embedded = |app: &TestApp| app.embedder.as_ref().unwrap().embedded().len();
    assert_eq!((embedded(&api), embedded(&worker), embedded(&other)), (0, 1, 0));
    shared.s3.until_empty().await;

    // A worker answers how it is, and nothing else.
    assert_eq!(worker.client.readiness().await.unwrap().status, CheckStatus::Ok);
    let error = worker.client.tasks(None).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NotFound), "{error}");
    api.end().await;
    other.stop_now().await;
    worker.stop_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_hands_its_task_to_another_at_once() {
    let Some(shared) = Installation::new().await else {
        return;
    };
    let (api, worker) = (
        shared.start(ProcessRole::Api).await,
        shared.start(ProcessRole::Worker).await,
    );
    let texts: Vec<(String, String)> = (0..400)
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
    let task = api.upload_archive("docs.tar.gz", &archive(&files)).await;
    let mut events = api.client.task_events(task);
    while events.next().await.unwrap().unwrap().state == TaskState::Queued {}
    // The clock stands still: a lease would never run out.
    worker.stop_now().await;
    let other = shared.start(ProcessRole::Worker).await;
    assert_eq!(api.settled(task).await.state, TaskState::Succeeded);
    assert_eq!(api.found("word399").await[0], "399.md");
    api.end().await;
    other.stop_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_prepare_the_installation_once() {
    let Some(shared) = Installation::new().await else {
        return;
    };
    let first = shared.start(ProcessRole::Serve).await;
    first.ingest(&[("pumps.md", PUMPS)]).await;
    first.end().await;
    let made_before = shared.tasks_that_fill().await;
    // The indexes are lost, and four processes find out at the same time.
    let Installation {
        database, s3, store, ..
    } = shared;
    store.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let shared = Installation {
        database,
        s3,
        store: StandIn::start(folder.path(), Persona::default()).await,
        _folder: folder,
    };
    use ProcessRole::{Api, Serve, Worker};
    let all = [Api, Api, Worker, Serve].map(|role| shared.start(role));
    let [one, two, three, four] = all;
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    one.quiet().await;
    assert_eq!(one.found("lever").await, ["pumps.md"]);
    assert_eq!(two.search("blue pump", RetrievalMode::Dense).await.len(), 1);
    let [rebuilds, embeds] = shared.tasks_that_fill().await;
    assert_eq!(
        [rebuilds - made_before[0], embeds - made_before[1]],
        [1, 1],
        "one of them enqueued what all found missing"
    );
    one.end().await;
    for app in [two, three, four] {
        app.stop_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_installation_can_be_started_by_many_at_once() {
    let Some(shared) = Installation::new().await else {
        return;
    };
    let starts = (0..5).map(|_| shared.start(ProcessRole::Api));
    let apps = futures::future::join_all(starts).await;
    for app in apps {
        app.client
            .tasks(None)
            .await
            .expect("the key of the settings opens each");
        app.stop_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingestion_waits_with_its_vectors_while_another_process_embeds_the_knowledge_base() {
    let Some(shared) = Installation::new().await else {
        return;
    };
    let app = shared.start(ProcessRole::Serve).await;
    let kb = app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let db = shared.db().await;
    let (held, token) = embedding_elsewhere(&db, KbId::from_uuid(kb.id)).await;
    let upload = app
        .upload_archive("docs.tar.gz", &archive(&[("pumps.md", PUMPS)]))
        .await;
    let mut events = app.client.task_events(upload);
    loop {
        let task = events.next().await.unwrap().unwrap();
        if task
            .progress
            .waits_for
            .is_some_and(|what| what.contains("embeds"))
        {
            break;
        }
    }
    assert_eq!(
        app.found("lever").await,
        ["pumps.md"],
        "by words it is found already"
    );
    let embedder = Arc::clone(app.embedder.as_ref().unwrap());
    assert_eq!(embedder.embedded().len(), 0);

    let mut tx = db.begin().await.unwrap();
    let (end, now) = (Outcome::Succeeded, Timestamp::from_micros(1));
    tx.tasks()
        .finish(held, token, &end, &Progress::default(), now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app.settled(upload).await.state, TaskState::Succeeded);
    assert_eq!(embedder.embedded().len(), 1);
    app.end().await;
}

/// A task that another process holds under a lease.
async fn embedding_elsewhere(db: &Db, kb: KbId) -> (TaskId, LeaseToken) {
    // The applications' clock stands at the begin of 2026.
    let now = Timestamp::from_micros(1_767_225_600_000_000);
    let task = Task {
        id: TaskId::new(now),
        kb_id: Some(kb),
        payload: TaskPayload::EmbedKb,
        state: nexus_domain::TaskState::Queued,
        attempts: 0,
        run_at: now,
        lease: None,
        requested_state: None,
        progress: Progress::default(),
        error: None,
        trace_id: String::new(),
        created_at: now,
        started_at: None,
        updated_at: now,
        finished_at: None,
    };
    let token = LeaseToken::new(now);
    let mut tx = db.begin().await.unwrap();
    tx.tasks().enqueue(&task).await.unwrap();
    let lease = std::time::Duration::from_secs(60);
    let claimed = tx.tasks().claim(now, lease, token).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claimed.unwrap().id, task.id);
    (task.id, token)
}
