use std::collections::BTreeSet;

use nexus_domain::task::{Counts, TaskPayload};
use nexus_domain::{KbId, Progress, Stage, Task, TaskError, TaskId, TaskKind, TaskState};
use nexus_storage::{Db, TaskFilter};

use crate::support::{at, enqueued, ingest, new_task, stored_kb, token};

on_both_databases! {
    a_task_is_read_back_as_it_was_written
    tasks_are_listed_newest_first_page_by_page
    tasks_of_some_knowledge_bases_are_listed_newest_first
    open_tasks_are_known
    the_queue_has_a_depth
}

async fn a_task_is_read_back_as_it_was_written(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let plain = ingest(kb);
    let full = Task {
        state: TaskState::Running,
        attempts: 3,
        lease: Some(nexus_domain::task::Lease {
            token: token(),
            until: at(90),
        }),
        requested_state: Some(TaskState::Cancelled),
        progress: Progress {
            stage: Stage::Indexing,
            done: 7,
            total: Some(9),
            rate_milli: Some(1_500),
            eta_millis: Some(20),
            waits_for: Some("модель \0".to_owned()),
            counts: Counts {
                bytes_read: u64::MAX,
                ..Counts::default()
            },
            away_since: Some(at(4)),
            plan: Some(nexus_domain::task::Plan {
                add: 1,
                ..nexus_domain::task::Plan::default()
            }),
        },
        error: Some(TaskError {
            code: "timeout".to_owned(),
            message: "Ждали 30 с".to_owned(),
        }),
        started_at: Some(at(1)),
        finished_at: Some(at(2)),
        ..new_task(None, TaskPayload::Sweep)
    };
    for task in [plain, full] {
        let id = enqueued(db, task.clone()).await;
        assert_eq!(db.tasks().get(id).await.unwrap(), Some(task));
    }
    assert_eq!(db.tasks().get(TaskId::new(at(0))).await.unwrap(), None);
}

async fn tasks_are_listed_newest_first_page_by_page(db: &Db) {
    let (one, two) = (stored_kb(db, "one").await, stored_kb(db, "two").await);
    let mut ids = Vec::new();
    for kb in [one, two, one, one] {
        ids.push(enqueued(db, ingest(kb)).await);
    }
    let embed = Task {
        state: TaskState::Failed,
        ..new_task(Some(one), TaskPayload::EmbedKb)
    };
    ids.push(enqueued(db, embed).await);

    let mut seen: Vec<TaskId> = Vec::new();
    loop {
        let page = db
            .tasks()
            .list(TaskFilter::default(), seen.last().copied(), 2)
            .await
            .unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|task| task.id));
    }
    seen.reverse();
    assert_eq!(seen, ids);

    let count = async |filter| db.tasks().list(filter, None, 10).await.unwrap().len();
    let any = TaskFilter::default();
    assert_eq!(count(TaskFilter { kb: Some(one), ..any }).await, 4);
    assert_eq!(
        count(TaskFilter {
            state: Some(TaskState::Failed),
            ..any
        })
        .await,
        1
    );
    assert_eq!(
        count(TaskFilter {
            kind: Some(TaskKind::IngestUpload),
            kb: Some(one),
            ..any
        })
        .await,
        3
    );
    let none = TaskFilter {
        kb: Some(two),
        state: Some(TaskState::Failed),
        kind: Some(TaskKind::EmbedKb),
        ..any
    };
    assert_eq!(count(none).await, 0);
}

async fn tasks_of_some_knowledge_bases_are_listed_newest_first(db: &Db) {
    let kbs: Vec<KbId> = (0..140).map(|_| KbId::new(at(0))).collect();
    let among: BTreeSet<KbId> = kbs.iter().copied().filter(|kb| *kb != kbs[3]).collect();
    let mut tx = db.begin().await.unwrap();
    let mut expected = Vec::new();
    for n in 0..280 {
        // Neighbours in time are in different batches of ids.
        let task = ingest(kbs[n * 59 % 140]);
        tx.tasks().enqueue(&task).await.unwrap();
        if task.kb_id != Some(kbs[3]) {
            expected.push(task.id);
        }
    }
    let of_no_kb = new_task(None, TaskPayload::Sweep);
    tx.tasks().enqueue(&of_no_kb).await.unwrap();
    tx.commit().await.unwrap();
    expected.reverse();

    let of_these = TaskFilter {
        kbs: Some(&among),
        ..TaskFilter::default()
    };
    let mut seen: Vec<TaskId> = Vec::new();
    loop {
        let page = db.tasks().list(of_these, seen.last().copied(), 50).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() == 50 || seen.len() + page.len() == expected.len());
        seen.extend(page.iter().map(|task| task.id));
    }
    assert_eq!(seen, expected);

    let count = async |filter| db.tasks().list(filter, None, 500).await.unwrap().len();
    let of = |kb| TaskFilter {
        kb: Some(kb),
        ..of_these
    };
    assert_eq!(count(of(kbs[4])).await, 2);
    assert_eq!(count(of(kbs[3])).await, 0, "both restrictions hold");
    let failed = TaskFilter {
        state: Some(TaskState::Failed),
        ..of_these
    };
    assert_eq!(count(failed).await, 0);
    let none = BTreeSet::new();
    let of_none = TaskFilter {
        kbs: Some(&none),
        ..TaskFilter::default()
    };
    assert_eq!(count(of_none).await, 0);
    assert_eq!(count(TaskFilter::default()).await, 281);
    // None of these knowledge bases is there.
    let live = TaskFilter {
        live_only: true,
        ..TaskFilter::default()
    };
    assert_eq!(count(live).await, 1);
    let live = TaskFilter {
        live_only: true,
        ..of_these
    };
    assert_eq!(count(live).await, 0);
}

async fn open_tasks_are_known(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let states = [
        (TaskState::Queued, true, true),
        (TaskState::Running, true, false),
        (TaskState::Paused, false, false),
        (TaskState::Failed, false, false),
    ];
    for (kind, (state, open, queued)) in [TaskKind::EmbedKb, TaskKind::RebuildLexical, TaskKind::Sweep]
        .into_iter()
        .zip(states)
    {
        assert!(!db.tasks().has_open(Some(kb), kind).await.unwrap());
        let payload = match kind {
            TaskKind::EmbedKb => TaskPayload::EmbedKb,
            TaskKind::RebuildLexical => TaskPayload::RebuildLexical,
            _ => TaskPayload::Sweep,
        };
        enqueued(
            db,
            Task {
                state,
                ..new_task(Some(kb), payload)
            },
        )
        .await;
        assert_eq!(
            db.tasks().has_open(Some(kb), kind).await.unwrap(),
            open,
            "{state:?}"
        );
        assert_eq!(
            db.tasks().has_queued(Some(kb), kind).await.unwrap(),
            queued,
            "{state:?}"
        );
    }
    let other = stored_kb(db, "other").await;
    assert!(!db.tasks().has_open(Some(other), TaskKind::EmbedKb).await.unwrap());
}

async fn the_queue_has_a_depth(db: &Db) {
    for state in [TaskState::Queued, TaskState::Queued, TaskState::Succeeded] {
        enqueued(
            db,
            Task {
                state,
                ..new_task(None, TaskPayload::Sweep)
            },
        )
        .await;
    }
    assert_eq!(
        db.tasks().depth().await.unwrap(),
        [(TaskState::Queued, 2), (TaskState::Succeeded, 1)]
    );
}
