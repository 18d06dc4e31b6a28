use std::time::Duration;

use nexus_domain::task::TaskPayload;
use nexus_domain::webhook::{MAX_WAITING_DELIVERIES, QuestionRefused};
use nexus_domain::{
    ApiKeyId, EventData, Feedback, FeedbackReason, IncomingWebhook, IncomingWebhookId, KbId, Maker, Progress,
    TaskError, TaskId, Timestamp, UserId, Verdict, Webhook, WebhookDelivery, WebhookDeliveryState,
    WebhookEvent, WebhookId,
};
use nexus_storage::{ClaimedDelivery, Db, Outcome, Received, Reschedule, Stop, WebhookOutcome};
use serde_json::{Value, json};

use crate::chats::stored_chat;
use crate::deliveries::{delivery, stored};
use crate::people::{stored_bot, stored_user};
use crate::support::{at, enqueued, ingest, new_task, stored_kb, token};

on_both_databases! {
    a_webhook_is_read_back_as_it_was_written_and_changed
    sealed_secrets_of_webhooks_can_be_sealed_anew
    an_event_is_told_to_those_who_want_to_hear_of_it
    what_is_rolled_back_is_told_to_nobody
    the_end_of_a_task_is_told_however_it_comes
    changes_that_follow_each_other_are_told_once
    feedback_is_told_with_the_answer
    one_attempt_at_a_time_and_none_of_them_lost
    what_does_not_arrive_is_tried_again_and_given_up
    a_full_queue_keeps_what_comes_as_dead_letters
    what_was_settled_long_ago_is_forgotten
    incoming_webhooks_belong_to_a_knowledge_base
    a_delivery_is_received_once
}

const LEASE: Duration = Duration::from_secs(30);

fn webhook(events: &[WebhookEvent], kbs: Option<Vec<KbId>>) -> Webhook {
    Webhook {
        id: WebhookId::new(at(0)),
        url: "https://n8n.example.org/webhook/%D0%B1".to_owned(),
        events: events.to_vec(),
        kbs,
        enabled: true,
        created_at: at(0),
        updated_at: at(1),
    }
}

async fn subscribed(db: &Db, webhook: Webhook) -> Webhook {
    in_tx!(db, |tx| tx.webhooks().insert(&webhook, "sealed"));
    webhook
}

async fn to_all(db: &Db) -> Webhook {
    subscribed(db, webhook(WebhookEvent::ALL, None)).await
}

async fn told(db: &Db, webhook: &Webhook) -> Vec<WebhookDelivery> {
    db.webhook_deliveries().list(webhook.id, None, 99).await.unwrap()
}

async fn data(db: &Db, delivery: &WebhookDelivery) -> Value {
    let data = db.webhook_deliveries().data(delivery.id).await.unwrap();
    serde_json::from_str(&data.unwrap()).unwrap()
}

fn refused(kbs: &[KbId]) -> EventData {
    EventData::QuestionRefused(QuestionRefused {
        question: "Где «насос»?\0".to_owned(),
        knowledge_base_ids: kbs.to_vec(),
        bot_id: None,
        message_id: None,
    })
}

async fn publish(db: &Db, event: &EventData, seconds: i64) {
    in_tx!(db, |tx| tx.webhook_deliveries().publish(event, at(seconds)));
}

async fn claim(db: &Db, now: Timestamp) -> Option<ClaimedDelivery> {
    in_tx!(db, |tx| tx.webhook_deliveries().claim(now, LEASE, token()))
}

fn failed(due_at: Option<Timestamp>) -> WebhookOutcome {
    WebhookOutcome {
        state: match due_at {
            Some(_) => WebhookDeliveryState::Pending,
            None => WebhookDeliveryState::Dead,
        },
        due_at,
        status: Some(503),
        error: Some("answered 503\0".to_owned()),
    }
}

const ARRIVED: WebhookOutcome = WebhookOutcome {
    state: WebhookDeliveryState::Delivered,
    due_at: None,
    status: Some(204),
    error: None,
};

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

