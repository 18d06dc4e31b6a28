use nexus_domain::{
    BotId, Chat, Content, Delivery, DeliveryId, DeliveryState, Feedback, FeedbackReason, KbId, Language,
    Priority, ProcessId, Say, TaskId, Verdict,
};
use nexus_storage::{Db, Settled};

use crate::chats::stored_chat;
use crate::people::{stored_bot, stored_user};
use crate::support::at;

on_both_databases! {
    a_delivery_is_read_back_as_it_was_written
    answers_go_first_and_each_chat_in_its_order
    what_a_process_never_heard_of_is_handed_out_again
    another_process_takes_what_the_first_one_had
    content_that_comes_while_it_is_sent_is_sent_after_it
    previews_are_of_what_is_written
    what_waits_in_a_chat_is_dropped_or_moved_with_it
    dead_letters_are_listed_newest_first
    cards_are_looked_at_when_their_time_comes
    the_last_word_on_an_answer_counts
}

pub(crate) fn delivery(chat: &Chat, seconds: i64) -> Delivery {
    let place = (chat.bot_id, chat.id);
    Delivery {
        content: Some(Content::say(Say::Help)),
        ..Delivery::new(
            place,
            Priority::Answer,
            Language::Ru,
            "docs.1".to_owned(),
            at(seconds),
        )
    }
}

pub(crate) async fn stored(db: &Db, new: Delivery) -> Delivery {
    in_tx!(db, |tx| tx.deliveries().insert(&new, None));
    new
}

async fn taken(
    db: &Db,
    bot: BotId,
    holder: ProcessId,
    working_on: &[DeliveryId],
    seconds: i64,
) -> Vec<Delivery> {
    let handed = in_tx!(db, |tx| tx.deliveries().hand_out(
        bot,
        holder,
        working_on,
        10,
        at(seconds)
    ));
    handed.into_iter().map(|(delivery, _)| delivery).collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<DeliveryId> {
    deliveries.iter().map(|delivery| delivery.id).collect()
}

fn sent(parts: &[i64]) -> Settled {
    Settled {
        state: DeliveryState::Sent,
        parts: parts.to_vec(),
        due_at: None,
        attempts: 0,
        error: None,
        keeps: false,
    }
}

async fn a_delivery_is_read_back_as_it_was_written(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, -5).await;
    let user = stored_user(db, 77).await;
    let full = Delivery {
        user_id: Some(user),
        update_id: Some(9),
        topic_id: Some(2),
        reply_to: Some(33),
        priority: Priority::Notice,
        language: Language::En,
        state: DeliveryState::Dead,
        content: Some(Content::Error {
            code: "internal".to_owned(),
            details: Some(serde_json::json!({"a": "\0"})),
            retry_after_seconds: Some(3),
            request_id: "docs.9".to_owned(),
            text: None,
        }),
        kbs: vec![KbId::new(at(0))],
        question: Some("Как?".to_owned()),
        task_id: Some(TaskId::new(at(0))),
        file_name: Some("вики.zip".to_owned()),
        parts: vec![1, 2],
        due_at: None,
        attempts: 4,
        error: Some("400".to_owned()),
        updated_at: at(7),
        ..delivery(&chat, 1)
    };
    let plain = Delivery {
        content: None,
        state: DeliveryState::Writing,
        ..delivery(&chat, 2)
    };
    for new in [full.clone(), plain.clone()] {
        stored(db, new.clone()).await;
        assert_eq!(db.deliveries().get(new.id).await.unwrap(), Some(new));
    }
    assert_eq!(
        db.deliveries().of_update(bot, 9).await.unwrap().first(),
        Some(&full)
    );
    let newest = db.deliveries().of_chat(chat.id, None, 1).await.unwrap();
    assert_eq!(newest, std::slice::from_ref(&plain));
    let older = db
        .deliveries()
        .of_chat(chat.id, Some(plain.id.as_uuid()), 5)
        .await
        .unwrap();
    assert_eq!(older, [full]);
}

async fn answers_go_first_and_each_chat_in_its_order(db: &Db) {
    let (bot, me) = (stored_bot(db, "docs").await, ProcessId::new(at(0)));
    let (one, two) = (stored_chat(db, bot, 1).await, stored_chat(db, bot, 2).await);
    let notice = |chat: &Chat, seconds| Delivery {
        priority: Priority::Notice,
        ..delivery(chat, seconds)
    };
    let early_notice = stored(db, notice(&one, 1)).await;
    let first = stored(db, delivery(&one, 2)).await;
    let second = stored(db, delivery(&one, 3)).await;
    let other = stored(db, delivery(&two, 4)).await;
    let later = stored(
        db,
        Delivery {
            due_at: Some(at(60)),
            ..delivery(&two, 5)
        },
    )
    .await;
    let handed = taken(db, bot, me, &[], 10).await;
    // The notice came first, and waits for the answers of its chat no more than they for it.
    assert_eq!(ids(&handed), [first.id, other.id, early_notice.id]);
    in_tx!(db, |tx| tx.deliveries().settle(first.id, &sent(&[1]), at(10)));
    let working_on = [other.id, early_notice.id];
    assert_eq!(ids(&taken(db, bot, me, &working_on, 10).await), [second.id]);
    assert_eq!(db.deliveries().next_due(bot, at(10)).await.unwrap(), Some(at(60)));
    in_tx!(db, |tx| tx.deliveries().settle(other.id, &sent(&[2]), at(10)));
    let working_on = [early_notice.id, second.id];
    assert!(taken(db, bot, me, &working_on, 59).await.is_empty());
    assert_eq!(ids(&taken(db, bot, me, &working_on, 60).await), [later.id]);
}

