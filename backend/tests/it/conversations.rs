//! Questions that lean on the one before: in chats, where the server remembers what was asked, and over the API, where the
//! caller tells it.

use std::time::Duration;

use nexus_models::chat_stand_in::{ChatStandIn, Play};
use serde_json::{Value, json};

use crate::api::{Api, error, text};
use crate::bot_process::{ANNA, Process, app, said};
use crate::test_app::{Setup, TestApp};

const FIRST: &str = "How do I install the agent on Linux?";
const SECOND: &str = "And on Windows?";
const WHOLE: &str = "How do I install the agent on Windows?";
const PAGES: [(&str, &[u8]); 3] = [
    (
        "linux.md",
        b"# Linux\n\nInstall the agent on Linux with the package manager.\n",
    ),
    (
        "windows.md",
        b"# Windows\n\nInstall the agent on Windows with the setup program.\n",
    ),
    (
        "docker.md",
        b"# Docker\n\nInstall the agent in Docker from the registry.\n",
    ),
];

async fn chat(settings: Vec<(&'static str, String)>) -> (TestApp, Process) {
    let (app, _, bot) = app(settings).await;
    app.ingest(&PAGES).await;
    (app, bot)
}

/// What was searched for instead of what was asked.
fn understood(delivery: &Value) -> Option<&str> {
    delivery["content"]["answer"]["retrieval"]["question"].as_str()
}

async fn answered(bot: &mut Process, person: i64, question: &str) -> Value {
    bot.asks(person, question).await;
    let answer = bot.delivered().await;
    assert_eq!(said(&answer), "answer", "{answer}");
    answer
}

/// The same from a group.
async fn answered_in(
    bot: &mut Process,
    group: i64,
    topic: Option<i64>,
    person: i64,
    question: &str,
) -> Value {
    let mut update = bot.update(person, json!({"kind": "text", "text": question}));
    update["chat"] = json!({"id": group, "kind": "supergroup", "title": "Team"});
    if let Some(topic) = topic {
        update["topic_id"] = json!(topic);
    }
    bot.pass_on(&[update]).await;
    let answer = bot.delivered().await;
    assert_eq!(said(&answer), "answer", "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_leans_on_the_one_before() {
    let (app, mut bot) = chat(vec![]).await;
    let first = answered(&mut bot, ANNA, FIRST).await;
    assert_eq!(understood(&first), None);
    let second = answered(&mut bot, ANNA, SECOND).await;
    assert_eq!(understood(&second), Some(WHOLE));
    let answer = &second["content"]["answer"];
    assert_eq!(answer["retrieval"]["rewritten_by"], "rules");
    assert_eq!(answer["citations"][0]["passage"]["document_path"], "windows.md");
    // Each leans on what the one before was understood as, and one without an answer is one of them.
    let third = answered(&mut bot, ANNA, "And in Kubernetes?").await;
    assert_eq!(
        understood(&third),
        Some("How do I install the agent on Kubernetes?")
    );
    let fourth = answered(&mut bot, ANNA, "And in Docker?").await;
    assert_eq!(understood(&fourth), Some("How do I install the agent on Docker?"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nothing_was_found_on_is_a_turn() {
    let (app, mut bot) = chat(vec![]).await;
    let nothing = answered(&mut bot, ANNA, "Кто выиграл чемпионат мира по хоккею?").await;
    assert_eq!(nothing["content"]["answer"]["found"], false, "{nothing}");
    let leaning = answered(&mut bot, ANNA, "А почему?").await;
    let searched = understood(&leaning).unwrap_or_default();
    assert!(searched.contains("чемпионат"), "{leaning}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_one_persons_in_one_topic() {
    let (app, mut bot) = chat(vec![]).await;
    answered_in(&mut bot, -5, None, ANNA, FIRST).await;
    let other = answered_in(&mut bot, -5, None, 78, SECOND).await;
    assert_eq!(understood(&other), None, "another person");
    let elsewhere = answered_in(&mut bot, -5, Some(4), ANNA, SECOND).await;
    assert_eq!(understood(&elsewhere), None, "another topic");
    let private = answered(&mut bot, ANNA, SECOND).await;
    assert_eq!(understood(&private), None, "another chat");
    let own = answered_in(&mut bot, -5, None, ANNA, SECOND).await;
    assert_eq!(understood(&own), Some(WHOLE));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_and_refresh_and_six_hours_forget_the_conversation() {
    let (app, mut bot) = chat(vec![]).await;
    for command in ["new", "refresh"] {
        answered(&mut bot, ANNA, FIRST).await;
        bot.commands(ANNA, command).await;
        bot.delivered().await;
        let second = answered(&mut bot, ANNA, SECOND).await;
        assert_eq!(understood(&second), None, "{command}");
    }
    for (hours, forgotten) in [(5, false), (6, true)] {
        bot.commands(ANNA, "new").await;
        bot.delivered().await;
        answered(&mut bot, ANNA, FIRST).await;
        app.clock.advance(Duration::from_secs(hours * 3_600));
        assert_eq!(bot.take_lease().await.0, 200);
        let second = answered(&mut bot, ANNA, SECOND).await;
        assert_eq!(understood(&second).is_none(), forgotten, "{hours}");
    }
    // Who has turned the bot away is forgotten, too.
    answered(&mut bot, ANNA, FIRST).await;
    for event in [json!({"kind": "left"}), json!({"kind": "joined"})] {
        bot.writes(ANNA, event).await;
    }
    let back = answered(&mut bot, ANNA, SECOND).await;
    assert_eq!(understood(&back), None);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_question_takes_the_place_of_what_it_was() {
    let (app, mut bot) = chat(vec![]).await;
    let asked = bot.update(
        ANNA,
        json!({"kind": "text", "text": "How do I remove the agent on Linux?"}),
    );
    bot.pass_on(std::slice::from_ref(&asked)).await;
    bot.delivered().await;
    let second = bot.update(ANNA, json!({"kind": "text", "text": SECOND}));
    bot.pass_on(std::slice::from_ref(&second)).await;
    let answer = bot.delivered().await;
    assert_eq!(understood(&answer), Some("How do I remove the agent on Windows?"));
    let edit = async |bot: &mut Process, of: &Value, text: &str| {
        let mut edit = bot.update(ANNA, json!({"kind": "edit", "text": text}));
        edit["message_id"] = of["message_id"].clone();
        bot.pass_on(&[edit]).await;
        bot.delivered().await
    };
    // The first one leans on nothing behind it.
    let changed = edit(&mut bot, &asked, FIRST).await;
    assert_eq!(understood(&changed), None);
    // The second one leans on what the first one says now.
    let changed = edit(&mut bot, &second, "And in Docker?").await;
    assert_eq!(
        understood(&changed),
        Some("How do I install the agent on Docker?")
    );
    // What comes next leans on the second one, which is the last in the chat.
    let third = answered(&mut bot, ANNA, SECOND).await;
    assert_eq!(understood(&third), Some(WHOLE));
    app.end().await;
}

async fn queried(api: &Api, history: Value, question: &str) -> (u16, Value) {
    let body = json!({"question": question, "history": history});
    api.post("/rag/query", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_tells_what_was_asked_before_within_bounds() {
    let app = TestApp::start().await;
    app.ingest(&PAGES).await;
    let api = Api::operator(&app);
    let turn = |question: &str| json!({ "question": question });
    let (status, answer) = queried(&api, json!([turn("What?"), turn(FIRST)]), SECOND).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (
            &answer["retrieval"]["question"],
            &answer["retrieval"]["rewritten_by"]
        ),
        (&json!(WHOLE), &json!("rules"))
    );
    assert_eq!(answer["citations"][0]["passage"]["document_path"], "windows.md");
    for history in [
        json!([]),
        json!(vec![turn("Кто?"); 8]),
        json!([turn(&"я".repeat(4_000))]),
    ] {
        let (status, answer) = queried(&api, history, WHOLE).await;
        assert_eq!(
            (status, &answer["retrieval"]["question"]),
            (200, &Value::Null),
            "{answer}"
        );
    }
    for history in [
        json!(vec![turn("Who?"); 9]),
        json!([turn(FIRST), turn(" \n")]),
        json!([turn(&"я".repeat(4_001))]),
    ] {
        let reply = queried(&api, history, SECOND).await;
        assert_eq!(error(&reply), (422, "validation_failed"));
        assert_eq!(reply.1["error"]["details"]["field"], "history");
    }
    for history in [json!(["Who?"]), json!([{"question": "Who?", "answer": "I"}])] {
        let reply = queried(&api, history, SECOND).await;
        assert!(error(&reply).0 < 500 && error(&reply).0 >= 400, "{reply:?}");
    }
    app.end().await;
}

/// An application whose chat model rewrites, too: these are its words, call by call.
async fn with_model(plays: Vec<Play>) -> (TestApp, ChatStandIn) {
    let server = ChatStandIn::start(plays).await;
    let settings = vec![
        ("NEXUS_CHAT_URL", server.url()),
        ("NEXUS_CHAT_MODEL", "writer".to_owned()),
        ("NEXUS_CHAT_FOLLOW_UPS", "model".to_owned()),
        ("NEXUS_CHAT_FOLLOW_UP_SECONDS", "1".to_owned()),
        ("NEXUS_CHAT_ATTEMPTS", "1".to_owned()),
    ];
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    app.ingest(&PAGES).await;
    (app, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_model_rewrites_where_it_is_asked_to_and_rules_do_where_it_fails() {
    const SAID: &str = "How is the agent set up on Windows?";
    let written = || Play::says("Install it with the setup program [1].");
    for (play, question, by, failure, usage) in [
        (Play::says(SAID), SAID, "model", Value::Null, 200),
        (
            Play::says("Lorem ipsum dolor"),
            WHOLE,
            "rules",
            json!("unrelated"),
            200,
        ),
        (
            Play::Stalls(vec!["How".to_owned()]),
            WHOLE,
            "rules",
            json!("timed_out"),
            100,
        ),
        (Play::Says(vec![]), WHOLE, "rules", json!("unavailable"), 100),
    ] {
        let (app, server) = with_model(vec![play, written()]).await;
        let api = Api::operator(&app);
        let (status, answer) = queried(&api, json!([{"question": FIRST}]), SECOND).await;
        assert_eq!(status, 200, "{answer}");
        let report = &answer["retrieval"];
        assert_eq!(
            (&report["question"], &report["rewritten_by"]),
            (&json!(question), &json!(by)),
            "{report}"
        );
        assert_eq!(report["rewrite_failure"], failure, "{report}");
        assert_eq!(answer["generation"]["status"], "written", "{answer}");
        assert_eq!(answer["generation"]["usage"]["prompt_tokens"], usage, "{answer}");
        assert_eq!(answer["citations"][0]["passage"]["document_path"], "windows.md");
        let asked = server.asked();
        let prompt = text(&asked[0].body["messages"][1]["content"]);
        assert!(prompt.contains(FIRST) && prompt.contains(SECOND), "{prompt}");
        let prompt = text(&asked[1].body["messages"][1]["content"]);
        assert!(prompt.ends_with(question), "{prompt}");
        app.end().await;
    }
    // A whole question costs no second call.
    let (app, server) = with_model(vec![written()]).await;
    let api = Api::operator(&app);
    let (_, answer) = queried(&api, json!([{"question": FIRST}]), WHOLE).await;
    assert_eq!(
        (server.calls(), &answer["retrieval"]["question"]),
        (1, &Value::Null)
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rewriting_took_is_counted_against_the_day() {
    let plays = vec![Play::says(WHOLE), Play::says("With the setup program [1].")];
    let (app, _server) = with_model(plays).await;
    let operator = Api::operator(&app);
    let kb = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
    let quotas = json!({"quotas": {"tokens": 1_000_000}});
    let patched = operator.patch(&format!("/knowledge-bases/{kb}"), &quotas).await;
    assert_eq!(patched.0, 200, "{patched:?}");
    let (status, _) = queried(&operator, json!([{"question": FIRST}]), SECOND).await;
    assert_eq!(status, 200);
    let (_, usage) = operator.get(&format!("/knowledge-bases/{kb}/usage")).await;
    assert_eq!(usage["tokens"]["used"], 220, "{usage}");
    app.end().await;
}
