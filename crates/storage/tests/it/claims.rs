use std::time::Duration;

use futures::future::join_all;
use nexus_domain::task::TaskPayload;
use nexus_domain::{KbId, LeaseToken, Progress, Task, TaskError, TaskId, TaskState, Timestamp};
use nexus_storage::{Db, Outcome, Reschedule};

use crate::support::{at, enqueued, ingest, new_task, stored_kb, token};

on_both_databases! {
    an_empty_queue_gives_nothing
    a_claim_leases_the_task
    tasks_are_taken_by_priority_and_age
    a_knowledge_base_that_runs_less_comes_first
    a_knowledge_base_runs_one_task_of_a_kind
    an_ingestion_and_a_rebuild_do_not_run_beside_each_other
    vectors_are_not_computed_beside_an_ingestion_and_an_upload_never_waits_for_them
    an_upload_passes_a_sync_that_runs_and_a_sync_waits_for_an_upload
    of_two_that_take_in_one_embeds_at_a_time
    uploads_are_taken_in_in_their_order
    sweeps_of_the_installation_run_one_at_a_time
    a_task_is_not_taken_before_its_time
    workers_that_race_never_get_the_same_task
    workers_that_race_never_run_one_knowledge_base_twice
    an_expired_lease_is_taken_over_and_fences_the_old_worker
    a_heartbeat_keeps_the_lease
    a_finished_task_is_settled
    a_failed_attempt_is_tried_again_later
}

const LEASE: Duration = Duration::from_secs(30);

async fn claim_with(db: &Db, now: Timestamp, token: LeaseToken) -> Option<Task> {
    let mut tx = db.begin().await.unwrap();
    let task = tx.tasks().claim(now, LEASE, token).await.unwrap();
    tx.commit().await.unwrap();
    task
}

async fn claim(db: &Db, now: Timestamp) -> Option<TaskId> {
    claim_with(db, now, token()).await.map(|task| task.id)
}

async fn finish(db: &Db, task: TaskId, token: LeaseToken, outcome: Outcome, now: Timestamp) -> bool {
    let mut tx = db.begin().await.unwrap();
    let finished = tx
        .tasks()
        .finish(task, token, &outcome, &Progress::default(), now)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    finished
}

async fn an_empty_queue_gives_nothing(db: &Db) {
    assert_eq!(claim(db, at(1)).await, None);
}

async fn a_claim_leases_the_task(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let id = enqueued(db, ingest(kb)).await;
    let token = token();
    let task = claim_with(db, at(5), token).await.unwrap();
    assert_eq!(
        (task.id, task.state, task.attempts, task.started_at),
        (id, TaskState::Running, 1, Some(at(5)))
    );
    let lease = task.lease.unwrap();
    assert_eq!((lease.token, lease.until), (token, at(35)));
    assert_eq!(db.tasks().get(id).await.unwrap(), Some(task));
    assert_eq!(claim(db, at(6)).await, None);
}

async fn tasks_are_taken_by_priority_and_age(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let sweep = enqueued(db, new_task(None, TaskPayload::Sweep)).await;
    let third = stored_kb(db, "third").await;
    let embed = enqueued(db, new_task(Some(third), TaskPayload::EmbedKb)).await;
    let other = stored_kb(db, "other").await;
    let later = enqueued(
        db,
        Task {
            run_at: at(2),
            ..ingest(kb)
        },
    )
    .await;
    let sooner = enqueued(
        db,
        Task {
            run_at: at(1),
            ..ingest(other)
        },
    )
    .await;
    let mut order = Vec::new();
    while let Some(task) = claim(db, at(5)).await {
        order.push(task);
    }
    assert_eq!(order, [sooner, later, embed, sweep]);
}

async fn a_knowledge_base_that_runs_less_comes_first(db: &Db) {
    let (busy, idle) = (stored_kb(db, "busy").await, stored_kb(db, "idle").await);
    let running = enqueued(db, new_task(Some(busy), TaskPayload::EmbedKb)).await;
    assert_eq!(claim(db, at(1)).await, Some(running));
    let older = enqueued(db, ingest(busy)).await;
    let newer = enqueued(
        db,
        Task {
            run_at: at(2),
            ..ingest(idle)
        },
    )
    .await;
    assert_eq!(claim(db, at(3)).await, Some(newer));
    assert_eq!(claim(db, at(3)).await, Some(older));
}

