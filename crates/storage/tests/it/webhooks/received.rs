//! Webhooks that others call.

use nexus_domain::{ApiKeyId, IncomingWebhook, IncomingWebhookId, Maker, TaskId};
use nexus_storage::{Db, Received};

use super::incoming;
use crate::support::{at, stored_kb};

on_both_databases! {
    incoming_webhooks_belong_to_a_knowledge_base
    a_delivery_is_received_once
}

async fn incoming_webhooks_belong_to_a_knowledge_base(db: &Db) {
    let (kb, other) = (stored_kb(db, "kb").await, stored_kb(db, "other").await);
    let first = incoming(kb, 1);
    let second = IncomingWebhook {
        maker: Maker::ApiKey(ApiKeyId::new(at(0))),
        ..incoming(kb, 2)
    };
    let third = incoming(other, 3);
    for webhook in [&first, &second, &third] {
        in_tx!(db, |tx| tx.incoming_webhooks().insert(webhook, "sealed"));
    }
    assert_eq!(
        db.incoming_webhooks().get(second.id).await.unwrap(),
        Some(second.clone())
    );
    let listed = db.incoming_webhooks().list(kb, None, 9).await.unwrap();
    assert_eq!(listed, [second.clone(), first.clone()]);
    let listed = db.incoming_webhooks().list(kb, Some(second.id), 9).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&first));
    assert_eq!(db.incoming_webhooks().count(kb).await.unwrap(), 2);
    assert!(!in_tx!(db, |tx| tx.incoming_webhooks().delete(other, first.id)));
    assert!(in_tx!(db, |tx| tx.incoming_webhooks().delete(kb, first.id)));
    assert_eq!(db.incoming_webhooks().get(first.id).await.unwrap(), None);

    in_tx!(db, |tx| tx.incoming_webhooks().receive(second.id, "a", at(3)));
    in_tx!(db, |tx| tx.knowledge_bases().delete(kb, at(4)));
    assert_eq!(db.incoming_webhooks().get(second.id).await.unwrap(), None);
    assert_eq!(
        db.incoming_webhooks().sealed_secret(second.id).await.unwrap(),
        None
    );
    in_tx!(db, |tx| tx.knowledge_bases().purge_step(kb, 9));
    assert_eq!(db.incoming_webhooks().count(kb).await.unwrap(), 0);
    assert!(db.incoming_webhooks().get(third.id).await.unwrap().is_some());
}

async fn a_delivery_is_received_once(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    let (ours, theirs) = (incoming(kb, 1), incoming(kb, 2));
    for webhook in [&ours, &theirs] {
        in_tx!(db, |tx| tx.incoming_webhooks().insert(webhook, "sealed"));
    }
    let id = ours.id;
    assert!(in_tx!(db, |tx| tx.incoming_webhooks().receive(
        id,
        "n8n:7",
        at(5)
    )));
    let started = Received {
        source: Some(nexus_domain::SourceId::new(at(0))),
        task: Some(TaskId::new(at(0))),
    };
    in_tx!(db, |tx| tx.incoming_webhooks().note(id, "n8n:7", started));
    assert!(!in_tx!(db, |tx| tx.incoming_webhooks().receive(
        id,
        "n8n:7",
        at(6)
    )));
    assert!(in_tx!(db, |tx| tx.incoming_webhooks().receive(
        id,
        "N8N:7",
        at(6)
    )));
    assert!(in_tx!(db, |tx| tx.incoming_webhooks().receive(
        theirs.id,
        "n8n:7",
        at(7)
    )));
    let received =
        async |webhook, delivery: &str| db.incoming_webhooks().received(webhook, delivery).await.unwrap();
    assert_eq!(received(id, "n8n:7").await, Some(started));
    assert_eq!(received(theirs.id, "n8n:7").await, Some(Received::default()));
    assert_eq!(received(id, "n8n:8").await, None);
    let used = db.incoming_webhooks().get(id).await.unwrap().unwrap().used_at;
    assert_eq!(used, Some(at(6)));

    let mut tx = db.begin().await.unwrap();
    let unknown = IncomingWebhookId::new(at(0));
    let refused = tx.incoming_webhooks().receive(unknown, "x", at(7)).await;
    assert!(
        matches!(refused, Err(nexus_storage::StorageError::ReferenceViolation(_))),
        "{refused:?}"
    );
    tx.rollback().await.unwrap();
    assert_eq!(
        in_tx!(db, |tx| tx.incoming_webhooks().delete_received_before(at(6))),
        1
    );
    assert!(in_tx!(db, |tx| tx.incoming_webhooks().receive(
        id,
        "n8n:7",
        at(8)
    )));
}
