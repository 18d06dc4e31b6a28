//! What Telegram sends: again, changed or odd, and how long it is kept.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::api::{Api, error, text};
use crate::bot_process::{ANNA, QUESTION, app, said};
use crate::test_app::{Setup, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_telegram_gives_again_after_days_is_another_update() {
    let (app, _, mut bot) = app(vec![]).await;
    bot.commands(ANNA, "help").await;
    assert_eq!(said(&bot.delivered().await), "help");
    bot.updates = 0;
    let update = bot.update(ANNA, json!({"kind": "text", "text": QUESTION}));
    app.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(bot.pass_on(std::slice::from_ref(&update)).await["known"], 1);
    app.clock.advance(Duration::from_secs(6 * 24 * 3_600));
    assert_eq!(bot.take_lease().await.0, 200);
    assert_eq!(bot.pass_on(std::slice::from_ref(&update)).await["stored"], 1);
    assert_eq!(bot.pass_on(&[update]).await["known"], 1);
    let answer = bot.delivered().await;
    assert_eq!(answer["content"]["answer"]["found"], true, "{answer}");
    assert!(
        bot.poll(0).await.1["items"].as_array().unwrap().is_empty(),
        "that was all"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_deleted_after_the_days_that_it_is_kept_for() {
    let (app, operator, mut bot) = app(vec![]).await;
    bot.asks(ANNA, QUESTION).await;
    assert_eq!(bot.delivered().await["content"]["answer"]["found"], true);
    let chat = text(&operator.get("/chats").await.1["items"][0]["id"]);
    let path = format!("/chats/{chat}/messages");
    let data = app.end().await;
    let mut left = Vec::new();
    for (days, keep) in [(1, "2"), (30, "0"), (31, "2")] {
        let app = TestApp::with(Setup {
            settings: vec![("NEXUS_WORKER_CHAT_KEEP_DAYS", keep.to_owned())],
            data: Some(Arc::clone(&data)),
            later: Duration::from_secs(days * 24 * 3_600),
            ..Setup::default()
        })
        .await;
        let operator = Api::operator(&app);
        let said = async || operator.get(&path).await.1["items"].as_array().unwrap().len();
        // The sweep is the first thing that a worker does; one that deletes nothing cannot be waited for.
        while days == 31 && said().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        left.push(said().await);
        app.end().await;
    }
    assert_eq!(left, [2, 2, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_question_is_answered_in_the_place_of_the_old_answer() {
    let (app, _, mut bot) = app(vec![]).await;
    let asked = bot.update(ANNA, json!({"kind": "text", "text": "reset button?"}));
    bot.pass_on(std::slice::from_ref(&asked)).await;
    bot.delivered().await;
    let message = bot.messages;
    let mut edit = bot.update(ANNA, json!({"kind": "edit", "text": QUESTION}));
    edit["message_id"] = asked["message_id"].clone();
    bot.pass_on(&[edit.clone()]).await;
    let changed = bot.delivered().await;
    assert_eq!(changed["parts"], json!([message]));
    assert!(
        text(&changed["content"]["answer"]["text"]).contains("gateway_update"),
        "{changed}"
    );
    // Nothing changes where the text did not.
    let mut same = bot.update(ANNA, json!({"kind": "edit", "text": QUESTION}));
    same["message_id"] = asked["message_id"].clone();
    bot.pass_on(&[same]).await;
    bot.commands(ANNA, "help").await;
    assert_eq!(said(&bot.delivered().await), "help");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_updates_are_answered_or_refused_and_never_fail() {
    let (app, _, mut bot) = app(vec![]).await;
    for (event, says) in [
        (json!({"kind": "text", "text": " \u{200b}\n"}), None),
        (json!({"kind": "text", "text": ""}), Some("empty_question")),
        (
            json!({"kind": "text", "text": "я".repeat(4_001)}),
            Some("question_too_long"),
        ),
        (json!({"kind": "text", "text": "\u{202e}кар̷͎оч\0 🔥"}), None),
        (
            json!({"kind": "unsupported", "what": "voice"}),
            Some("unsupported"),
        ),
        (
            json!({"kind": "command", "name": "what"}),
            Some("unknown_command"),
        ),
    ] {
        bot.writes(ANNA, event.clone()).await;
        let said = said(&bot.delivered().await);
        assert!(says.is_none_or(|says| says == said), "{event}: {said}");
    }
    let good = bot.update(ANNA, json!({"kind": "left"}));
    for (pointer, bad) in [
        ("/update_id", json!(-1)),
        ("/update_id", json!(1_i64 << 33)),
        ("/chat/id", json!(0)),
        ("/chat/id", json!(i64::MAX)),
        ("/chat/title", json!("x".repeat(300))),
        ("/from/telegram_id", json!(-5)),
        ("/from/first_name", json!("x".repeat(65))),
        ("/event", json!({"kind": "text", "text": "x".repeat(4_097)})),
        ("/event", json!({"kind": "button", "token": "x".repeat(65)})),
        ("/event", json!({"kind": "migrated", "to": 0})),
        (
            "/event",
            json!({"kind": "file", "file_id": "", "file_unique_id": "u", "file_name": "n"}),
        ),
    ] {
        let mut update = good.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        update.pointer_mut(parent).unwrap()[field] = bad.clone();
        let reply = bot
            .api
            .post("/bots/docs/updates", &json!({"updates": [good, update]}))
            .await;
        assert_eq!(error(&reply), (422, "validation_failed"), "{pointer} {bad}");
    }
    for updates in [json!([]), json!(vec![good.clone(); 101])] {
        let reply = bot
            .api
            .post("/bots/docs/updates", &json!({"updates": updates}))
            .await;
        assert_eq!(error(&reply), (422, "validation_failed"));
    }
    assert_eq!(
        bot.pass_on(&[good]).await["stored"],
        1,
        "a refused batch left nothing"
    );
    app.end().await;
}
