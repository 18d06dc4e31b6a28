//! What an embeddings API is asked for, takes and costs: in the account of whoever asked, or of the knowledge base that is fed.

use nexus_models::{EmbeddingsStandIn, Reply, estimated_tokens};
use serde_json::{Value, json};

use crate::api::{Api, error, text};
use crate::embeddings_api::{DIMENSION, embedder, ingest, pumps};
use crate::test_app::{KB, Setup, TestApp};

const QUESTION: &str = "How is the pump of room 3 painted?";
/// The stand-in takes one for each word.
const TOKENS: u64 = 8;
/// In millionths: a thousand units for a million tokens.
const PRICE_OF_TOKEN: u64 = 1_000;
const PRICE: u64 = TOKENS * PRICE_OF_TOKEN;

async fn app(api: &EmbeddingsStandIn, price: &str) -> (TestApp, Api) {
    let app = TestApp::with(Setup {
        own_model: Some(embedder(api)),
        settings: vec![
            ("NEXUS_EMBEDDINGS_URL", api.url()),
            ("NEXUS_EMBEDDINGS_MODEL", "small".to_owned()),
            ("NEXUS_EMBEDDINGS_PRICE", price.to_owned()),
            // To measure a knowledge base takes vectors, too.
            ("NEXUS_ANSWERS_CALIBRATION_SECONDS", "0".to_owned()),
        ],
        ..Setup::default()
    })
    .await;
    ingest(&app, &pumps(10)).await;
    app.quiet().await;
    let operator = Api::operator(&app);
    (app, operator)
}

async fn ask(api: &Api) -> (u16, Value) {
    let body = json!({"question": QUESTION, "knowledge_bases": [KB]});
    api.post("/rag/query", &body).await
}

async fn search(api: &Api, mode: &str) -> (u16, Value) {
    let body = json!({"query": QUESTION, "knowledge_bases": [KB], "mode": mode});
    api.post("/rag/search", &body).await
}

/// The calls for questions, and those that fed a knowledge base.
async fn calls(operator: &Api) -> (Vec<Value>, Vec<Value>) {
    let (status, page) = operator.get("/usage/model-calls?purpose=embedding").await;
    assert_eq!(status, 200, "{page}");
    let calls = page["items"].as_array().unwrap().clone();
    calls
        .into_iter()
        .partition(|call| call.get("knowledge_base_id").is_none())
}

fn dollars(micros: u64) -> Value {
    json!({"amount_micros": micros, "currency": "USD"})
}

/// A bot that everybody's question comes through, and its path.
async fn bot(app: &TestApp, operator: &Api) -> (String, Api) {
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap().id;
    let path = format!("/knowledge-bases/{kb}");
    let opened = operator.patch(&path, &json!({"visibility": "everyone"})).await;
    assert_eq!(opened.0, 200, "{}", opened.1);
    let (id, bot) = operator.register_bot("docs").await;
    (format!("/bots/{id}"), bot)
}

