//! What is told, and to whom.

use nexus_domain::task::TaskPayload;
use nexus_domain::{
    Feedback, FeedbackReason, KbId, Progress, TaskError, TaskId, Verdict, Webhook, WebhookDeliveryState,
    WebhookEvent,
};
use nexus_storage::{Db, Outcome, Reschedule, Stop};
use serde_json::{Value, json};

use super::{LEASE, claim, data, publish, refused, subscribed, to_all, told, webhook};
use crate::chats::stored_chat;
use crate::deliveries::{delivery, stored};
use crate::people::{stored_bot, stored_user};
use crate::support::{at, enqueued, ingest, new_task, stored_kb, token};

on_both_databases! {
    an_event_is_told_to_those_who_want_to_hear_of_it
    what_is_rolled_back_is_told_to_nobody
    the_end_of_a_task_is_told_however_it_comes
    changes_that_follow_each_other_are_told_once
    feedback_is_told_with_the_answer
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
