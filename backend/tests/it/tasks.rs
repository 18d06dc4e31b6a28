//! Following and steering tasks.

use nexus_api::{ErrorCode, TaskStage, TaskState};
use nexus_domain::{Progress, Task, TaskId, TaskPayload, Timestamp};
use nexus_storage::{Db, DbOptions};

use crate::test_app::{KB, Setup, TestApp, archive};

fn pages(count: usize) -> Vec<u8> {
    let names: Vec<String> = (0..count).map(|n| format!("page-{n:04}.md")).collect();
    let texts: Vec<String> = (0..count)
        .map(|n| {
            format!(
                "# Page {n}\n\n{}\n",
                format!("Word{n} says something of its own. ").repeat(30)
            )
        })
        .collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    archive(&files)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_tells_its_stages_and_its_end() {
    let app = TestApp::start().await;
    let id = app.upload_archive("pages.tar.gz", &pages(300)).await;
    let mut events = app.client.task_events(id);
    let mut states = Vec::new();
    while let Some(task) = events.next().await {
        states.push(task.unwrap());
    }
    let last = states.last().unwrap();
    assert_eq!(
        (last.state, last.progress.stage),
        (TaskState::Succeeded, TaskStage::Finished)
    );
    assert_eq!(last.counts.documents_indexed, 300);
    assert!(last.finished_at.is_some());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_stops_leaves_whole_documents_and_can_be_resumed() {
    let app = TestApp::start().await;
    let id = app.upload_archive("pages.tar.gz", &pages(3_000)).await;
    app.client.cancel_task(id).await.unwrap();
    let task = app.settled(id).await;
    assert_eq!(task.state, TaskState::Cancelled);
    app.client.resume_task(id).await.unwrap();
    let task = app.settled(id).await;
    assert_eq!(task.state, TaskState::Succeeded);
    let kb = app
        .client
        .find_knowledge_base(crate::test_app::KB)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kb.documents, 3_000);
    assert_eq!(kb.chunks, kb.embedded_chunks);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_a_newer_one_has_replaced_is_not_resumed() {
    let app = TestApp::start().await;
    let old = app.upload_archive("pages.tar.gz", b"not an archive").await;
    assert_eq!(app.settled(old).await.state, TaskState::Failed);
    let new = app.upload_archive("pages.tar.gz", &pages(2)).await;
    assert_eq!(app.settled(new).await.state, TaskState::Succeeded);
    let error = app.client.resume_task(old).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::TaskState));
    assert!(error.to_string().contains(&new.to_string()), "{error}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_has_ended_its_process_too_often_is_given_up() {
    let app = TestApp::start().await;
    app.ingest(&[("a.md", b"# A\n\ntext\n")]).await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    let data = app.end().await;
    let url = format!("sqlite:{}", data.path().join("nexus.db").display());
    let db = Db::connect(&url, DbOptions::default()).await.unwrap();
    let now = Timestamp::from_micros(1);
    let task = Task {
        id: TaskId::new(now),
        kb_id: Some(kb.id.to_string().parse().unwrap()),
        payload: TaskPayload::EmbedKb,
        state: nexus_domain::TaskState::Queued,
        attempts: 50,
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
    let mut tx = db.begin().await.unwrap();
    tx.tasks().enqueue(&task).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;

    let app = TestApp::with(Setup {
        data: Some(data),
        ..Setup::default()
    })
    .await;
    let task = app.settled(task.id.to_string().parse().unwrap()).await;
    assert_eq!(task.state, TaskState::Failed);
    assert_eq!(task.error.unwrap().code, "abandoned");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_over_cannot_be_steered() {
    let app = TestApp::start().await;
    let task = app.ingest(&[("a.md", b"# A\n\ntext\n")]).await;
    for error in [
        app.client.cancel_task(task.id).await.unwrap_err(),
        app.client.pause_task(task.id).await.unwrap_err(),
        app.client.resume_task(task.id).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Some(ErrorCode::TaskState));
    }
    let nobody = uuid::Uuid::new_v4();
    assert_eq!(
        app.client.task(nobody).await.unwrap_err().code(),
        Some(ErrorCode::NotFound)
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_running_when_the_server_stopped_goes_on_with_the_next_start() {
    let app = TestApp::start().await;
    let id = app.upload_archive("pages.tar.gz", &pages(1_500)).await;
    let data = app.stop_now().await;
    let app = TestApp::with(Setup {
        data: Some(data),
        ..Setup::default()
    })
    .await;
    let task = app.settled(id).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    let kb = app
        .client
        .find_knowledge_base(crate::test_app::KB)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kb.documents, kb.chunks), (1_500, kb.embedded_chunks));
    app.end().await;
}
