//! How a delivery is tried, settled and forgotten.

use nexus_domain::webhook::MAX_WAITING_DELIVERIES;
use nexus_domain::{Webhook, WebhookDeliveryState, WebhookEvent};
use nexus_storage::{ClaimedDelivery, Db};

use super::{ARRIVED, LEASE, claim, data, failed, publish, refused, subscribed, to_all, told, webhook};
use crate::support::{at, stored_kb};

on_both_databases! {
    one_attempt_at_a_time_and_none_of_them_lost
    what_does_not_arrive_is_tried_again_and_given_up
    what_waits_for_a_webhook_that_is_turned_off_is_given_up
    a_full_queue_keeps_what_comes_as_dead_letters
    what_was_settled_long_ago_is_forgotten
}

async fn one_attempt_at_a_time_and_none_of_them_lost(db: &Db) {
    let (first, second) = (to_all(db).await, to_all(db).await);
    publish(db, &refused(&[]), 1).await;
    publish(db, &refused(&[]), 2).await;
    assert!(!db.webhook_deliveries().any_due(at(0)).await.unwrap());
    assert!(db.webhook_deliveries().any_due(at(1)).await.unwrap());
    assert_eq!(claim(db, at(0)).await, None);
    let (one, two) = (claim(db, at(9)).await.unwrap(), claim(db, at(9)).await.unwrap());
    let of = |claimed: &ClaimedDelivery| claimed.delivery.webhook_id;
    assert!([of(&one), of(&two)].contains(&first.id) && [of(&one), of(&two)].contains(&second.id));
    assert_eq!(one.delivery.attempts, 1);
    assert_eq!(claim(db, at(9)).await, None, "one attempt at a time at each");
    assert_eq!(claim(db, at(38)).await, None);
    // Whoever had them has died.
    assert_eq!(in_tx!(db, |tx| tx.webhook_deliveries().expire_leases(at(10))), 2);
    let mut again = claim(db, at(10)).await.unwrap();
    while again.delivery.id != one.delivery.id {
        // What has waited longer comes first.
        assert!(in_tx!(db, |tx| tx.webhook_deliveries().settle(
            &again,
            &ARRIVED,
            at(40)
        )));
        again = claim(db, at(10)).await.unwrap();
    }
    assert_eq!(again.delivery.attempts, 2);
    assert!(!in_tx!(db, |tx| tx.webhook_deliveries().settle(
        &one,
        &ARRIVED,
        at(40)
    )));
    assert!(in_tx!(db, |tx| tx.webhook_deliveries().settle(
        &again,
        &ARRIVED,
        at(40)
    )));
    let settled = db
        .webhook_deliveries()
        .get(one.delivery.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            settled.state,
            settled.last_status,
            settled.due_at,
            settled.updated_at
        ),
        (WebhookDeliveryState::Delivered, Some(204), None, at(40))
    );
    let forgotten = db.webhook_deliveries().data(one.delivery.id).await.unwrap();
    assert_eq!(forgotten, None, "what has arrived is not kept");

    // Turned off, it is told nothing; deleted, nothing is left.
    publish(db, &refused(&[]), 41).await;
    let off = Webhook {
        enabled: false,
        ..first.clone()
    };
    in_tx!(db, |tx| tx.webhooks().update(&off));
    in_tx!(db, |tx| tx.webhooks().delete(second.id));
    assert_eq!(claim(db, at(999)).await, None);
    assert_eq!(told(db, &second).await, []);
    in_tx!(db, |tx| tx.webhooks().update(&first));
    assert_eq!(
        claim(db, at(999)).await.map(|claimed| of(&claimed)),
        Some(first.id)
    );
}

async fn what_does_not_arrive_is_tried_again_and_given_up(db: &Db) {
    let all = to_all(db).await;
    publish(db, &refused(&[]), 1).await;
    let claimed = claim(db, at(1)).await.unwrap();
    let id = claimed.delivery.id;
    in_tx!(db, |tx| tx.webhook_deliveries().settle(
        &claimed,
        &failed(Some(at(20))),
        at(2)
    ));
    assert_eq!(claim(db, at(19)).await, None);
    let waiting = &told(db, &all).await[0];
    assert_eq!(
        (waiting.due_at, waiting.last_status, waiting.last_error.as_deref()),
        (Some(at(20)), Some(503), Some("answered 503␀"))
    );
    assert!(in_tx!(db, |tx| tx.webhook_deliveries().retry(all.id, id, at(3))).is_none());
    let claimed = claim(db, at(20)).await.unwrap();
    in_tx!(db, |tx| tx.webhook_deliveries().settle(
        &claimed,
        &failed(None),
        at(21)
    ));
    assert_eq!(claim(db, at(9_999)).await, None);
    assert_eq!(told(db, &all).await[0].state, WebhookDeliveryState::Dead);

    let another = to_all(db).await;
    assert!(in_tx!(db, |tx| tx.webhook_deliveries().retry(another.id, id, at(30))).is_none());
    let again = in_tx!(db, |tx| tx.webhook_deliveries().retry(all.id, id, at(30))).unwrap();
    assert_eq!((again.id, again.attempts, again.due_at), (id, 0, Some(at(30))));
    let claimed = claim(db, at(30)).await.unwrap();
    assert_eq!(data(db, &claimed.delivery).await["question"], "Где «насос»?\0");
}

