use std::time::Duration;

use nexus_domain::{LeaseToken, Progress, Task, TaskError, TaskId, TaskState};
use nexus_storage::{Db, Requested, Reschedule, Resumed, Stop};

use crate::support::{at, enqueued, ingest, stored_kb, token};

on_both_databases! {
    a_waiting_task_stops_at_once
    a_running_task_learns_of_the_request_with_its_heartbeat
    a_request_to_cancel_is_not_softened
    a_settled_task_says_so
    a_stopped_task_goes_on
    a_task_that_is_asked_to_stop_is_not_tried_again
    a_crashed_worker_does_not_lose_the_request
    deleting_a_knowledge_base_cancels_its_tasks
}

async fn waiting(db: &Db) -> TaskId {
    let kb = stored_kb(db, "kb").await;
    enqueued(db, ingest(kb)).await
}

async fn running(db: &Db) -> (TaskId, LeaseToken) {
    let (id, token) = (waiting(db).await, token());
    let mut tx = db.begin().await.unwrap();
    tx.tasks()
        .claim(at(1), Duration::from_secs(30), token)
        .await
        .unwrap()
        .unwrap();
    tx.commit().await.unwrap();
    (id, token)
}

async fn request(db: &Db, id: TaskId, stop: Stop) -> Requested {
    let mut tx = db.begin().await.unwrap();
    let requested = tx.tasks().request_state(id, stop, at(2)).await.unwrap();
    tx.commit().await.unwrap();
    requested
}

async fn resume(db: &Db, id: TaskId) -> Resumed {
    let mut tx = db.begin().await.unwrap();
    let resumed = tx.tasks().resume(id, at(3)).await.unwrap();
    tx.commit().await.unwrap();
    resumed
}

async fn task(db: &Db, id: TaskId) -> Task {
    db.tasks().get(id).await.unwrap().unwrap()
}

async fn a_waiting_task_stops_at_once(db: &Db) {
    let id = waiting(db).await;
    assert_eq!(request(db, id, Stop::Pause).await, Requested::Stopped);
    assert_eq!(
        (task(db, id).await.state, task(db, id).await.finished_at),
        (TaskState::Paused, None)
    );
    assert_eq!(
        request(db, id, Stop::Pause).await,
        Requested::Settled(TaskState::Paused)
    );
    assert_eq!(
        request(db, id, Stop::Cancel).await,
        Requested::Stopped,
        "a paused task can be given up"
    );
    let cancelled = task(db, id).await;
    assert_eq!(
        (cancelled.state, cancelled.finished_at, cancelled.requested_state),
        (TaskState::Cancelled, Some(at(2)), None)
    );
}

async fn a_running_task_learns_of_the_request_with_its_heartbeat(db: &Db) {
    let (id, token) = running(db).await;
    assert_eq!(request(db, id, Stop::Pause).await, Requested::Asked);
    assert_eq!(task(db, id).await.state, TaskState::Running);
    let mut tx = db.begin().await.unwrap();
    let beat = tx
        .tasks()
        .heartbeat(id, token, &Progress::default(), at(3), at(33))
        .await
        .unwrap();
    assert_eq!(beat.unwrap().requested_state, Some(TaskState::Paused));
    tx.commit().await.unwrap();

    assert_eq!(resume(db, id).await, Resumed::StillRunning);
    assert_eq!(task(db, id).await.requested_state, None);
}

async fn a_request_to_cancel_is_not_softened(db: &Db) {
    let (id, _) = running(db).await;
    assert_eq!(request(db, id, Stop::Pause).await, Requested::Asked);
    assert_eq!(request(db, id, Stop::Cancel).await, Requested::Asked);
    assert_eq!(request(db, id, Stop::Pause).await, Requested::Asked);
    assert_eq!(task(db, id).await.requested_state, Some(TaskState::Cancelled));
    assert_eq!(resume(db, id).await, Resumed::NotResumable(TaskState::Running));
}

async fn a_settled_task_says_so(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let id = enqueued(
        db,
        Task {
            state: TaskState::Succeeded,
            ..ingest(kb)
        },
    )
    .await;
    assert_eq!(
        request(db, id, Stop::Cancel).await,
        Requested::Settled(TaskState::Succeeded)
    );
    assert_eq!(resume(db, id).await, Resumed::NotResumable(TaskState::Succeeded));
    let unknown = TaskId::new(at(0));
    assert_eq!(request(db, unknown, Stop::Cancel).await, Requested::NotFound);
    assert_eq!(resume(db, unknown).await, Resumed::NotFound);
}

async fn a_stopped_task_goes_on(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let error = Some(TaskError {
        code: "x".to_owned(),
        message: "x".to_owned(),
    });
    for state in [TaskState::Paused, TaskState::Failed, TaskState::Cancelled] {
        let stopped = Task {
            state,
            attempts: 5,
            error: error.clone(),
            finished_at: Some(at(1)),
            ..ingest(kb)
        };
        let id = enqueued(db, stopped).await;
        assert_eq!(resume(db, id).await, Resumed::Queued);
        let task = task(db, id).await;
        assert_eq!(
            (task.state, task.attempts, task.run_at),
            (TaskState::Queued, 0, at(3))
        );
        assert_eq!((task.error, task.finished_at), (None, None));
    }
}

async fn a_task_that_is_asked_to_stop_is_not_tried_again(db: &Db) {
    let (id, token) = running(db).await;
    request(db, id, Stop::Cancel).await;
    let error = TaskError {
        code: "x".to_owned(),
        message: "x".to_owned(),
    };
    let mut tx = db.begin().await.unwrap();
    let to = Reschedule {
        run_at: at(60),
        error,
        failed: true,
    };
    let state = tx
        .tasks()
        .reschedule(id, token, &to, &Progress::default(), at(4))
        .await
        .unwrap();
    assert_eq!(state, Some(TaskState::Cancelled));
    tx.commit().await.unwrap();
    let task = task(db, id).await;
    assert_eq!(
        (task.state, task.finished_at, task.requested_state, task.error),
        (TaskState::Cancelled, Some(at(4)), None, None)
    );
}

async fn a_crashed_worker_does_not_lose_the_request(db: &Db) {
    let (id, _) = running(db).await;
    request(db, id, Stop::Cancel).await;
    let mut tx = db.begin().await.unwrap();
    let taken = tx
        .tasks()
        .claim(at(100), Duration::from_secs(30), token())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (taken.id, taken.requested_state),
        (id, Some(TaskState::Cancelled))
    );
}

async fn deleting_a_knowledge_base_cancels_its_tasks(db: &Db) {
    let (id, token) = running(db).await;
    let kb = task(db, id).await.kb_id.unwrap();
    let waiting = enqueued(db, ingest(kb)).await;
    let done = enqueued(
        db,
        Task {
            state: TaskState::Succeeded,
            ..ingest(kb)
        },
    )
    .await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.tasks().cancel_of_kb(kb, at(5)).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert_eq!(task(db, waiting).await.state, TaskState::Cancelled);
    assert_eq!(task(db, waiting).await.finished_at, Some(at(5)));
    assert_eq!(task(db, done).await.state, TaskState::Succeeded);
    let mut tx = db.begin().await.unwrap();
    let beat = tx
        .tasks()
        .heartbeat(id, token, &Progress::default(), at(6), at(36))
        .await
        .unwrap();
    assert_eq!(beat.unwrap().requested_state, Some(TaskState::Cancelled));
}
