//! What chat models are asked for, take and cost: a row per call, and budgets in money.

use std::time::Duration;

use nexus_api::{QueryRequest, RetrievalMode};
use nexus_client::AnswerEvent;
use nexus_models::chat_stand_in::{ChatStandIn, Play};
use serde_json::{Value, json};

use crate::api::{Api, error, text};
use crate::bot_process::{self, ANNA};
use crate::test_app::{KB, Setup, TestApp};

const QUESTION: &str = "How is the pump primed?";
/// At the prices below, the 100 and 10 tokens of a stand-in's answer cost 15 and 6 millionths.
const PRICE: u64 = 21;

/// A first model that costs much, and a second one that is cheap.
fn settings(servers: &[&ChatStandIn]) -> Vec<(&'static str, String)> {
    const NAMES: [[&str; 4]; 2] = [
        [
            "NEXUS_CHAT_URL",
            "NEXUS_CHAT_MODEL",
            "NEXUS_CHAT_PROMPT_PRICE",
            "NEXUS_CHAT_COMPLETION_PRICE",
        ],
        [
            "NEXUS_CHAT_2_URL",
            "NEXUS_CHAT_2_MODEL",
            "NEXUS_CHAT_2_PROMPT_PRICE",
            "NEXUS_CHAT_2_COMPLETION_PRICE",
        ],
    ];
    let mut settings = vec![("NEXUS_CHAT_ATTEMPTS", "2".to_owned())];
    let last = servers.len() - 1;
    for (at, (server, [url, model, prompt, completion])) in servers.iter().zip(NAMES).enumerate() {
        let (name, prices) = match at == last {
            true => ("cheap", ["0.15", "0.6"]),
            false => ("dear", ["1000", "1000"]),
        };
        settings.push((url, server.url()));
        settings.push((model, name.to_owned()));
        settings.push((prompt, prices[0].to_owned()));
        settings.push((completion, prices[1].to_owned()));
    }
    settings
}