async fn used(bot: &Api, path: &str) -> u64 {
    let (_, usage) = bot.get(&format!("{path}/usage")).await;
    usage["cost_micros"]["used"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_feeds_a_knowledge_base_is_one_call_and_each_question_is_one_of_its_asker() {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    let (app, operator) = app(&api, "1000").await;
    let (asked, fed) = calls(&operator).await;
    assert!(asked.is_empty(), "{asked:?}");
    let [fed] = &fed[..] else {
        panic!("one call, and not {fed:?}");
    };
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap().id;
    let tokens = Reply::tokens(&api.paid()) as u64;
    assert!(api.calls().len() > 1 && tokens > 0);
    assert_eq!(fed["requests"], api.calls().len());
    assert_eq!(
        fed["usage"],
        json!({"prompt_tokens": tokens, "completion_tokens": 0})
    );
    assert_eq!(fed["cost"], dollars(tokens * PRICE_OF_TOKEN));
    assert_eq!(fed["knowledge_base_id"], json!(kb));
    assert_eq!(
        (&fed["model"], &fed["outcome"], &fed["asked_by"]),
        (&json!("small"), &json!("ok"), &json!({}))
    );
    let address = api.url();
    let address = address.trim_start_matches("http://").trim_end_matches("/v1");
    assert_eq!(fed["provider"], address);

    let (status, answer) = ask(&operator).await;
    assert_eq!(status, 200, "{answer}");
    let cost = json!({"amount_micros": PRICE, "currency": "USD", "complete": true});
    assert_eq!(answer["generation"]["cost"], cost, "{answer}");
    let (_, kept) = operator.get(&format!("/answers/{}", text(&answer["id"]))).await;
    assert_eq!(kept["generation"], answer["generation"]);
    let (asked, _) = calls(&operator).await;
    let [call] = &asked[..] else {
        panic!("one call, and not {asked:?}");
    };
    assert_eq!(call["answer_id"], answer["id"]);
    assert_eq!(
        call["usage"],
        json!({"prompt_tokens": TOKENS, "completion_tokens": 0})
    );
    assert_eq!((&call["cost"], &call["requests"]), (&dollars(PRICE), &json!(1)));
    assert!(call["asked_by"].get("api_key_id").is_some(), "{call}");

    assert_eq!(search(&operator, "hybrid").await.0, 200);
    assert_eq!(search(&operator, "lexical").await.0, 200, "which asks no model");
    let (asked, fed) = calls(&operator).await;
    assert_eq!((asked.len(), fed.len()), (2, 1));
    let searched: Vec<_> = asked
        .iter()
        .filter(|call| call.get("answer_id").is_none())
        .collect();
    assert_eq!(searched.len(), 1);
    assert_eq!(searched[0]["cost"], dollars(PRICE));
    let (_, totals) = operator.get("/usage/model-calls/totals?group_by=purpose").await;
    let items = totals["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{totals}");
    assert_eq!(
        (&items[0]["purpose"], &items[0]["cost"]),
        (&json!("embedding"), &dollars(tokens * PRICE_OF_TOKEN + 2 * PRICE))
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_vectors_alone_use_up_says_so_and_words_are_still_searched_for() {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    let (app, operator) = app(&api, "1000").await;
    let (path, bot) = bot(&app, &operator).await;
    let limit = 2 * PRICE + 1;
    let quotas = json!({"quotas": {"cost_micros": limit}});
    assert_eq!(operator.patch(&path, &quotas).await.0, 200);
    assert_eq!(ask(&bot).await.0, 200);
    assert_eq!(used(&bot, &path).await, PRICE, "no more and no less");
    assert_eq!(search(&bot, "hybrid").await.0, 200);
    assert_eq!(used(&bot, &path).await, 2 * PRICE);
    assert_eq!(ask(&bot).await.0, 200, "something is left");
    for refused in [ask(&bot).await, search(&bot, "hybrid").await] {
        assert_eq!(error(&refused), (429, "quota_exceeded"), "{}", refused.1);
        let told = &refused.1["error"];
        assert_eq!(
            told["message"],
            "today's limit of 0.016001 USD for models is reached for this bot"
        );
        assert_eq!(
            (
                &told["details"]["measure"],
                &told["details"]["limit"],
                &told["details"]["currency"]
            ),
            (&json!("cost_micros"), &json!(limit), &json!("USD"))
        );
    }
    assert_eq!(search(&bot, "lexical").await.0, 200);
    let (asked, _) = calls(&operator).await;
    assert_eq!(asked.len(), 3, "nobody was asked for what was refused");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_nobody_told_are_estimated_for_budgets_and_stay_unknown_in_calls() {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    let (app, operator) = app(&api, "1000").await;
    let (path, bot) = bot(&app, &operator).await;
    let quotas = json!({"quotas": {"cost_micros": 1_000_000}});
    assert_eq!(operator.patch(&path, &quotas).await.0, 200);
    api.otherwise(Reply::Untold);
    let (status, answer) = ask(&bot).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["generation"].get("cost").is_none(), "{answer}");
    let estimated = estimated_tokens(QUESTION) as u64 * PRICE_OF_TOKEN;
    assert_eq!(used(&bot, &path).await, estimated);
    // What failed cost nothing, and the answer is made of words.
    api.otherwise(Reply::status(400));
    assert_eq!(ask(&bot).await.0, 200);
    assert_eq!(used(&bot, &path).await, estimated);
    let (asked, _) = calls(&operator).await;
    let mut outcomes: Vec<_> = asked.iter().map(|call| text(&call["outcome"])).collect();
    outcomes.sort();
    assert_eq!(outcomes, ["failed", "ok"]);
    assert!(
        asked
            .iter()
            .all(|call| call.get("usage").is_none() && call.get("cost").is_none())
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_price_calls_are_known_and_budgets_do_not_see_them() {
    let api = EmbeddingsStandIn::start(DIMENSION).await.unwrap();
    let (app, operator) = app(&api, "").await;
    let (path, bot) = bot(&app, &operator).await;
    let quotas = json!({"quotas": {"cost_micros": 1}});
    assert_eq!(operator.patch(&path, &quotas).await.0, 200);
    for _ in 0..2 {
        let (status, answer) = ask(&bot).await;
        assert_eq!(status, 200, "{answer}");
        assert!(answer["generation"].get("cost").is_none(), "{answer}");
    }
    let (asked, fed) = calls(&operator).await;
    assert_eq!((asked.len(), fed.len()), (2, 1));
    for call in asked.iter().chain(&fed) {
        assert!(
            call.get("cost").is_none() && call["usage"]["prompt_tokens"].as_u64() > Some(0),
            "{call}"
        );
    }
    assert_eq!(used(&bot, &path).await, 0);
    app.end().await;
}