async fn what_a_process_never_heard_of_is_handed_out_again(db: &Db) {
    let (bot, me) = (stored_bot(db, "docs").await, ProcessId::new(at(0)));
    let chat = stored_chat(db, bot, 1).await;
    let message = stored(db, delivery(&chat, 1)).await;
    let lost = taken(db, bot, me, &[], 1).await.remove(0);
    let again = taken(db, bot, me, &[], 1).await.remove(0);
    assert_eq!(again.id, message.id);
    assert_ne!(again.lease, lost.lease);
    assert_eq!(
        in_tx!(db, |tx| tx.deliveries().hold(message.id, lost.lease.unwrap())),
        None
    );
    let held = in_tx!(db, |tx| tx.deliveries().hold(message.id, again.lease.unwrap()));
    assert!(held.is_some_and(|held| held.is_current));
    assert!(taken(db, bot, me, &[message.id], 1).await.is_empty());
}

async fn another_process_takes_what_the_first_one_had(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let (dead, next) = (ProcessId::new(at(0)), ProcessId::new(at(0)));
    let chat = stored_chat(db, bot, 1).await;
    let message = stored(db, delivery(&chat, 1)).await;
    let had = taken(db, bot, dead, &[], 1).await.remove(0);
    let has = taken(db, bot, next, &[message.id], 1).await.remove(0);
    assert_eq!(has.id, message.id);
    assert_eq!(
        in_tx!(db, |tx| tx.deliveries().hold(message.id, had.lease.unwrap())),
        None
    );
    // What belongs to another bot is nobody else's.
    let other = stored_bot(db, "other").await;
    assert!(taken(db, other, next, &[], 1).await.is_empty());
}

async fn content_that_comes_while_it_is_sent_is_sent_after_it(db: &Db) {
    let (bot, me) = (stored_bot(db, "docs").await, ProcessId::new(at(0)));
    let chat = stored_chat(db, bot, 1).await;
    let message = stored(db, delivery(&chat, 1)).await;
    let handed = taken(db, bot, me, &[], 1).await.remove(0);
    let (say, kb) = (Content::say(Say::Cancelled), KbId::new(at(0)));
    assert!(in_tx!(db, |tx| tx.deliveries().write(
        message.id,
        &say,
        &[kb],
        at(2)
    )));
    let lease = handed.lease.unwrap();
    let held = in_tx!(db, |tx| tx.deliveries().hold(message.id, lease)).unwrap();
    assert!(!held.is_current, "what it sends is not the last word");
    assert_eq!(
        (held.delivery.content, held.delivery.kbs),
        (Some(say.clone()), vec![kb])
    );
    let kept = Settled {
        state: DeliveryState::Pending,
        due_at: Some(at(2)),
        keeps: true,
        ..sent(&[5])
    };
    in_tx!(db, |tx| tx.deliveries().settle(message.id, &kept, at(2)));
    assert!(in_tx!(db, |tx| tx.deliveries().hold(message.id, lease)).is_some());
    let let_go = Settled { keeps: false, ..kept };
    in_tx!(db, |tx| tx.deliveries().settle(message.id, &let_go, at(2)));
    assert_eq!(in_tx!(db, |tx| tx.deliveries().hold(message.id, lease)), None);
    let again = taken(db, bot, me, &[], 2).await.remove(0);
    assert_eq!((again.content, again.parts), (Some(say), vec![5]));
    let held = in_tx!(db, |tx| tx.deliveries().hold(message.id, again.lease.unwrap()));
    assert!(held.unwrap().is_current);
}