async fn a_knowledge_base_runs_one_task_of_a_kind(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let (first, second) = (enqueued(db, ingest(kb)).await, enqueued(db, ingest(kb)).await);
    let held = token();
    assert_eq!(claim_with(db, at(1), held).await.unwrap().id, first);
    assert_eq!(claim(db, at(2)).await, None);
    assert!(finish(db, first, held, Outcome::Succeeded, at(3)).await);
    assert_eq!(claim(db, at(4)).await, Some(second));
}

async fn an_ingestion_and_a_rebuild_do_not_run_beside_each_other(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    for kinds in [
        [ingest(kb), new_task(Some(kb), TaskPayload::RebuildLexical)],
        [new_task(Some(kb), TaskPayload::RebuildLexical), ingest(kb)],
    ] {
        let [first, second] = kinds;
        let (first, held) = (enqueued(db, first).await, token());
        assert_eq!(claim_with(db, at(1), held).await.unwrap().id, first);
        let second = enqueued(db, second).await;
        assert_eq!(claim(db, at(1)).await, None);
        assert!(finish(db, first, held, Outcome::Succeeded, at(2)).await);
        let held = token();
        assert_eq!(claim_with(db, at(3), held).await.unwrap().id, second);
        assert!(finish(db, second, held, Outcome::Succeeded, at(4)).await);
    }
}

async fn vectors_are_not_computed_beside_an_ingestion_and_an_upload_never_waits_for_them(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let embeds = enqueued(db, new_task(Some(kb), TaskPayload::EmbedKb)).await;
    let (embedding, taking_in) = (token(), token());
    assert_eq!(claim_with(db, at(1), embedding).await.unwrap().id, embeds);
    let upload = enqueued(db, ingest(kb)).await;
    assert_eq!(claim_with(db, at(2), taking_in).await.unwrap().id, upload);
    let held = async |now| db.tasks().embeds_beside(kb, upload, now).await.unwrap();
    assert!(held(at(30)).await, "so the ingestion waits before it embeds");
    assert!(!held(at(31)).await, "a worker that died holds nothing");

    // Nobody takes it over while the ingestion runs: that embeds what is missing itself.
    assert!(finish(db, embeds, embedding, Outcome::Succeeded, at(3)).await);
    let later = enqueued(db, new_task(Some(kb), TaskPayload::EmbedKb)).await;
    assert_eq!(claim(db, at(4)).await, None);
    assert!(finish(db, upload, taking_in, Outcome::Succeeded, at(5)).await);
    assert_eq!(claim(db, at(6)).await, Some(later));
}

fn sync(kb: KbId) -> Task {
    let payload = TaskPayload::SyncSource {
        source_id: nexus_domain::SourceId::new(at(0)),
        dry_run: false,
        accept_removals: false,
        again: None,
    };
    new_task(Some(kb), payload)
}

async fn an_upload_passes_a_sync_that_runs_and_a_sync_waits_for_an_upload(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let (syncing, uploading) = (token(), token());
    let slow = enqueued(db, sync(kb)).await;
    assert_eq!(claim_with(db, at(1), syncing).await.unwrap().id, slow);
    let rebuild = enqueued(db, new_task(Some(kb), TaskPayload::RebuildLexical)).await;
    let upload = enqueued(db, ingest(kb)).await;
    assert!(!db.tasks().place(upload).await.unwrap().is_kept_waiting);
    assert_eq!(claim_with(db, at(2), uploading).await.unwrap().id, upload);
    let (second, next) = (enqueued(db, sync(kb)).await, enqueued(db, ingest(kb)).await);
    assert_eq!(claim(db, at(3)).await, None, "one upload and one sync at a time");
    assert!(finish(db, slow, syncing, Outcome::Succeeded, at(4)).await);
    assert_eq!(claim(db, at(5)).await, None, "a sync does not pass an upload");
    assert!(finish(db, upload, uploading, Outcome::Succeeded, at(6)).await);
    for waiting in [rebuild, second] {
        let held = token();
        assert_eq!(claim_with(db, at(7), held).await.unwrap().id, waiting);
        if waiting == second {
            assert_eq!(claim(db, at(7)).await, Some(next));
        } else {
            assert!(finish(db, waiting, held, Outcome::Succeeded, at(7)).await);
        }
    }
}

