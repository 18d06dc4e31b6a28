use futures::future::join_all;
use nexus_domain::{ContentHash, Timestamp};
use nexus_storage::{Begun, Db};

use crate::support::at;

on_both_databases! {
    a_request_that_comes_again_gets_its_first_answer
    another_request_under_the_same_key_is_a_mismatch
    a_failed_request_may_be_tried_again
    a_key_that_a_dead_process_left_open_is_taken_over
    of_requests_that_race_one_is_done
    old_keys_are_forgotten
}

async fn begin(db: &Db, caller: &str, body: &str, now: Timestamp) -> Begun {
    let mut tx = db.begin().await.unwrap();
    let print = ContentHash::of(body.as_bytes());
    let begun = tx
        .idempotency()
        .begin(caller, "key", &print, now, at(0))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    begun
}

async fn complete(db: &Db) -> bool {
    let mut tx = db.begin().await.unwrap();
    let completed = tx
        .idempotency()
        .complete("me", "key", 202, r#"{"task_id":1}"#)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    completed
}

async fn a_request_that_comes_again_gets_its_first_answer(db: &Db) {
    assert_eq!(begin(db, "me", "body", at(1)).await, Begun::New);
    assert_eq!(begin(db, "me", "body", at(2)).await, Begun::InProgress);
    assert_eq!(
        begin(db, "you", "body", at(2)).await,
        Begun::New,
        "each caller has keys of its own"
    );
    assert!(complete(db).await);
    assert!(!complete(db).await);
    let replay = Begun::Replay {
        status: 202,
        body: r#"{"task_id":1}"#.to_owned(),
    };
    assert_eq!(begin(db, "me", "body", at(3)).await, replay);
}

async fn another_request_under_the_same_key_is_a_mismatch(db: &Db) {
    begin(db, "me", "body", at(1)).await;
    assert_eq!(begin(db, "me", "other", at(2)).await, Begun::Mismatch);
    complete(db).await;
    assert_eq!(begin(db, "me", "other", at(3)).await, Begun::Mismatch);
}

async fn a_failed_request_may_be_tried_again(db: &Db) {
    begin(db, "me", "body", at(1)).await;
    let mut tx = db.begin().await.unwrap();
    assert!(tx.idempotency().abandon("me", "key").await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(begin(db, "me", "body", at(2)).await, Begun::New);
    complete(db).await;
    let mut tx = db.begin().await.unwrap();
    assert!(
        !tx.idempotency().abandon("me", "key").await.unwrap(),
        "an answer that was given stays"
    );
}

async fn a_key_that_a_dead_process_left_open_is_taken_over(db: &Db) {
    begin(db, "me", "body", at(1)).await;
    let print = ContentHash::of(b"body");
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.idempotency()
            .begin("me", "key", &print, at(9), at(1))
            .await
            .unwrap(),
        Begun::InProgress
    );
    assert_eq!(
        tx.idempotency()
            .begin("me", "key", &print, at(9), at(2))
            .await
            .unwrap(),
        Begun::New
    );
    assert_eq!(
        tx.idempotency()
            .begin("me", "key", &print, at(9), at(2))
            .await
            .unwrap(),
        Begun::InProgress
    );
}

async fn of_requests_that_race_one_is_done(db: &Db) {
    let racers = (0..8).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { begin(&db, "me", "body", at(1)).await })
    });
    let begun: Vec<_> = join_all(racers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        begun.iter().filter(|begun| **begun == Begun::New).count(),
        1,
        "{begun:?}"
    );
    assert_eq!(
        begun.iter().filter(|begun| **begun == Begun::InProgress).count(),
        7,
        "{begun:?}"
    );
}

async fn old_keys_are_forgotten(db: &Db) {
    begin(db, "me", "body", at(1)).await;
    begin(db, "you", "body", at(5)).await;
    let mut tx = db.begin().await.unwrap();
    assert_eq!(tx.idempotency().delete_older_than(at(5)).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(begin(db, "me", "body", at(6)).await, Begun::New);
    assert_eq!(begin(db, "you", "body", at(6)).await, Begun::InProgress);
}