async fn previews_are_of_what_is_written(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 1).await;
    let writing = Delivery {
        content: None,
        state: DeliveryState::Writing,
        ..delivery(&chat, 1)
    };
    let id = stored(db, writing).await.id;
    let kb = KbId::new(at(0));
    assert_eq!(db.deliveries().preview(id).await.unwrap(), None);
    assert!(in_tx!(db, |tx| tx.deliveries().set_preview(
        id,
        "Обно\0",
        &[kb],
        at(2)
    )));
    assert_eq!(
        db.deliveries().preview(id).await.unwrap().as_deref(),
        Some("Обно␀")
    );
    in_tx!(db, |tx| tx.deliveries().write(
        id,
        &Content::say(Say::Help),
        &[],
        at(3)
    ));
    assert_eq!(db.deliveries().preview(id).await.unwrap(), None);
    assert!(!in_tx!(db, |tx| tx.deliveries().set_preview(
        id,
        "late",
        &[],
        at(4)
    )));
    let written = db.deliveries().get(id).await.unwrap().unwrap();
    assert_eq!(
        (written.state, written.due_at),
        (DeliveryState::Pending, Some(at(3)))
    );
}

async fn what_waits_in_a_chat_is_dropped_or_moved_with_it(db: &Db) {
    let (bot, me) = (stored_bot(db, "docs").await, ProcessId::new(at(0)));
    let (old, new) = (stored_chat(db, bot, -1).await, stored_chat(db, bot, -2).await);
    let there = Delivery {
        state: DeliveryState::Sent,
        due_at: None,
        ..delivery(&old, 1)
    };
    let there = stored(db, there).await;
    let waits = stored(db, delivery(&old, 2)).await;
    assert_eq!(in_tx!(db, |tx| tx.deliveries().move_to(old.id, new.id, at(2))), 1);
    let handed = in_tx!(db, |tx| tx.deliveries().hand_out(bot, me, &[], 10, at(2)));
    let chats: Vec<_> = handed
        .iter()
        .map(|(delivery, chat)| (delivery.id, chat.telegram_chat_id))
        .collect();
    assert_eq!(chats, [(waits.id, -2)]);
    assert_eq!(in_tx!(db, |tx| tx.deliveries().drop_of_chat(new.id, at(3))), 1);
    assert_eq!(in_tx!(db, |tx| tx.deliveries().drop_of_chat(old.id, at(3))), 0);
    assert!(taken(db, bot, me, &[], 9).await.is_empty());
    let say = Content::say(Say::Help);
    assert!(
        !in_tx!(db, |tx| tx.deliveries().write(waits.id, &say, &[], at(4))),
        "nobody wants it"
    );
    assert!(
        in_tx!(db, |tx| tx.deliveries().write(there.id, &say, &[], at(4))),
        "a card may go on"
    );
}

async fn dead_letters_are_listed_newest_first(db: &Db) {
    let (docs, other) = (stored_bot(db, "docs").await, stored_bot(db, "other").await);
    let mut dead = Vec::new();
    for (n, bot) in [(1, docs), (2, other), (3, docs)] {
        let chat = stored_chat(db, bot, n).await;
        stored(db, delivery(&chat, n)).await;
        let letter = Delivery {
            state: DeliveryState::Dead,
            due_at: None,
            ..delivery(&chat, n)
        };
        dead.push(stored(db, letter).await.id);
    }
    let list = async |bot, before| ids(&db.deliveries().dead(bot, before, 10).await.unwrap());
    assert_eq!(list(None, None).await, [dead[2], dead[1], dead[0]]);
    assert_eq!(list(Some(docs), None).await, [dead[2], dead[0]]);
    assert_eq!(list(None, Some(dead[1])).await, [dead[0]]);
}

async fn cards_are_looked_at_when_their_time_comes(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 1).await;
    let card = stored(db, delivery(&chat, 1)).await;
    let task = TaskId::new(at(0));
    in_tx!(db, |tx| tx.deliveries().watch(card.id, task, "вики\0.zip", at(5)));
    assert!(db.deliveries().to_look_at(at(4), 10).await.unwrap().is_empty());
    let found = db.deliveries().to_look_at(at(5), 10).await.unwrap().remove(0);
    assert_eq!(
        (found.task_id, found.file_name.as_deref()),
        (Some(task), Some("вики␀.zip"))
    );
    in_tx!(db, |tx| tx.deliveries().look_again(card.id, None));
    assert!(db.deliveries().to_look_at(at(99), 10).await.unwrap().is_empty());
}

async fn the_last_word_on_an_answer_counts(db: &Db) {
    let bot = stored_bot(db, "docs").await;
    let chat = stored_chat(db, bot, 1).await;
    let answer = stored(db, delivery(&chat, 1)).await.id;
    let user = stored_user(db, 77).await;
    assert_eq!(db.feedback().of(answer).await.unwrap(), None);
    let good = Feedback {
        verdict: Verdict::Good,
        reason: None,
    };
    let bad = Feedback {
        verdict: Verdict::Bad,
        reason: Some(FeedbackReason::WrongSource),
    };
    for (feedback, seconds) in [(good, 1), (bad, 2)] {
        in_tx!(db, |tx| tx.feedback().put(answer, user, feedback, at(seconds)));
        assert_eq!(db.feedback().of(answer).await.unwrap(), Some(feedback));
    }
    assert_eq!(db.feedback().of(DeliveryId::new(at(0))).await.unwrap(), None);
}