async fn of_two_that_take_in_one_embeds_at_a_time(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let (syncing, uploading) = (token(), token());
    let slow = enqueued(db, sync(kb)).await;
    assert_eq!(claim_with(db, at(1), syncing).await.unwrap().id, slow);
    let upload = enqueued(db, ingest(kb)).await;
    assert_eq!(claim_with(db, at(1), uploading).await.unwrap().id, upload);
    assert!(!db.tasks().embeds_beside(kb, slow, at(2)).await.unwrap());
    let embedding = Progress {
        stage: nexus_domain::Stage::Embedding,
        ..Progress::default()
    };
    let mut tx = db.begin().await.unwrap();
    assert!(tx.knowledge_bases().hold(kb).await.unwrap());
    tx.tasks()
        .note_progress(upload, uploading, &embedding)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(db.tasks().embeds_beside(kb, slow, at(2)).await.unwrap());
    assert!(!db.tasks().embeds_beside(kb, upload, at(2)).await.unwrap());
    assert!(
        !db.tasks().embeds_beside(kb, slow, at(31)).await.unwrap(),
        "a worker that died keeps nobody waiting"
    );
}

async fn uploads_are_taken_in_in_their_order(db: &Db) {
    let (kb, other) = (stored_kb(db, "kb").await, stored_kb(db, "other").await);
    let older = Task {
        run_at: at(60),
        ..ingest(kb)
    };
    let older = enqueued(db, older).await;
    let newer = enqueued(db, ingest(kb)).await;
    let elsewhere = enqueued(db, ingest(other)).await;
    assert_eq!(claim(db, at(1)).await, Some(elsewhere));
    assert_eq!(
        claim(db, at(1)).await,
        None,
        "the older one waits for its next attempt"
    );
    let held = token();
    assert_eq!(claim_with(db, at(60), held).await.unwrap().id, older);
    assert!(finish(db, older, held, Outcome::Succeeded, at(61)).await);
    assert_eq!(claim(db, at(61)).await, Some(newer));
}

async fn sweeps_of_the_installation_run_one_at_a_time(db: &Db) {
    enqueued(db, new_task(None, TaskPayload::Sweep)).await;
    enqueued(db, new_task(None, TaskPayload::Sweep)).await;
    assert!(claim(db, at(1)).await.is_some());
    assert_eq!(claim(db, at(1)).await, None);
}

async fn a_task_is_not_taken_before_its_time(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let id = enqueued(
        db,
        Task {
            run_at: at(60),
            ..ingest(kb)
        },
    )
    .await;
    assert_eq!(claim(db, at(59)).await, None);
    assert_eq!(claim(db, at(60)).await, Some(id));
}

/// As many claims at once as there are tasks, twice: what each round got.
async fn race(db: &Db, claims: usize) -> Vec<Task> {
    let racers = (0..claims).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { claim_with(&db, at(1), token()).await })
    });
    join_all(racers)
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .collect()
}

async fn workers_that_race_never_get_the_same_task(db: &Db) {
    for n in 0..12 {
        let kb = stored_kb(db, &format!("kb {n}")).await;
        enqueued(db, ingest(kb)).await;
    }
    let mut got: Vec<TaskId> = Vec::new();
    for _ in 0..3 {
        got.extend(race(db, 8).await.into_iter().map(|task| task.id));
    }
    let distinct: std::collections::HashSet<_> = got.iter().collect();
    assert_eq!((got.len(), distinct.len()), (12, 12));
}

async fn workers_that_race_never_run_one_knowledge_base_twice(db: &Db) {
    let kbs: Vec<KbId> = [stored_kb(db, "one").await, stored_kb(db, "two").await].into();
    for _ in 0..6 {
        for kb in &kbs {
            enqueued(db, ingest(*kb)).await;
        }
    }
    let mut running: Vec<_> = race(db, 8)
        .await
        .into_iter()
        .filter_map(|task| task.kb_id)
        .collect();
    running.sort();
    assert_eq!(running, kbs);
}

