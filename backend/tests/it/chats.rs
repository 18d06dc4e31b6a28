//! Chats from end to end, as the process that serves a bot meets them: updates go in, deliveries come out, and whatever
//! is lost in between is made good.

use std::sync::Arc;
use std::time::Duration;

use nexus_models::chat_stand_in::{ChatStandIn, Play};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, error, text};
use crate::bot_process::{ANNA, Process, QUESTION, app, button, said};
use crate::test_app::{KB, Setup, TestApp, archive};

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
async fn whoever_sees_no_knowledge_base_is_told_so() {
    let (app, operator, mut bot) = app(vec![]).await;
    let kb = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
    bot.asks(ANNA, QUESTION).await;
    assert_eq!(bot.delivered().await["content"]["answer"]["found"], true);
    let id = text(&operator.get("/bots").await.1["items"][0]["id"]);
    let closed = operator.delete(&format!("/knowledge-bases/{kb}/bots/{id}")).await;
    assert_eq!(closed.0, 204);
    bot.asks(ANNA, QUESTION).await;
    assert_eq!(said(&bot.delivered().await), "kb_none");
    app.end().await;
}

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
async fn whoever_loses_a_right_is_not_shown_what_was_made_with_it() {
    let (app, operator, mut bot) = app(vec![]).await;
    bot.asks(ANNA, QUESTION).await;
    let answer = bot.delivered().await;
    bot.asks(ANNA, QUESTION).await;
    let waiting = bot.next().await;
    bot.place(&waiting).await;
    // The answer is made; before it is handed out, the bot loses the knowledge base.
    let (_, chats) = operator.get("/chats").await;
    let path = format!("/chats/{}/messages", text(&chats["items"][0]["id"]));
    while operator.get(&path).await.1["items"][0]["delivery"] != "pending" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, kbs) = operator.get("/knowledge-bases").await;
    let (kb, id) = (text(&kbs["items"][0]["id"]), text(&chats["items"][0]["bot_id"]));
    assert_eq!(
        operator
            .delete(&format!("/knowledge-bases/{kb}/bots/{id}"))
            .await
            .0,
        204
    );
    let refused = bot.delivered().await;
    assert_eq!(
        (said(&refused).as_str(), &refused["id"]),
        ("error not_found", &waiting["id"])
    );
    bot.presses(ANNA, &button(&answer, "passage")).await;
    assert_eq!(said(&bot.delivered().await), "error not_found");

    // A person who is blocked is told so, and nothing else.
    let (_, users) = operator.get("/users").await;
    let user = text(&users["items"][0]["id"]);
    assert_eq!(
        operator
            .patch(&format!("/users/{user}"), &json!({"blocked": true}))
            .await
            .0,
        200
    );
    bot.asks(ANNA, QUESTION).await;
    assert_eq!(said(&bot.delivered().await), "error user_blocked");
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
