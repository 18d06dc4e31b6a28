use nexus_domain::{ApiKeyId, KbId, Role, Scope, Scopes};
use nexus_storage::{ApiKeyRow, Db};

use crate::people::new_key;
use crate::support::at;

on_both_databases! {
    keys_are_found_by_hash_until_they_are_revoked
    a_key_is_read_back_as_it_was_written_and_changed
    keys_are_listed_newest_first_page_by_page
}

async fn keys_are_found_by_hash_until_they_are_revoked(db: &Db) {
    let key = ApiKeyRow {
        expires_at: Some(at(1)),
        ..new_key("admin", 1)
    };
    in_tx!(db, |tx| tx.api_keys().insert(&key));
    assert_eq!(
        db.api_keys().find_by_hash(&key.key_hash).await.unwrap(),
        Some(key.clone()),
        "an expired one too"
    );
    assert_eq!(db.api_keys().find_by_hash(&[0; 32]).await.unwrap(), None);
    assert_eq!(db.api_keys().count().await.unwrap(), 1);

    assert!(in_tx!(db, |tx| tx.api_keys().revoke(key.id, at(1))));
    assert!(!in_tx!(db, |tx| tx.api_keys().revoke(key.id, at(2))));
    assert_eq!(db.api_keys().find_by_hash(&key.key_hash).await.unwrap(), None);
    assert_eq!(db.api_keys().get(key.id).await.unwrap(), None);
    assert_eq!(db.api_keys().list(None, 9).await.unwrap(), []);
    assert_eq!(db.api_keys().count().await.unwrap(), 0);
    assert!(!in_tx!(db, |tx| tx.api_keys().update(&key)));
}

async fn a_key_is_read_back_as_it_was_written_and_changed(db: &Db) {
    let key = new_key("plain", 1);
    in_tx!(db, |tx| tx.api_keys().insert(&key));
    assert_eq!(db.api_keys().get(key.id).await.unwrap(), Some(key.clone()));

    let narrowed = ApiKeyRow {
        name: "Ночная выгрузка".to_owned(),
        role: Role::Reader,
        scopes: [Scope::Ask, Scope::Logs].into_iter().collect(),
        kbs: Some(vec![KbId::new(at(0)), KbId::new(at(0))]),
        addresses: vec!["192.0.2.0/24".parse().unwrap()],
        expires_at: Some(at(90)),
        ..key.clone()
    };
    // The hash and the time of creation are not among what changes.
    let change = ApiKeyRow {
        key_hash: [9; 32],
        created_at: at(50),
        ..narrowed.clone()
    };
    assert!(in_tx!(db, |tx| tx.api_keys().update(&change)));
    assert_eq!(db.api_keys().get(key.id).await.unwrap(), Some(narrowed));

    let shut = ApiKeyRow {
        scopes: Scopes::NONE,
        kbs: Some(Vec::new()),
        ..new_key("shut", 2)
    };
    in_tx!(db, |tx| tx.api_keys().insert(&shut));
    assert_eq!(
        db.api_keys().get(shut.id).await.unwrap(),
        Some(shut),
        "for no knowledge base is not for all"
    );
    let unknown = new_key("unknown", 3);
    assert!(!in_tx!(db, |tx| tx.api_keys().update(&unknown)));
}

async fn keys_are_listed_newest_first_page_by_page(db: &Db) {
    let mut ids = Vec::new();
    for n in 1..=7 {
        let key = new_key("key", n);
        in_tx!(db, |tx| tx.api_keys().insert(&key));
        ids.push(key.id);
    }
    let revoked = ids.remove(3);
    in_tx!(db, |tx| tx.api_keys().revoke(revoked, at(1)));
    ids.reverse();
    let mut seen: Vec<ApiKeyId> = Vec::new();
    loop {
        let page = db.api_keys().list(seen.last().copied(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|key| key.id));
    }
    assert_eq!(seen, ids);
}
