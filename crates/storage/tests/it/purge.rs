use nexus_domain::task::TaskPayload;
use nexus_domain::{DocumentId, TaskState};
use nexus_storage::{Db, PurgeStep, TaskFilter};

use crate::support::{Shelf, at, enqueued, filter, ingest, new_task};

on_both_databases! {
    a_deleted_knowledge_base_is_purged_step_by_step
    a_live_knowledge_base_is_never_purged
}

async fn step(db: &Db, kb: nexus_domain::KbId, max: usize) -> PurgeStep {
    let mut tx = db.begin().await.unwrap();
    let step = tx.knowledge_bases().purge_step(kb, max).await.unwrap();
    tx.commit().await.unwrap();
    step
}

async fn a_deleted_knowledge_base_is_purged_step_by_step(db: &Db) {
    let (shelf, other) = (Shelf::new(db, "gone").await, Shelf::new(db, "other").await);
    shelf.publish("a.md", &["one", "two", "three"]).await;
    shelf
        .pend(DocumentId::new(at(1)), "b.md", &["pending", "too"])
        .await;
    let (kept, pending) = other.publish("a.md", &["kept"]).await;
    enqueued(
        db,
        nexus_domain::Task {
            state: TaskState::Succeeded,
            ..ingest(shelf.kb)
        },
    )
    .await;
    let running = nexus_domain::Task {
        state: TaskState::Running,
        ..new_task(Some(shelf.kb), TaskPayload::Sweep)
    };
    let running = enqueued(db, running).await;

    let mut tx = db.begin().await.unwrap();
    tx.knowledge_bases().delete(shelf.kb, at(9)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(step(db, shelf.kb, 3).await, PurgeStep::More { chunks: 3 });
    assert_eq!(db.knowledge_bases().deleted(10).await.unwrap(), [shelf.kb]);
    assert_eq!(step(db, shelf.kb, 3).await, PurgeStep::Done);
    assert_eq!(step(db, shelf.kb, 3).await, PurgeStep::Done, "it may be repeated");

    assert_eq!(db.knowledge_bases().deleted(10).await.unwrap(), []);
    assert_eq!(db.versions().retired(10).await.unwrap(), []);
    assert_eq!(db.versions().abandoned(10).await.unwrap(), []);
    assert_eq!(db.sources().list(shelf.kb).await.unwrap(), []);
    let left = db
        .tasks()
        .list(
            TaskFilter {
                kb: Some(shelf.kb),
                ..TaskFilter::default()
            },
            None,
            10,
        )
        .await
        .unwrap();
    assert_eq!(
        left.into_iter().map(|task| task.id).collect::<Vec<_>>(),
        [running]
    );
    assert_eq!(other.texts(kept.id).await, ["kept"]);
    let passages = nexus_domain::Passages::current(db, &[pending.chunks[0].id], &filter(&[other.kb]))
        .await
        .unwrap();
    assert_eq!(passages.len(), 1);
}

async fn a_live_knowledge_base_is_never_purged(db: &Db) {
    let shelf = Shelf::new(db, "live").await;
    let (document, _) = shelf.publish("a.md", &["one"]).await;
    assert_eq!(step(db, shelf.kb, 10).await, PurgeStep::Done);
    assert_eq!(shelf.texts(document.id).await, ["one"]);
    assert!(db.knowledge_bases().get(shelf.kb).await.unwrap().is_some());
}
