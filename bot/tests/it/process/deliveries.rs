//! Messages on their way to people.

use std::time::{Duration, Instant};

use nexus_api::{Button, Content, Keyboard, Label, Priority};
use nexus_bot::RunError;
use serde_json::{Value, json};

use super::telegram::Fault;
use super::{Process, World, delivery, text};

#[tokio::test]
async fn an_answer_begins_as_a_placeholder_grows_and_ends_as_an_edit_of_it() {
    let world = World::new().await;
    let process = world.start();
    let mut asked = delivery(7, None);
    let preview = world.backend.preview(asked.message_id);
    world.backend.send(asked.clone());
    let placed = world.backend.report(asked.id, "placeholder").await;
    assert_eq!(placed["lease"], json!(asked.lease));
    assert_eq!(placed["part"], 0);
    let id = placed["message_id"].as_i64().unwrap();

    preview.send("Hold the **but".to_owned()).await.unwrap();
    assert_eq!(world.telegram.reads(7, "Hold the **but …").await, id);
    preview.send("Hold the **button**".to_owned()).await.unwrap();
    world.telegram.reads(7, "Hold the <b>button</b> …").await;

    asked.lease = uuid::Uuid::new_v4();
    asked.parts = vec![id];
    asked.content = Some(text("Hold the button."));
    world.backend.send(asked.clone());
    let sent = world.backend.report(asked.id, "sent").await;
    assert_eq!(sent, json!({"lease": asked.lease, "parts": 1}));
    // Nothing that comes later is seen: the stream is not listened to any more.
    let _ = preview.send("too late".to_owned()).await;
    process.stop().await;
    let history = world.telegram.change(|inside| inside.history.clone());
    assert_eq!(history.last().unwrap(), &(7, id, "Hold the button.".to_owned()));
    assert!(
        history
            .iter()
            .all(|(chat, message, _)| (*chat, *message) == (7, id))
    );
}

