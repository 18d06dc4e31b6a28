//! Service tokens, sessions and proofs.

use futures::future::join_all;
use nexus_domain::{BotId, ServiceTokenId, SessionId, UserId};
use nexus_storage::{Db, ServiceTokenRow, SessionRow, StorageError};

use crate::people::{new_session, new_token, stored_bot, stored_user};
use crate::support::at;

on_both_databases! {
    tokens_are_listed_newest_first_and_revoked_once
    a_session_is_read_back_and_revoked_once
    all_sessions_of_a_person_end_together
    expired_sessions_are_forgotten_some_at_a_time
    a_token_needs_its_bot
    a_session_needs_its_person
    of_proofs_that_race_one_is_the_first
    proofs_are_forgotten_when_they_are_out_of_date
}

async fn tokens_are_listed_newest_first_and_revoked_once(db: &Db) {
    let (bot, other) = (stored_bot(db, "docs").await, stored_bot(db, "other").await);
    let (old, new) = (new_token(bot), new_token(bot));
    for token in [&old, &new, &new_token(other)] {
        in_tx!(db, |tx| tx.service_tokens().insert(token));
    }
    assert_eq!(db.service_tokens().find(old.id).await.unwrap(), Some(old.clone()));
    assert_eq!(
        db.service_tokens().list(bot).await.unwrap(),
        [new.clone(), old.clone()]
    );
    assert!(
        !in_tx!(db, |tx| tx.service_tokens().revoke(other, old.id, at(1))),
        "it is not this bot's"
    );
    assert!(in_tx!(db, |tx| tx.service_tokens().revoke(bot, old.id, at(2))));
    assert!(!in_tx!(db, |tx| tx.service_tokens().revoke(bot, old.id, at(3))));
    let old = ServiceTokenRow {
        revoked_at: Some(at(2)),
        ..old
    };
    assert_eq!(db.service_tokens().list(bot).await.unwrap(), [new, old]);
    let unknown = ServiceTokenId::new(at(0));
    assert_eq!(db.service_tokens().find(unknown).await.unwrap(), None);
}

async fn a_session_is_read_back_and_revoked_once(db: &Db) {
    let (user, bot) = (stored_user(db, 7).await, stored_bot(db, "docs").await);
    let browser = SessionRow {
        csrf_hash: Some([7; 32]),
        ..new_session(user, None)
    };
    let inside = new_session(user, Some(bot));
    for session in [&browser, &inside] {
        in_tx!(db, |tx| tx.sessions().insert(session));
        let read = db.sessions().find(session.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(session));
    }
    assert!(in_tx!(db, |tx| tx.sessions().revoke(browser.id, at(1))));
    assert!(!in_tx!(db, |tx| tx.sessions().revoke(browser.id, at(2))));
    let read = db.sessions().find(browser.id).await.unwrap().unwrap();
    assert_eq!(read.revoked_at, Some(at(1)));
    assert_eq!(db.sessions().find(SessionId::new(at(0))).await.unwrap(), None);
}

async fn all_sessions_of_a_person_end_together(db: &Db) {
    let (user, other) = (stored_user(db, 7).await, stored_user(db, 8).await);
    let sessions = [
        new_session(user, None),
        new_session(user, None),
        new_session(other, None),
    ];
    for session in &sessions {
        in_tx!(db, |tx| tx.sessions().insert(session));
    }
    assert_eq!(in_tx!(db, |tx| tx.sessions().revoke_of_user(user, at(1))), 2);
    assert_eq!(in_tx!(db, |tx| tx.sessions().revoke_of_user(user, at(2))), 0);
    let left = db.sessions().find(sessions[2].id).await.unwrap().unwrap();
    assert_eq!(left.revoked_at, None);
}

async fn expired_sessions_are_forgotten_some_at_a_time(db: &Db) {
    let user = stored_user(db, 7).await;
    let mut ids = Vec::new();
    for seconds in [30, 10, 20, 40] {
        let session = SessionRow {
            expires_at: at(seconds),
            ..new_session(user, None)
        };
        in_tx!(db, |tx| tx.sessions().insert(&session));
        ids.push(session.id);
    }
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        forgotten.push(in_tx!(db, |tx| tx.sessions().delete_expired(at(40), 2)));
    }
    assert_eq!(forgotten, [2, 1, 0]);
    assert_eq!(db.sessions().find(ids[0]).await.unwrap(), None);
    assert!(db.sessions().find(ids[3]).await.unwrap().is_some());
}

async fn a_token_needs_its_bot(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let orphan = new_token(BotId::new(at(0)));
    let error = match tx.service_tokens().insert(&orphan).await {
        Err(error) => error,
        Ok(()) => tx.commit().await.unwrap_err(),
    };
    assert!(matches!(error, StorageError::ReferenceViolation(_)), "{error:?}");
}

async fn a_session_needs_its_person(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let orphan = new_session(UserId::new(at(0)), None);
    let error = match tx.sessions().insert(&orphan).await {
        Err(error) => error,
        Ok(()) => tx.commit().await.unwrap_err(),
    };
    assert!(matches!(error, StorageError::ReferenceViolation(_)), "{error:?}");
}

async fn of_proofs_that_race_one_is_the_first(db: &Db) {
    let uses = (0..10).map(|_| {
        let db = db.clone();
        async move { in_tx!(db, |tx| tx.proofs().first_use(&[1; 32], at(60))) }
    });
    let firsts = join_all(uses).await;
    assert_eq!(firsts.into_iter().filter(|first| *first).count(), 1);
    assert!(in_tx!(db, |tx| tx.proofs().first_use(&[2; 32], at(60))));
}

async fn proofs_are_forgotten_when_they_are_out_of_date(db: &Db) {
    for (n, seconds) in [(1, 10), (2, 20), (3, 30), (4, 90)] {
        in_tx!(db, |tx| tx.proofs().first_use(&[n; 32], at(seconds)));
    }
    assert_eq!(in_tx!(db, |tx| tx.proofs().delete_expired(at(60), 2)), 2);
    assert!(
        !in_tx!(db, |tx| tx.proofs().first_use(&[3; 32], at(60))),
        "the oldest ones go first"
    );
    assert_eq!(in_tx!(db, |tx| tx.proofs().delete_expired(at(60), 9)), 1);
    assert!(in_tx!(db, |tx| tx.proofs().first_use(&[1; 32], at(99))));
    assert!(!in_tx!(db, |tx| tx.proofs().first_use(&[4; 32], at(99))));
}
