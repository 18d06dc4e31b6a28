//! Buttons, menus and what is chosen by them.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{error, text};
use crate::bot_process::{ANNA, QUESTION, app, button, said};
use crate::test_app::{KB, archive};

#[tokio::test(flavor = "multi_thread")]
async fn buttons_show_passages_take_feedback_and_grow_old() {
    let (app, operator, mut bot) = app(vec![]).await;
    bot.asks(ANNA, QUESTION).await;
    let answer = bot.delivered().await;
    bot.presses(ANNA, &button(&answer, "passage")).await;
    let passage = bot.delivered().await;
    let shown = &passage["content"]["passages"][0];
    assert!(text(&shown["text"]).contains("gateway_update"), "{shown}");

    bot.presses(ANNA, &button(&answer, "bad")).await;
    let why = bot.delivered().await;
    assert_eq!(said(&why), "feedback_why");
    bot.presses(ANNA, &button(&why, "reason")).await;
    let thanks = bot.delivered().await;
    assert_eq!(
        (said(&thanks).as_str(), &thanks["id"]),
        ("feedback_thanks", &why["id"])
    );
    let (_, chats) = operator.get("/chats").await;
    let path = format!("/chats/{}/messages", text(&chats["items"][0]["id"]));
    let (_, messages) = operator.get(&path).await;
    let rated = messages["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == answer["id"]);
    assert_eq!(
        rated.unwrap()["feedback"],
        json!({"verdict": "bad", "reason": "wrong"})
    );

    bot.presses(ANNA, &button(&answer, "more")).await;
    let more = bot.delivered().await;
    assert!(["passages", "no_more"].contains(&said(&more).as_str()), "{more}");

    for token in ["", "nonsense", "\0", "🔥"] {
        bot.presses(ANNA, &json!({"token": token})).await;
        assert_eq!(said(&bot.delivered().await), "button_expired");
    }
    // Somebody else's chat.
    bot.presses(78, &button(&answer, "passage")).await;
    assert_eq!(said(&bot.delivered().await), "button_expired");
    app.clock.advance(Duration::from_secs(91 * 24 * 3_600));
    assert_eq!(bot.take_lease().await.0, 200);
    bot.presses(ANNA, &button(&answer, "passage")).await;
    assert_eq!(said(&bot.delivered().await), "button_expired");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn menus_change_what_is_chosen_in_their_own_place() {
    let (app, _, mut bot) = app(vec![]).await;
    bot.commands(ANNA, "kb").await;
    let menu = bot.delivered().await;
    assert_eq!(button(&menu, "all_knowledge_bases")["label"]["chosen"], true);
    bot.presses(ANNA, &button(&menu, "knowledge_base")).await;
    let switched = bot.delivered().await;
    assert_eq!(switched["id"], menu["id"]);
    assert_eq!(button(&switched, "knowledge_base")["label"]["chosen"], true);
    assert_eq!(button(&switched, "all_knowledge_bases")["label"]["chosen"], false);
    bot.presses(ANNA, &button(&menu, "done")).await;
    let done = bot.delivered().await;
    assert_eq!(
        done["content"]["say"],
        json!({"what": "kb_chosen", "names": [KB]})
    );

    bot.commands(ANNA, "lang").await;
    let menu = bot.delivered().await;
    let rows = menu["content"]["keyboard"].as_array().unwrap();
    bot.presses(ANNA, &rows[1][0]).await;
    assert_eq!(
        bot.delivered().await["content"]["say"],
        json!({"what": "language_chosen", "language": "ru"})
    );
    bot.commands(ANNA, "settings").await;
    let menu = bot.delivered().await;
    assert_eq!(menu["language"], "ru");
    assert_eq!(
        menu["content"]["say"],
        json!({"what": "settings", "language": "ru", "notices": true})
    );
    bot.presses(ANNA, &button(&menu, "notices")).await;
    let off = bot.delivered().await;
    assert_eq!(off["content"]["say"]["notices"], false);
    bot.commands(ANNA, "cancel").await;
    let closed = bot.delivered().await;
    assert_eq!(
        (said(&closed).as_str(), &closed["id"]),
        ("cancelled", &menu["id"])
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_the_bot_chooses_a_knowledge_base_that_the_person_sees() {
    let (app, operator, mut bot) = app(vec![]).await;
    let id = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
    let (status, hidden) = operator
        .post("/knowledge-bases", &json!({"name": "hidden"}))
        .await;
    assert_eq!(status, 201, "{hidden}");
    let hidden = text(&hidden["id"]);
    for named in [
        "",
        "hidden",
        hidden.as_str(),
        "nothing-of-that-name",
        "handbook and more",
        "x\0",
    ] {
        let start = json!({"kind": "command", "name": "start", "argument": named});
        bot.writes(ANNA, start).await;
        assert_eq!(said(&bot.delivered().await), "start", "{named:?}");
        bot.commands(ANNA, "kb").await;
        let menu = bot.delivered().await;
        assert_eq!(
            button(&menu, "all_knowledge_bases")["label"]["chosen"],
            true,
            "{named:?}"
        );
    }
    for named in [KB, id.as_str()] {
        let start = json!({"kind": "command", "name": "start", "argument": named});
        bot.writes(ANNA, start).await;
        assert_eq!(said(&bot.delivered().await), "start");
        assert_eq!(
            bot.delivered().await["content"]["say"],
            json!({"what": "kb_chosen", "names": [KB]})
        );
        bot.commands(ANNA, "kb").await;
        let menu = bot.delivered().await;
        assert_eq!(button(&menu, "knowledge_base")["label"]["chosen"], true);
        bot.presses(ANNA, &button(&menu, "all_knowledge_bases")).await;
        bot.delivered().await;
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_brought_and_its_card_tells_how_it_goes() {
    let (app, operator, mut bot) = app(vec![]).await;
    let file = json!({"kind": "file", "file_id": "f1", "file_unique_id": "u1", "file_name": "notes.tar.gz"});
    bot.writes(ANNA, file.clone()).await;
    assert_eq!(said(&bot.delivered().await), "file_no_kb", "readers feed nothing");
    let (_, kbs) = operator.get("/knowledge-bases").await;
    let kb = text(&kbs["items"][0]["id"]);
    let (_, users) = operator.get("/users").await;
    let member = format!("/knowledge-bases/{kb}/members/{}", text(&users["items"][0]["id"]));
    assert_eq!(operator.put(&member, &json!({"role": "editor"})).await.0, 200);
    let bot_id = text(&operator.get("/chats").await.1["items"][0]["bot_id"]);
    let role = json!({"max_role": "editor"});
    assert_eq!(operator.patch(&format!("/bots/{bot_id}"), &role).await.0, 200);

    bot.writes(ANNA, file.clone()).await;
    let menu = bot.delivered().await;
    assert_eq!(
        menu["content"]["say"],
        json!({"what": "file_ask_kb", "file": "notes.tar.gz"})
    );
    bot.presses(ANNA, &button(&menu, "knowledge_base")).await;
    let fetch = bot.next().await;
    let content = &fetch["content"];
    assert_eq!(
        (&content["kind"], &content["is_archive"]),
        (&json!("fetch_file"), &json!(true))
    );
    assert_eq!((&content["file_id"], &fetch["id"]), (&json!("f1"), &menu["id"]));

    let part = reqwest::multipart::Part::bytes(archive(&[("n.md", b"# Notes\n\nThe lamp is green.\n")]));
    let form = reqwest::multipart::Form::new()
        .text("knowledge_base", kb.clone())
        .part("file", part.file_name("notes.tar.gz"));
    let upload = bot
        .api
        .named(ANNA)
        .request(reqwest::Method::POST, "/ingestion/archives");
    let accepted = upload.multipart(form).send().await.unwrap();
    assert_eq!(accepted.status(), 202);
    let task = text(&accepted.json::<Value>().await.unwrap()["task_id"]);
    let wrong = bot
        .report(&fetch, "sent", json!({"parts": 1, "task_id": Uuid::new_v4()}))
        .await;
    assert_eq!(error(&wrong), (422, "validation_failed"));
    assert_eq!(
        bot.report(&fetch, "sent", json!({"parts": 1, "task_id": task}))
            .await
            .0,
        204
    );
    loop {
        app.clock.advance(Duration::from_secs(3));
        assert_eq!(bot.take_lease().await.0, 200);
        let card = bot.delivered().await;
        assert_eq!((said(&card).as_str(), &card["id"]), ("task_card", &menu["id"]));
        assert_eq!(card["content"]["name"], "notes.tar.gz");
        if card["content"]["task"]["state"] == "succeeded" {
            assert_eq!(card["content"]["keyboard"], json!([]));
            break;
        }
        assert_eq!(button(&card, "cancel")["label"]["kind"], "cancel");
    }
    // Seen before: nothing is brought again.
    bot.writes(ANNA, file).await;
    let menu = bot.delivered().await;
    bot.presses(ANNA, &button(&menu, "knowledge_base")).await;
    assert_eq!(said(&bot.delivered().await), "file_known");
    app.end().await;
}