async fn app(settings: Vec<(&'static str, String)>) -> (TestApp, Api) {
    let setup = Setup {
        settings,
        ..Setup::default()
    };
    let app = TestApp::with(setup).await;
    app.ingest(&[("a.md", b"# Pumps\n\nThe pump is primed with water.\n")])
        .await;
    let operator = Api::operator(&app);
    (app, operator)
}

async fn ask(api: &Api) -> (u16, Value) {
    api.post(
        "/rag/query",
        &json!({"question": QUESTION, "knowledge_bases": [KB]}),
    )
    .await
}

/// All calls, oldest first, once there are so many.
async fn calls(operator: &Api, count: usize) -> Vec<Value> {
    for _ in 0..400 {
        let (status, page) = operator.get("/usage/model-calls").await;
        assert_eq!(status, 200, "{page}");
        let mut items = page["items"].as_array().unwrap().clone();
        if items.len() >= count {
            assert_eq!(items.len(), count, "{page}");
            items.reverse();
            return items;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("there are not {count} calls");
}

fn of(calls: &[Value], field: &str) -> Vec<Value> {
    calls.iter().map(|call| call[field].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_is_a_row_and_the_answer_says_what_all_of_them_cost() {
    let away = ChatStandIn::start([Play::refuses(503)]).await;
    let there = ChatStandIn::start([Play::says("With water [1].")]).await;
    let (app, operator) = app(settings(&[&away, &there])).await;
    let (status, answer) = ask(&operator).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((away.calls(), there.calls()), (2, 1));
    let cost = json!({"amount_micros": PRICE, "currency": "USD", "complete": true});
    assert_eq!(answer["generation"]["cost"], cost, "{answer}");
    let (_, kept) = operator.get(&format!("/answers/{}", text(&answer["id"]))).await;
    assert_eq!(kept["generation"], answer["generation"]);

    let calls = calls(&operator, 3).await;
    assert_eq!(of(&calls, "model"), ["dear", "dear", "cheap"]);
    assert_eq!(of(&calls, "outcome"), ["failed", "failed", "ok"]);
    assert_eq!(of(&calls, "purpose"), ["answer", "answer", "answer"]);
    assert_eq!(of(&calls, "answer_id"), vec![answer["id"].clone(); 3]);
    let price = json!({"amount_micros": PRICE, "currency": "USD"});
    assert_eq!(of(&calls, "cost"), [Value::Null, Value::Null, price.clone()]);
    assert_eq!(
        calls[2]["usage"],
        json!({"prompt_tokens": 100, "completion_tokens": 10})
    );
    assert!(calls[0].get("usage").is_none() && calls[2]["asked_by"].get("api_key_id").is_some());
    let address = there.url();
    let address = address.trim_start_matches("http://").trim_end_matches("/v1");
    assert_eq!(calls[2]["provider"], address);

    let (_, totals) = operator.get("/usage/model-calls/totals?group_by=model").await;
    let cheap = &totals["items"][0];
    assert_eq!(
        (&cheap["model"], &cheap["calls"], &cheap["cost"]),
        (&json!("cheap"), &json!(1), &price)
    );
    let dear = &totals["items"][1];
    assert_eq!(
        (
            &dear["model"],
            &dear["calls"],
            &dear["failed_or_cut"],
            &dear["without_price"]
        ),
        (&json!("dear"), &json!(2), &json!(2), &json!(2))
    );
    let (_, page) = operator
        .get("/usage/model-calls?model=cheap&purpose=answer&limit=1")
        .await;
    assert_eq!(page["items"], json!([calls[2]]));
    let (_, page) = operator.get("/usage/model-calls?purpose=chat").await;
    assert_eq!(page["items"], json!([]));
    let (_, first) = operator.get("/usage/model-calls?limit=2").await;
    let cursor = text(&first["next_cursor"]);
    let (_, second) = operator
        .get(&format!("/usage/model-calls?limit=2&cursor={cursor}"))
        .await;
    assert_eq!(second["items"], json!([calls[0]]));
    let bad = operator.get("/usage/model-calls?purpose=fun").await;
    assert_eq!(bad.0, 400, "{}", bad.1);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_kept_where_no_answer_is_and_where_nobody_waits_for_one() {
    let stalls = Play::Stalls(vec!["With water [1]. ".to_owned()]);
    let server = ChatStandIn::start([Play::says("With water [1]."), stalls]).await;
    let mut settings = settings(&[&server]);
    settings.push(("NEXUS_ANSWERS_KEEP_DAYS", "0".to_owned()));
    let (app, operator) = app(settings).await;
    let (_, answer) = ask(&operator).await;
    assert!(answer.get("id").is_none());
    assert_eq!(answer["generation"]["cost"]["amount_micros"], PRICE);
    let kept = calls(&operator, 1).await;
    assert!(kept[0].get("answer_id").is_none());

    let request = QueryRequest {
        question: QUESTION.to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode: RetrievalMode::Lexical,
        history: Vec::new(),
    };
    let mut events = app.client.ask_question_streamed(&request).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), AnswerEvent::Delta(_)) {}
    drop(events);
    server.hung_up().await;
    let mut kept = calls(&operator, 2).await;
    // The clock stands still here: they may stand in any order.
    kept.sort_by_key(|call| call["outcome"] == "cut");
    assert_eq!(of(&kept, "outcome"), ["ok", "cut"]);
    assert!(kept[1].get("usage").is_none() && kept[1].get("cost").is_none());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_a_chat_is_kept_with_its_calls() {
    let server = ChatStandIn::start([Play::says("Run `gateway_update` once a month [1].")]).await;
    let (app, operator, mut bot) = bot_process::app(settings(&[&server])).await;
    bot.asks(ANNA, bot_process::QUESTION).await;
    let answer = bot.delivered().await;
    let answer = &answer["content"]["answer"];
    assert_eq!(answer["generation"]["cost"]["amount_micros"], PRICE, "{answer}");
    let kept = calls(&operator, 1).await;
    assert_eq!(kept[0]["answer_id"], answer["id"]);
    let by = &kept[0]["asked_by"];
    assert!(by.get("user_id").is_some() && by.get("bot_id").is_some(), "{by}");
    let path = format!(
        "/usage/model-calls?bot_id={}&user_id={}",
        text(&by["bot_id"]),
        text(&by["user_id"])
    );
    assert_eq!(operator.get(&path).await.1["items"], json!(kept));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_ends_with_what_was_spent_and_says_when_it_begins_again() {
    let server = ChatStandIn::start([Play::says("With water [1].")]).await;
    let (app, operator) = app(settings(&[&server])).await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap().id;
    let opened = operator
        .patch(
            &format!("/knowledge-bases/{kb}"),
            &json!({"visibility": "everyone"}),
        )
        .await;
    assert_eq!(opened.0, 200);
    let (bot_id, bot) = operator.register_bot("docs").await;
    let path = format!("/bots/{bot_id}");
    let usage = format!("{path}/usage");
    for (measure, resets) in [
        ("cost_micros", "resets_at"),
        ("monthly_cost_micros", "month_resets_at"),
    ] {
        let used = bot.get(&usage).await.1[measure]["used"].as_u64().unwrap();
        assert_eq!(used, 0, "nothing is counted without a limit");
        let quotas = json!({"quotas": {measure: 2 * PRICE + 1}});
        assert_eq!(operator.patch(&path, &quotas).await.0, 200);
        for asked in 1..=3 {
            let reply = ask(&bot).await;
            assert_eq!(reply.0, 200, "{}", reply.1);
            let used = bot.get(&usage).await.1[measure]["used"].as_u64().unwrap();
            assert_eq!(
                used,
                asked * PRICE,
                "the price of what was answered, no more and no less"
            );
        }
        let refused = ask(&bot).await;
        assert_eq!(error(&refused), (429, "quota_exceeded"));
        let details = &refused.1["error"]["details"];
        assert_eq!(
            (&details["measure"], &details["limit"], &details["currency"]),
            (&json!(measure), &json!(2 * PRICE + 1), &json!("USD"))
        );
        let (_, of_day) = bot.get(&usage).await;
        assert_eq!(details["resets_at"], of_day[resets], "{of_day}");
        assert_eq!(of_day["currency"], "USD");
        // Searching asks no model.
        let found = bot.post("/rag/search", &json!({"query": QUESTION})).await;
        assert_eq!(found.0, 200);
        operator.patch(&path, &json!({"quotas": {}})).await;
    }
    assert_eq!(server.calls(), 6);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_without_a_price_is_not_seen_by_budgets() {
    let server = ChatStandIn::start([Play::says("With water [1].")]).await;
    let (app, operator) = app(vec![
        ("NEXUS_CHAT_URL", server.url()),
        ("NEXUS_CHAT_MODEL", "free".to_owned()),
    ])
    .await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap().id;
    let path = format!("/knowledge-bases/{kb}");
    operator
        .patch(&path, &json!({"quotas": {"cost_micros": 1}}))
        .await;
    for _ in 0..2 {
        let (status, answer) = ask(&operator).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer["generation"].get("cost").is_none());
        assert_eq!(answer["generation"]["usage"]["prompt_tokens"], 100);
    }
    let kept = calls(&operator, 2).await;
    assert!(kept.iter().all(|call| call.get("cost").is_none()));
    app.end().await;
}