async fn an_event_is_told_to_those_who_want_to_hear_of_it(db: &Db) {
    let (ours, theirs) = (KbId::new(at(0)), KbId::new(at(0)));
    let all = to_all(db).await;
    let other_event = subscribed(db, webhook(&[WebhookEvent::TaskEnded], None)).await;
    let of_ours = subscribed(db, webhook(WebhookEvent::ALL, Some(vec![ours]))).await;
    let off = Webhook {
        enabled: false,
        ..webhook(WebhookEvent::ALL, None)
    };
    subscribed(db, off.clone()).await;
    publish(db, &refused(&[theirs]), 1).await;
    publish(db, &refused(&[theirs, ours]), 2).await;
    publish(db, &refused(&[]), 3).await;
    assert_eq!(told(db, &all).await.len(), 3);
    assert!(told(db, &other_event).await.is_empty() && told(db, &off).await.is_empty());
    let heard = told(db, &of_ours).await;
    let [only] = heard.as_slice() else {
        panic!("{heard:?}")
    };
    assert_eq!(
        (only.event, only.kb_id, only.state, only.attempts, only.due_at),
        (
            WebhookEvent::QuestionRefused,
            None,
            WebhookDeliveryState::Pending,
            0,
            Some(at(2))
        )
    );
    let told = data(db, only).await;
    assert_eq!(told["knowledge_base_ids"], json!([theirs, ours]));
    assert_eq!(told["question"], "Где «насос»?\0");
}

async fn what_is_rolled_back_is_told_to_nobody(db: &Db) {
    let all = to_all(db).await;
    let mut tx = db.begin().await.unwrap();
    tx.webhook_deliveries()
        .publish(&refused(&[]), at(1))
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    assert!(told(db, &all).await.is_empty());
}

async fn the_end_of_a_task_is_told_however_it_comes(db: &Db) {
    let all = subscribed(db, webhook(&[WebhookEvent::TaskEnded], None)).await;
    let kb = stored_kb(db, "kb").await;
    let running = async || {
        let task = enqueued(db, ingest(kb)).await;
        let lease = token();
        let claimed = in_tx!(db, |tx| tx.tasks().claim(at(1), LEASE, lease));
        assert_eq!(claimed.unwrap().id, task);
        (task, lease)
    };
    let ends = async || -> Vec<(TaskId, Value)> {
        let mut ends = Vec::new();
        for delivery in told(db, &all).await.into_iter().rev() {
            assert_eq!(delivery.kb_id, Some(kb));
            let data = data(db, &delivery).await;
            ends.push((
                data["task_id"].as_str().unwrap().parse().unwrap(),
                data["state"].clone(),
            ));
        }
        ends
    };
    let progress = Progress::default();
    let (succeeded, lease) = running().await;
    in_tx!(db, |tx| tx.tasks().finish(
        succeeded,
        lease,
        &Outcome::Succeeded,
        &progress,
        at(2)
    ));
    // Somebody else holds it by now.
    in_tx!(db, |tx| tx.tasks().finish(
        succeeded,
        token(),
        &Outcome::Succeeded,
        &progress,
        at(2)
    ));
    let error = TaskError {
        code: "corrupt".to_owned(),
        message: "it is cut".to_owned(),
    };
    let (failed, lease) = running().await;
    let outcome = Outcome::Failed(error.clone());
    in_tx!(db, |tx| tx.tasks().finish(
        failed,
        lease,
        &outcome,
        &progress,
        at(3)
    ));
    let (cancelled, lease) = running().await;
    let again = Reschedule {
        run_at: at(5),
        error,
        failed: false,
    };
    in_tx!(db, |tx| tx.tasks().reschedule(
        cancelled,
        lease,
        &again,
        &progress,
        at(4)
    ));
    assert_eq!(ends().await.len(), 2, "what goes back to the queue has not ended");
    let lease = token();
    in_tx!(db, |tx| tx.tasks().claim(at(6), LEASE, lease));
    in_tx!(db, |tx| tx.tasks().request_state(cancelled, Stop::Cancel, at(7)));
    assert_eq!(ends().await.len(), 2, "what was asked to stop has not ended");
    in_tx!(db, |tx| tx.tasks().reschedule(
        cancelled,
        lease,
        &again,
        &progress,
        at(8)
    ));
    let paused = enqueued(db, ingest(kb)).await;
    in_tx!(db, |tx| tx.tasks().request_state(paused, Stop::Pause, at(9)));
    assert_eq!(ends().await.len(), 3, "nor has what pauses");
    let waiting = enqueued(db, ingest(kb)).await;
    in_tx!(db, |tx| tx.tasks().request_state(waiting, Stop::Cancel, at(10)));
    in_tx!(db, |tx| tx.tasks().cancel_of_kb(kb, at(11)));
    // Housekeeping is nobody's business.
    let sweep = enqueued(db, new_task(None, TaskPayload::Sweep)).await;
    in_tx!(db, |tx| tx.tasks().request_state(sweep, Stop::Cancel, at(12)));
    assert_eq!(
        ends().await,
        [
            (succeeded, json!("succeeded")),
            (failed, json!("failed")),
            (cancelled, json!("cancelled")),
            (waiting, json!("cancelled")),
            (paused, json!("cancelled")),
        ]
    );
    let second = &told(db, &all).await[3];
    assert_eq!(data(db, second).await["error"]["code"], "corrupt");
    assert_eq!(data(db, second).await["kind"], "ingest_upload");
}