async fn an_expired_lease_is_taken_over_and_fences_the_old_worker(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let id = enqueued(db, ingest(kb)).await;
    let (old, new) = (token(), token());
    claim_with(db, at(0), old).await.unwrap();
    assert_eq!(claim(db, at(29)).await, None);
    let taken = claim_with(db, at(30), new).await.unwrap();
    assert_eq!(
        (taken.id, taken.attempts, taken.lease.unwrap().token),
        (id, 2, new)
    );
    assert_eq!(taken.started_at, Some(at(0)));

    let mut tx = db.begin().await.unwrap();
    let (progress, error) = (
        Progress::default(),
        TaskError {
            code: "x".to_owned(),
            message: "x".to_owned(),
        },
    );
    assert!(!tx.tasks().fence(id, old).await.unwrap());
    assert_eq!(
        tx.tasks()
            .heartbeat(id, old, &progress, at(31), at(61))
            .await
            .unwrap(),
        None
    );
    assert!(
        !tx.tasks()
            .finish(id, old, &Outcome::Succeeded, &progress, at(31))
            .await
            .unwrap()
    );
    let again = Reschedule {
        run_at: at(40),
        error,
        failed: true,
    };
    assert_eq!(
        tx.tasks()
            .reschedule(id, old, &again, &progress, at(31))
            .await
            .unwrap(),
        None
    );
    assert!(tx.tasks().fence(id, new).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(
        db.tasks().get(id).await.unwrap(),
        Some(taken),
        "the old worker wrote nothing"
    );
}

async fn a_heartbeat_keeps_the_lease(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let id = enqueued(db, ingest(kb)).await;
    let token = token();
    claim_with(db, at(0), token).await.unwrap();
    let progress = Progress {
        done: 5,
        total: Some(10),
        ..Progress::default()
    };
    let mut tx = db.begin().await.unwrap();
    let beat = tx
        .tasks()
        .heartbeat(id, token, &progress, at(20), at(50))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(beat.requested_state, None);
    tx.commit().await.unwrap();
    assert_eq!(claim(db, at(49)).await, None);
    let task = db.tasks().get(id).await.unwrap().unwrap();
    assert_eq!((task.progress, task.updated_at), (progress, at(20)));
}

async fn a_finished_task_is_settled(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let error = TaskError {
        code: "corrupt".to_owned(),
        message: "no archive".to_owned(),
    };
    let outcomes = [
        (Outcome::Succeeded, TaskState::Succeeded, None, Some(at(9))),
        (
            Outcome::Failed(error.clone()),
            TaskState::Failed,
            Some(error),
            Some(at(9)),
        ),
    ];
    for (outcome, state, error, finished_at) in outcomes {
        let id = enqueued(db, ingest(kb)).await;
        let token = token();
        assert_eq!(claim_with(db, at(1), token).await.unwrap().id, id);
        assert!(finish(db, id, token, outcome.clone(), at(9)).await);
        assert!(
            !finish(db, id, token, outcome, at(10)).await,
            "the lease is given back"
        );
        let task = db.tasks().get(id).await.unwrap().unwrap();
        assert_eq!(
            (task.state, task.error, task.finished_at, task.lease),
            (state, error, finished_at, None)
        );
    }
    assert_eq!(claim(db, at(1_000)).await, None);
}

async fn a_failed_attempt_is_tried_again_later(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let id = enqueued(db, ingest(kb)).await;
    let held = token();
    claim_with(db, at(0), held).await.unwrap();
    let error = TaskError {
        code: "model_away".to_owned(),
        message: "the model is away".to_owned(),
    };
    give_back(db, id, held, error.clone(), true).await;
    assert_eq!(claim(db, at(59)).await, None);
    let held = token();
    let again = claim_with(db, at(60), held).await.unwrap();
    assert_eq!(
        (again.id, again.attempts, again.error.as_ref()),
        (id, 2, Some(&error))
    );
    give_back(db, id, held, error, false).await;
    let again = claim_with(db, at(60), token()).await.unwrap();
    assert_eq!(again.attempts, 2, "an attempt that only stopped does not count");
}

async fn give_back(db: &Db, task: TaskId, token: LeaseToken, error: TaskError, failed: bool) {
    let to = Reschedule {
        run_at: at(60),
        error,
        failed,
    };
    let mut tx = db.begin().await.unwrap();
    let state = tx
        .tasks()
        .reschedule(task, token, &to, &Progress::default(), at(1))
        .await
        .unwrap();
    assert_eq!(state, Some(TaskState::Queued));
    tx.commit().await.unwrap();
}