async fn what_waits_for_a_webhook_that_is_turned_off_is_given_up(db: &Db) {
    let (on, first) = (to_all(db).await, to_all(db).await);
    for seconds in 1..=3 {
        publish(db, &refused(&[]), seconds).await;
    }
    let off = Webhook {
        enabled: false,
        updated_at: at(100),
        ..first.clone()
    };
    in_tx!(db, |tx| tx.webhooks().update(&off));
    let give_up = async |before, rows| {
        in_tx!(db, |tx| tx.webhook_deliveries().give_up_turned_off(
            at(before),
            at(500),
            rows
        ))
    };
    assert_eq!(give_up(100, 9).await, 0, "it may be turned on again soon");
    assert_eq!((give_up(101, 2).await, give_up(101, 9).await), (2, 1));
    assert_eq!(give_up(101, 9).await, 0);
    let dead = told(db, &off).await;
    assert!(
        dead.iter().all(|delivery| {
            (delivery.state, delivery.due_at) == (WebhookDeliveryState::Dead, None)
                && delivery.last_error.as_deref() == Some("the webhook was turned off")
                && delivery.updated_at == at(500)
        }),
        "{dead:?}"
    );
    assert!(
        told(db, &on)
            .await
            .iter()
            .all(|delivery| delivery.state == WebhookDeliveryState::Pending)
    );
    // Somebody sends one again, which waits anew, and turns it on.
    let again = in_tx!(db, |tx| tx.webhook_deliveries().retry(
        off.id,
        dead[0].id,
        at(600)
    ));
    assert_eq!(again.unwrap().state, WebhookDeliveryState::Pending);
    assert_eq!(give_up(600, 9).await, 0);
    in_tx!(db, |tx| tx.webhooks().update(&first));
    in_tx!(db, |tx| tx.webhooks().delete(on.id));
    assert_eq!(
        claim(db, at(600)).await.map(|claimed| claimed.delivery.id),
        Some(dead[0].id)
    );
}

async fn a_full_queue_keeps_what_comes_as_dead_letters(db: &Db) {
    let all = to_all(db).await;
    let mut tx = db.begin().await.unwrap();
    let event = refused(&[]);
    for _ in 0..MAX_WAITING_DELIVERIES {
        tx.webhook_deliveries().publish(&event, at(1)).await.unwrap();
    }
    tx.webhook_deliveries().publish(&event, at(2)).await.unwrap();
    tx.commit().await.unwrap();
    let newest = &told(db, &all).await[..2];
    assert_eq!(newest[1].state, WebhookDeliveryState::Pending);
    assert_eq!(
        (newest[0].state, newest[0].due_at),
        (WebhookDeliveryState::Dead, None)
    );
    assert!(
        newest[0].last_error.as_ref().unwrap().contains("10000"),
        "{newest:?}"
    );
    assert!(
        in_tx!(db, |tx| tx.webhook_deliveries().retry(
            all.id,
            newest[0].id,
            at(3)
        ))
        .is_some()
    );
}

/// Whoever tells of changes of several knowledge bases holds a delivery and waits for the next one, in an order of its own.
#[tokio::test]
async fn whoever_deletes_a_webhook_waits_for_nobody_who_tells_it_of_changes() {
    let Some(db) = nexus_storage::testing::postgres().await else {
        return;
    };
    let all = subscribed(&db, webhook(&[WebhookEvent::KnowledgeBaseChanged], None)).await;
    let (first, second) = (stored_kb(&db, "first").await, stored_kb(&db, "second").await);
    for kb in [first, second] {
        in_tx!(db, |tx| tx.knowledge_bases().bump_revision(kb, at(1)));
    }
    assert_eq!(told(&db, &all).await.len(), 2);
    let mut telling = db.begin().await.unwrap();
    telling
        .knowledge_bases()
        .bump_revision(second, at(2))
        .await
        .unwrap();
    let mut deleting = db.begin().await.unwrap();
    let deleted = tokio::time::timeout(LEASE, deleting.webhooks().delete(all.id)).await;
    assert!(deleted.expect("it waits for nobody").unwrap());
    let tell = async {
        telling
            .knowledge_bases()
            .bump_revision(first, at(2))
            .await
            .unwrap()
    };
    let (raised, committed) = tokio::join!(tell, deleting.commit());
    assert_eq!(raised, Some(3));
    committed.unwrap();
    telling.commit().await.unwrap();
    // What was told at that moment is told to nobody, and is swept.
    assert_eq!(claim(&db, at(999)).await, None);
    assert!(in_tx!(db, |tx| tx.webhook_deliveries().delete_orphans()) >= 1);
    assert_eq!(told(&db, &all).await, []);
}

async fn what_was_settled_long_ago_is_forgotten(db: &Db) {
    let all = to_all(db).await;
    for seconds in 1..=3 {
        publish(db, &refused(&[]), seconds).await;
    }
    for outcome in [ARRIVED, failed(None)] {
        let claimed = claim(db, at(5)).await.unwrap();
        in_tx!(db, |tx| tx.webhook_deliveries().settle(&claimed, &outcome, at(6)));
    }
    let forget =
        async |state, before| in_tx!(db, |tx| tx.webhook_deliveries().delete_settled(state, before, 9));
    assert_eq!(forget(WebhookDeliveryState::Delivered, at(6)).await, 0);
    assert_eq!(forget(WebhookDeliveryState::Delivered, at(7)).await, 1);
    assert_eq!(told(db, &all).await.len(), 2);
    assert_eq!(forget(WebhookDeliveryState::Dead, at(7)).await, 1);
    assert_eq!(told(db, &all).await[0].state, WebhookDeliveryState::Pending);
    assert_eq!(in_tx!(db, |tx| tx.webhook_deliveries().delete_orphans()), 0);
}
