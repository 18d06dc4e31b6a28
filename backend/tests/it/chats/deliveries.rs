//! The way of an answer to a person: once, in its order, word by word, and what happens where it cannot be delivered.

use std::time::Duration;

use nexus_models::chat_stand_in::{ChatStandIn, Play};
use serde_json::json;
use uuid::Uuid;

use crate::api::{error, text};
use crate::bot_process::{ANNA, Process, QUESTION, app, button, said};
use crate::metrics::{read, value};
use crate::test_app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_question_gets_a_placeholder_and_then_its_answer_once() {
    let (app, operator, mut bot) = app(vec![]).await;
    let update = bot.update(ANNA, json!({"kind": "text", "text": QUESTION}));
    assert_eq!(
        bot.pass_on(std::slice::from_ref(&update)).await,
        json!({"stored": 1, "known": 0})
    );
    assert_eq!(
        bot.pass_on(&[update]).await,
        json!({"stored": 0, "known": 1}),
        "Telegram sends it again"
    );

    let answer = bot.delivered().await;
    assert_eq!(answer["content"]["answer"]["found"], true, "{answer}");
    let quote = text(&answer["content"]["answer"]["citations"][0]["quote"]);
    assert!(quote.contains("gateway_update"), "{quote}");
    assert_eq!(
        (&answer["telegram_chat_id"], &answer["language"]),
        (&json!(ANNA), &json!("en"))
    );
    assert_eq!(answer["trace_id"], nexus_telemetry::trace_of_update("docs", 1));
    assert!(
        bot.poll(0).await.1["items"].as_array().unwrap().is_empty(),
        "that was all"
    );

    let (_, chats) = operator.get("/chats?bot=docs").await;
    let chat = text(&chats["items"][0]["id"]);
    let (_, messages) = operator.get(&format!("/chats/{chat}/messages")).await;
    let items = messages["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        (&items[0]["direction"], &items[0]["delivery"]),
        (&json!("out"), &json!("sent"))
    );
    assert_eq!(items[1]["event"]["text"], QUESTION);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_in_one_chat_is_answered_in_its_order() {
    let (app, _, mut bot) = app(vec![]).await;
    let mut batch = Vec::new();
    for person in [ANNA, 78, 79] {
        for n in 0..4 {
            batch.push(bot.update(
                person,
                json!({"kind": "text", "text": format!("question {n} gateway")}),
            ));
        }
    }
    bot.pass_on(&batch).await;
    let mut answered: Vec<(i64, i64)> = Vec::new();
    while answered.len() < batch.len() {
        let answer = bot.delivered().await;
        answered.push((
            answer["telegram_chat_id"].as_i64().unwrap(),
            answer["update_id"].as_i64().unwrap(),
        ));
    }
    for person in [ANNA, 78, 79] {
        let of_chat: Vec<_> = answered.iter().filter(|(chat, _)| *chat == person).collect();
        assert!(of_chat.is_sorted() && of_chat.len() == 4, "{answered:?}");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_leaves_its_work_to_the_next() {
    let (app, _, mut first) = app(vec![]).await;
    first.commands(ANNA, "help").await;
    let taken = first.next().await;
    first.place(&taken).await;
    // Its request for more is lost with it; a second process waits for the lease to end.
    let mut second = Process::start_without_lease(&first);
    assert_eq!(error(&second.take_lease().await), (409, "bot_lease_held"));
    assert_eq!(error(&second.poll(0).await), (409, "lease_lost"));
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(second.take_lease().await.0, 200);
    assert_eq!(error(&first.poll(0).await), (409, "lease_lost"));
    let again = second.next().await;
    assert_eq!((&again["id"], said(&again).as_str()), (&taken["id"], "help"));
    assert_eq!(
        again["parts"],
        json!([first.messages]),
        "the placeholder is known"
    );
    let late = first.report(&taken, "sent", json!({"parts": 1})).await;
    assert_eq!(error(&late), (409, "lease_lost"));
    second.sent(&again, 1).await;
    let released = first
        .api
        .delete(&format!("/bots/docs/lease/{}", second.holder))
        .await;
    assert_eq!(released.0, 204);
    assert_eq!(first.take_lease().await.0, 200, "at once");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_appears_as_it_is_written() {
    let written = "Run `gateway_update` once a month [1]. And then ".to_owned();
    let server = ChatStandIn::start([Play::Stalls(vec![written])]).await;
    let (app, _, mut bot) = app(vec![
        ("NEXUS_CHAT_URL", server.url()),
        ("NEXUS_CHAT_MODEL", "writer".to_owned()),
        ("NEXUS_CHAT_KEY", "chat-key".to_owned()),
    ])
    .await;
    bot.asks(ANNA, QUESTION).await;
    let placeholder = bot.next().await;
    assert!(placeholder.get("content").is_none());
    bot.place(&placeholder).await;
    let path = format!("/messages/{}/stream", text(&placeholder["message_id"]));
    let stream = bot.api.request(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut stream = stream;
    let mut seen = String::new();
    while !seen.contains("event: preview") || !seen.contains("gateway_update") {
        let piece = stream.chunk().await.unwrap().expect("the stream goes on");
        seen.push_str(&String::from_utf8_lossy(&piece));
    }
    bot.commands(ANNA, "cancel").await;
    while let Some(piece) = stream.chunk().await.unwrap() {
        seen.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(
        seen.trim_end().ends_with("data: {}") && seen.contains("event: done"),
        "{seen}"
    );
    let cancelled = bot.delivered().await;
    assert_eq!(
        (said(&cancelled).as_str(), &cancelled["id"]),
        ("cancelled", &placeholder["id"])
    );
    bot.commands(ANNA, "cancel").await;
    assert_eq!(said(&bot.delivered().await), "nothing_to_cancel");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_becomes_a_dead_letter_and_admins_hear_of_it_once() {
    let (app, operator, mut bot) = app(vec![]).await;
    bot.commands(90, "help").await;
    bot.delivered().await;
    let (_, users) = operator.get("/users").await;
    let admin = text(&users["items"][0]["id"]);
    assert_eq!(
        operator
            .patch(&format!("/users/{admin}"), &json!({"role": "admin"}))
            .await
            .0,
        200
    );
    let mut letters = Vec::new();
    for _ in 0..3 {
        bot.commands(ANNA, "help").await;
        // The notice is due at once, and may come first.
        let mut delivery = bot.next().await;
        while said(&delivery) != "help" {
            delivery = bot.next().await;
        }
        let body = json!({"kind": "terminal", "message": "Bad Request: can't parse"});
        assert_eq!(bot.report(&delivery, "failed", body).await.0, 204);
        letters.push(text(&delivery["id"]));
    }
    let notice = bot.delivered().await;
    assert_eq!(
        notice["content"]["say"],
        json!({"what": "dead_letters", "count": 1})
    );
    assert_eq!(notice["telegram_chat_id"], 90);
    assert!(
        bot.poll(0).await.1["items"].as_array().unwrap().is_empty(),
        "one notice, not three"
    );
    let (_, dead) = operator.get("/dead-letters").await;
    let listed: Vec<_> = dead["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| text(&item["id"]))
        .collect();
    letters.reverse();
    assert_eq!(listed, letters);
    assert_eq!(dead["items"][0]["error"], "Bad Request: can't parse");
    let retry = format!("/outbox/{}/retry", letters[0]);
    assert_eq!(operator.post(&retry, &json!({})).await.0, 204);
    assert_eq!(bot.delivered().await["id"], letters[0].as_str());
    assert_eq!(
        error(&operator.post(&retry, &json!({})).await),
        (409, "delivery_state")
    );
    app.end().await;
}

/// Waits until so many updates have been handled, and what they say is on its way.
async fn updates_are_handled(app: &TestApp, count: u32) {
    let handled = |text: &str| value(text, "nexus_update_seconds_count", &[r#"outcome="handled""#]);
    while handled(&read(app).await).is_none_or(|handled| handled < f64::from(count)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_pass_wait_longer_and_those_of_a_chat_end_it() {
    let (app, operator, mut bot) = app(vec![]).await;
    bot.commands(ANNA, "help").await;
    let delivery = bot.next().await;
    let later = json!({"kind": "retry", "message": "Too Many Requests", "retry_after_seconds": 30});
    assert_eq!(bot.report(&delivery, "failed", later).await.0, 204);
    app.clock.advance(Duration::from_secs(29));
    assert!(bot.poll(0).await.1["items"].as_array().unwrap().is_empty());
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(bot.take_lease().await.0, 200);
    let again = bot.next().await;
    assert_eq!((&again["id"], &again["attempts"]), (&delivery["id"], &json!(1)));

    // Blocked: what waits is dropped, and nothing new is sent there until the person is back.
    bot.commands(ANNA, "help").await;
    updates_are_handled(&app, 2).await;
    let gone = json!({"kind": "chat_fatal", "message": "Forbidden: bot was blocked by the user"});
    assert_eq!(bot.report(&again, "failed", gone).await.0, 204);
    let (_, chats) = operator.get("/chats").await;
    let path = format!("/chats/{}/messages", text(&chats["items"][0]["id"]));
    let to_nobody = operator.post(&path, &json!({"text": "Hello?"})).await;
    assert!(to_nobody.0 == 409 || to_nobody.0 == 202, "{to_nobody:?}");
    bot.writes(ANNA, json!({"kind": "left"})).await;
    while operator.get("/chats").await.1["items"][0]["state"] != "left" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        error(&operator.post(&path, &json!({"text": "Hello?"})).await),
        (409, "delivery_state")
    );
    assert!(bot.poll(0).await.1["items"].as_array().unwrap().is_empty());
    bot.writes(ANNA, json!({"kind": "joined"})).await;
    bot.commands(ANNA, "start").await;
    assert_eq!(said(&bot.delivered().await), "start");

    // A group that became a supergroup takes its messages along.
    let mut update = bot.update(ANNA, json!({"kind": "command", "name": "help"}));
    update["chat"] = json!({"id": -5, "kind": "group", "title": "Team"});
    bot.pass_on(&[update]).await;
    let delivery = bot.next().await;
    let moved = json!({"kind": "retry", "message": "group chat was upgraded", "migrated_to": -1_005});
    assert_eq!(bot.report(&delivery, "failed", moved).await.0, 204);
    let again = bot.next().await;
    assert_eq!(
        (&again["id"], &again["telegram_chat_id"]),
        (&delivery["id"], &json!(-1_005))
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_reach_those_who_want_them_after_what_people_wait_for() {
    let (app, operator, mut bot) = app(vec![]).await;
    let mut users = Vec::new();
    for person in [ANNA, 78] {
        bot.commands(person, "help").await;
        bot.delivered().await;
        let (_, list) = operator.get(&format!("/users?telegram_id={person}")).await;
        users.push(text(&list["items"][0]["id"]));
    }
    bot.commands(78, "settings").await;
    let menu = bot.delivered().await;
    bot.presses(78, &button(&menu, "notices")).await;
    bot.delivered().await;
    users.push(Uuid::new_v4().to_string());
    let body = json!({"bot": "docs", "users": users, "text": "Maintenance <tonight>"});
    let (status, queued) = operator.post("/notifications", &body).await;
    assert_eq!((status, queued), (202, json!({"queued": 1, "skipped": 2})));
    let (_, chats) = operator.get(&format!("/chats?user_id={}", users[0])).await;
    let path = format!("/chats/{}/messages", text(&chats["items"][0]["id"]));
    assert_eq!(
        operator.post(&path, &json!({"text": "From an admin"})).await.0,
        202
    );
    let first = bot.delivered().await;
    assert_eq!(first["content"]["text"], "From an admin");
    let notice = bot.delivered().await;
    assert_eq!(
        (&notice["content"]["text"], &notice["priority"]),
        (&json!("Maintenance <tonight>"), &json!("notice"))
    );
    let nowhere = operator
        .post(
            "/notifications",
            &json!({"bot": "none", "users": users, "text": "x"}),
        )
        .await;
    assert_eq!(error(&nowhere), (404, "not_found"));
    app.end().await;
}