async fn changes_that_follow_each_other_are_told_once(db: &Db) {
    let all = subscribed(db, webhook(&[WebhookEvent::KnowledgeBaseChanged], None)).await;
    let (kb, other) = (stored_kb(db, "kb").await, stored_kb(db, "other").await);
    for seconds in 1..=3 {
        in_tx!(db, |tx| tx.knowledge_bases().bump_revision(kb, at(seconds)));
    }
    in_tx!(db, |tx| tx.knowledge_bases().bump_revision(other, at(3)));
    let changes = told(db, &all).await;
    let [of_other, of_kb] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!((of_kb.kb_id, of_other.kb_id), (Some(kb), Some(other)));
    assert_eq!(of_kb.due_at, Some(at(3)), "an ingestion may go on for a while");
    let newest = data(db, of_kb).await;
    assert_eq!(
        newest,
        json!({"knowledge_base_id": kb, "revision": 4, "deleted": false})
    );

    assert_eq!(claim(db, at(4)).await.unwrap().delivery.id, of_kb.id);
    in_tx!(db, |tx| tx.knowledge_bases().bump_revisions(at(4)));
    assert_eq!(
        told(db, &all).await.len(),
        3,
        "what is being told is told to its end"
    );
    in_tx!(db, |tx| tx.knowledge_bases().delete(kb, at(5)));
    let last = &told(db, &all).await[0];
    let last = data(db, last).await;
    assert_eq!((&last["revision"], &last["deleted"]), (&json!(6), &json!(true)));
}

async fn feedback_is_told_with_the_answer(db: &Db) {
    let all = to_all(db).await;
    let (bot, user) = (stored_bot(db, "docs").await, stored_user(db, 5).await);
    let chat = stored_chat(db, bot, 5).await;
    let kb = KbId::new(at(0));
    let answer = nexus_domain::Delivery {
        question: Some("Где насос?".to_owned()),
        kbs: vec![kb],
        ..delivery(&chat, 1)
    };
    let answer = stored(db, answer).await;
    let feedback = Feedback {
        verdict: Verdict::Bad,
        reason: Some(FeedbackReason::WrongSource),
    };
    in_tx!(db, |tx| tx.feedback().put(answer.id, user, feedback, at(2)));
    let heard = told(db, &all).await;
    let expected = json!({"message_id": answer.id, "bot_id": bot, "question": "Где насос?",
        "knowledge_base_ids": [kb], "verdict": "bad", "reason": "wrong_source"});
    assert_eq!(data(db, &heard[0]).await, expected);
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

fn incoming(kb: KbId, seconds: i64) -> IncomingWebhook {
    IncomingWebhook {
        id: IncomingWebhookId::new(at(seconds)),
        kb_id: kb,
        name: "Вики".to_owned(),
        maker: Maker::Person(UserId::new(at(0))),
        created_at: at(seconds),
        used_at: None,
    }
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