#[tokio::test]
async fn a_preview_that_telegram_carries_out_late_is_not_the_last_word() {
    let world = World::new().await;
    let process = world.start();
    let mut asked = delivery(7, None);
    let preview = world.backend.preview(asked.message_id);
    world.backend.send(asked.clone());
    let placed = world.backend.report(asked.id, "placeholder").await;
    let id = placed["message_id"].as_i64().unwrap();
    let late = Duration::from_millis(1_500);
    world.telegram.fails("editMessageText", Fault::Late(late));
    preview.send("Hold".to_owned()).await.unwrap();
    world
        .telegram
        .until(|inside| inside.faults["editMessageText"].is_empty().then_some(()))
        .await;

    asked.lease = uuid::Uuid::new_v4();
    asked.parts = vec![id];
    asked.content = Some(text("Hold the button."));
    world.backend.send(asked.clone());
    world.backend.report(asked.id, "sent").await;
    let seen = |telegram: &super::telegram::Telegram| {
        let history = telegram.change(|inside| inside.history.clone());
        history.into_iter().map(|(_, _, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(seen(&world.telegram).last().unwrap(), "Hold the button.");
    world.telegram.reads(7, "Hold …").await;
    world.telegram.reads(7, "Hold the button.").await;
    let texts = seen(&world.telegram);
    assert_eq!(texts[1..], ["Hold the button.", "Hold …", "Hold the button."]);
    process.stop().await;
}

#[tokio::test]
async fn parts_are_placed_one_by_one_and_what_is_too_much_is_deleted() {
    let world = World::new().await;
    let process = world.start();
    let words = "word ".repeat(1_500);
    let long = delivery(
        7,
        Some(Content::Text {
            text: words.clone(),
            keyboard: Keyboard(vec![vec![
                Button {
                    label: Label::More,
                    token: "more".to_owned(),
                },
                Button {
                    label: Label::Good,
                    token: "x".repeat(65),
                },
            ]]),
        }),
    );
    world.backend.send(long.clone());
    assert_eq!(world.backend.report(long.id, "sent").await["parts"], 2);
    let edits = world.telegram.calls_of("editMessageText");
    assert_eq!(edits.len(), 2);
    assert_eq!(edits[0]["reply_markup"], Value::Null);
    let buttons = json!({"inline_keyboard": [[{"text": "More", "callback_data": "more"}]]});
    assert_eq!(edits[1]["reply_markup"], buttons);
    let placed: Vec<_> = world.backend.change(|inside| {
        inside
            .reports
            .iter()
            .filter(|(_, kind, _)| kind == "placeholder")
            .map(|(_, _, body)| body.clone())
            .collect()
    });
    assert_eq!((&placed[0]["part"], &placed[1]["part"]), (&json!(0), &json!(1)));

    let ids: Vec<i64> = placed
        .iter()
        .map(|body| body["message_id"].as_i64().unwrap())
        .collect();
    let mut short = delivery(7, Some(text("short")));
    // The last one is gone already.
    short.parts = vec![ids[0], ids[1], 999];
    world.backend.send(short.clone());
    assert_eq!(world.backend.report(short.id, "sent").await["parts"], 1);
    let messages = world.telegram.change(|inside| inside.messages.clone());
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[&(7, ids[0])], "short");
    process.stop().await;
}

#[tokio::test]
async fn an_answer_in_a_topic_quotes_its_question() {
    let world = World::new().await;
    let process = world.start();
    let mut answer = delivery(-100, Some(text("here")));
    answer.topic_id = Some(3);
    answer.reply_to_message_id = Some(20);
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;
    let sent = &world.telegram.calls_of("sendMessage")[0];
    assert_eq!(sent["message_thread_id"], 3);
    assert_eq!(
        sent["reply_parameters"],
        json!({"message_id": 20, "allow_sending_without_reply": true})
    );
    process.stop().await;
}

#[tokio::test]
async fn a_lost_reply_leaves_one_placeholder_behind_and_no_second_answer() {
    let world = World::new().await;
    let process = world.start();
    world.telegram.fails("sendMessage", Fault::Lost);
    world.telegram.fails("editMessageText", Fault::Lost);
    let answer = delivery(7, Some(text("once")));
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;
    let mut messages: Vec<_> = world
        .telegram
        .change(|inside| inside.messages.values().cloned().collect());
    messages.sort();
    assert_eq!(messages, ["once", "…"]);
    process.stop().await;
}

#[tokio::test]
async fn telegrams_wish_to_wait_is_obeyed() {
    let world = World::new().await;
    let process = world.start();
    let wait = json!({"retry_after": 1});
    world.telegram.fails(
        "sendMessage",
        Fault::Refused(429, "Too Many Requests: retry after 1", wait),
    );
    let began = Instant::now();
    let answer = delivery(7, Some(text("later")));
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;
    assert!(began.elapsed() >= Duration::from_secs(1));

    let wait = json!({"retry_after": 300});
    world.telegram.fails(
        "sendMessage",
        Fault::Refused(429, "Too Many Requests: retry after 300", wait),
    );
    let answer = delivery(8, Some(text("much later")));
    world.backend.send(answer.clone());
    let failed = world.backend.report(answer.id, "failed").await;
    assert_eq!(
        (&failed["kind"], &failed["retry_after_seconds"]),
        (&json!("retry"), &json!(300))
    );
    process.stop().await;
}

#[tokio::test]
async fn failures_are_told_by_what_they_mean() {
    let world = World::new().await;
    let process = world.start();
    let cases = [
        (
            403,
            "Forbidden: bot was blocked by the user",
            Value::Null,
            "chat_fatal",
        ),
        (400, "Bad Request: chat not found", Value::Null, "chat_fatal"),
        (
            400,
            "Bad Request: message thread not found",
            Value::Null,
            "terminal",
        ),
        (
            400,
            "Bad Request: group chat was upgraded",
            json!({"migrate_to_chat_id": -1007}),
            "retry",
        ),
    ];
    for (number, (code, description, parameters, kind)) in cases.into_iter().enumerate() {
        world
            .telegram
            .fails("sendMessage", Fault::Refused(code, description, parameters));
        let answer = delivery(-20 - i64::try_from(number).unwrap(), Some(text("?")));
        world.backend.send(answer.clone());
        let failed = world.backend.report(answer.id, "failed").await;
        assert_eq!(failed["kind"], kind, "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(description));
        let migrated = (number == 3).then_some(-1007);
        assert_eq!(failed["migrated_to"].as_i64(), migrated);
    }
    let mut gone = delivery(7, Some(text("?")));
    gone.parts = vec![77];
    world.backend.send(gone.clone());
    assert_eq!(
        world.backend.report(gone.id, "failed").await["kind"],
        "message_gone"
    );
    process.stop().await;
}

#[tokio::test]
async fn a_token_that_is_refused_ends_the_process() {
    let world = World::new().await;
    let process = world.start();
    world
        .telegram
        .fails("sendMessage", Fault::Refused(401, "Unauthorized", Value::Null));
    let answer = delivery(7, Some(text("?")));
    world.backend.send(answer.clone());
    let failed = world.backend.report(answer.id, "failed").await;
    assert_eq!(failed["kind"], "bot_fatal");
    let error = process.end().await;
    assert!(matches!(error, RunError::TokenRefused(_)));
    assert!(!error.to_string().contains("secret"));
    assert!(world.backend.change(|inside| inside.holder.is_none()));
}

#[tokio::test]
async fn formats_that_telegram_refuses_go_out_as_plain_text() {
    let world = World::new().await;
    let process = world.start();
    let refused = Fault::Refused(400, "Bad Request: can't parse entities: x", Value::Null);
    world.telegram.fails("editMessageText", refused);
    let answer = delivery(7, Some(text("a < b")));
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;
    world.telegram.reads(7, "a < b").await;
    process.stop().await;
}

#[tokio::test]
async fn a_delivery_that_somebody_else_has_is_dropped() {
    let world = World::new().await;
    world.backend.change(|inside| inside.void = Some("placeholder"));
    let process = world.start();
    let answer = delivery(7, Some(text("not ours")));
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "placeholder").await;
    world.backend.change(|inside| inside.void = None);
    let next = delivery(7, Some(text("ours")));
    world.backend.send(next.clone());
    world.backend.report(next.id, "sent").await;
    assert!(
        world
            .telegram
            .calls_of("editMessageText")
            .iter()
            .all(|edit| edit["text"] == "ours")
    );
    process.stop().await;
}

#[tokio::test]
async fn an_answer_overtakes_notices() {
    let world = World::new().await;
    let config = world.config_with(&[("NEXUS_BOT_PER_SECOND", "30"), ("NEXUS_BOT_CHAT_PER_SECOND", "1")]);
    let process = Process::start(config);
    world.backend.has_holder().await;
    for chat in 1..=200 {
        let mut notice = delivery(chat, Some(text("news")));
        notice.priority = Priority::Notice;
        world.backend.change(|inside| inside.outbox.push(notice));
    }
    // Once the first wave of them is through, and the second under way.
    world.telegram.reads(30, "news").await;
    let answer = delivery(1_000, Some(text("answer")));
    // As the backend hands them out: most urgent first.
    world
        .backend
        .change(|inside| inside.outbox.insert(0, answer.clone()));
    let began = Instant::now();
    world.backend.report(answer.id, "placeholder").await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    // A second after its placeholder at the earliest, as in an empty house.
    world.backend.report(answer.id, "sent").await;
    assert!(
        began.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        began.elapsed()
    );
    let left = world.backend.change(|inside| inside.outbox.len());
    assert!(left > 50, "{left}");
    process.stop().await;
}

#[tokio::test]
async fn drafts_show_previews_where_they_are_wanted() {
    let world = World::new().await;
    let process = Process::start(world.config_with(&[("NEXUS_BOT_DRAFTS", "true")]));
    let asked = delivery(7, None);
    let preview = world.backend.preview(asked.message_id);
    world.backend.send(asked.clone());
    world.backend.report(asked.id, "placeholder").await;
    preview.send("growing".to_owned()).await.unwrap();
    let draft = world.telegram.until(|inside| {
        let mut calls = inside.calls.iter();
        calls
            .find(|(method, _)| method == "sendMessageDraft")
            .map(|(_, body)| body.clone())
    });
    assert_eq!(draft.await["text"], "growing …");
    assert!(world.telegram.calls_of("editMessageText").is_empty());
    process.stop().await;
}
