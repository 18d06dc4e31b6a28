//! What is stored of a webhook, and its secret.

use nexus_domain::{KbId, Webhook, WebhookEvent};
use nexus_storage::Db;

use super::{incoming, subscribed, to_all, webhook};
use crate::support::{at, stored_kb};

on_both_databases! {
    a_webhook_is_read_back_as_it_was_written_and_changed
    sealed_secrets_of_webhooks_can_be_sealed_anew
}

async fn a_webhook_is_read_back_as_it_was_written_and_changed(db: &Db) {
    let first = to_all(db).await;
    assert_eq!(db.webhooks().get(first.id).await.unwrap(), Some(first.clone()));
    let narrow = Webhook {
        enabled: false,
        ..webhook(&[WebhookEvent::TaskEnded], Some(vec![KbId::new(at(0))]))
    };
    subscribed(db, narrow.clone()).await;
    assert_eq!(db.webhooks().get(narrow.id).await.unwrap(), Some(narrow.clone()));
    assert_eq!(
        db.webhooks().enabled().await.unwrap(),
        std::slice::from_ref(&first)
    );
    assert_eq!(
        db.webhooks().list(None, 9).await.unwrap(),
        [narrow.clone(), first.clone()]
    );
    let older = db.webhooks().list(Some(narrow.id), 9).await.unwrap();
    assert_eq!(older, std::slice::from_ref(&first));
    assert_eq!(db.webhooks().count().await.unwrap(), 2);

    let changed = Webhook {
        url: "https://elsewhere.example.org/".to_owned(),
        events: vec![WebhookEvent::FeedbackGiven],
        kbs: Some(Vec::new()),
        enabled: false,
        updated_at: at(9),
        ..first.clone()
    };
    assert_eq!(in_tx!(db, |tx| tx.webhooks().lock(first.id)), Some(first.clone()));
    assert!(in_tx!(db, |tx| tx.webhooks().update(&changed)));
    assert_eq!(db.webhooks().get(first.id).await.unwrap(), Some(changed));
    assert!(in_tx!(db, |tx| tx.webhooks().delete(first.id)));
    assert!(!in_tx!(db, |tx| tx.webhooks().delete(first.id)));
    assert!(!in_tx!(db, |tx| tx.webhooks().update(&first)));
    assert_eq!(db.webhooks().get(first.id).await.unwrap(), None);
}

async fn sealed_secrets_of_webhooks_can_be_sealed_anew(db: &Db) {
    let webhook = to_all(db).await;
    let kb = stored_kb(db, "kb").await;
    let incoming = incoming(kb, 1);
    in_tx!(db, |tx| tx.incoming_webhooks().insert(&incoming, "theirs"));
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        tx.webhooks().sealed_values().await.unwrap(),
        [(webhook.id, "sealed".to_owned())]
    );
    assert_eq!(
        tx.incoming_webhooks().sealed_values().await.unwrap(),
        [(incoming.id, "theirs".to_owned())]
    );
    tx.webhooks().reseal(webhook.id, "anew").await.unwrap();
    tx.incoming_webhooks()
        .reseal(incoming.id, "anew, too")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let sealed = db.webhooks().sealed_secret(webhook.id).await.unwrap();
    assert_eq!(sealed.as_deref(), Some("anew"));
    let sealed = db.incoming_webhooks().sealed_secret(incoming.id).await.unwrap();
    assert_eq!(sealed.as_deref(), Some("anew, too"));
}
