use nexus_domain::task::TaskPayload;
use nexus_domain::{ContentHash, SourceId, TaskState, Upload, UploadId};
use nexus_storage::Db;

use crate::support::{at, enqueued, new_task};

on_both_databases! {
    an_upload_is_kept_until_it_is_deleted
    an_upload_is_unused_once_its_tasks_have_settled
}

fn upload(created: i64) -> Upload {
    Upload {
        id: UploadId::new(at(created)),
        file_name: "Руководство.zip".to_owned(),
        size_bytes: 5_000_000_000,
        content_hash: ContentHash::of(b"zip"),
        created_at: at(created),
    }
}

async fn store(db: &Db, upload: &Upload) {
    let mut tx = db.begin().await.unwrap();
    tx.uploads().insert(upload).await.unwrap();
    tx.commit().await.unwrap();
}

async fn an_upload_is_kept_until_it_is_deleted(db: &Db) {
    let upload = upload(0);
    store(db, &upload).await;
    assert_eq!(db.uploads().get(upload.id).await.unwrap(), Some(upload.clone()));
    let mut tx = db.begin().await.unwrap();
    assert!(tx.uploads().delete(upload.id).await.unwrap());
    assert!(!tx.uploads().delete(upload.id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(db.uploads().get(upload.id).await.unwrap(), None);
}

async fn an_upload_is_unused_once_its_tasks_have_settled(db: &Db) {
    let states = [
        (TaskState::Queued, false),
        (TaskState::Running, false),
        (TaskState::Paused, false),
        (TaskState::Succeeded, true),
        (TaskState::Failed, true),
        (TaskState::Cancelled, true),
    ];
    let mut expected = Vec::new();
    for (n, (state, unused)) in (0..).zip(states) {
        let upload = upload(n);
        store(db, &upload).await;
        let payload = TaskPayload::IngestUpload {
            upload_id: upload.id,
            source_id: SourceId::new(at(0)),
            again: None,
            path: None,
        };
        enqueued(
            db,
            nexus_domain::Task {
                state,
                ..new_task(None, payload)
            },
        )
        .await;
        expected.extend(unused.then_some(upload));
    }
    let forgotten = upload(50);
    store(db, &forgotten).await;
    store(db, &upload(100)).await;
    expected.push(forgotten);
    assert_eq!(
        db.uploads().unused(at(100), 10).await.unwrap(),
        expected,
        "the last one is too young"
    );
}
