//! How often and how much one may ask: rate limits by caller, daily limits as rows.

use std::time::Duration;

use nexus_models::chat_stand_in::{ChatStandIn, Play};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::api::{Api, Reply, error, text};
use crate::test_app::{KB, Setup, TestApp};

const QUESTION: &str = "How is the pump primed?";

async fn app(settings: Vec<(&'static str, String)>) -> TestApp {
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    app.ingest(&[("a.md", b"# Pumps\n\nThe pump is primed with water.\n")])
        .await;
    app
}

/// Opens the knowledge base to everyone; its id.
async fn open(app: &TestApp, operator: &Api) -> String {
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    let path = format!("/knowledge-bases/{}", kb.id);
    let opened = operator.patch(&path, &json!({"visibility": "everyone"})).await;
    assert_eq!(opened.0, 200, "{}", opened.1);
    kb.id.to_string()
}

async fn search(api: &Api) -> Response {
    let request = api.request(Method::POST, "/rag/search");
    request.json(&json!({"query": QUESTION})).send().await.unwrap()
}

async fn ask(api: &Api) -> Reply {
    api.post("/rag/query", &json!({"question": QUESTION})).await
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_one_bucket_per_kind_of_request_whichever_bot_they_come_by() {
    let limit = |name, most: u32| (name, most.to_string());
    let app = app(vec![
        limit("NEXUS_LIMITS_READER_QUESTIONS", 3),
        limit("NEXUS_LIMITS_READER_REQUESTS", 100),
        limit("NEXUS_LIMITS_EDITOR_QUESTIONS", 5),
    ])
    .await;
    let operator = Api::operator(&app);
    open(&app, &operator).await;
    let (_, docs) = operator.register_bot("docs").await;
    let (_, help) = operator.register_bot("help").await;
    for bot in [&docs, &help] {
        let code = if std::ptr::eq(bot, &docs) { "docs" } else { "help" };
        bot.introduce(code, 1).await;
    }
    let (anna, boris) = (docs.named(1), docs.named(2));
    let boris_id = docs.introduce("docs", 2).await;

    let first = search(&anna).await;
    assert_eq!(first.status(), 200);
    assert_eq!(header(&first, "ratelimit-policy"), "\"questions\";q=3;w=60");
    assert_eq!(header(&first, "ratelimit"), "\"questions\";r=2");
    assert!(header(&first, "x-ratelimit-limit").is_empty());
    assert_eq!(search(&help.named(1)).await.status(), 200);
    assert_eq!(ask(&anna).await.0, 200);
    let refused = search(&help.named(1)).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "ratelimit"), "\"questions\";r=0");
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "too_many_requests");

    // Other requests, other people and the bot itself are counted apart.
    assert_eq!(anna.get("/auth/me").await.0, 200);
    assert_eq!(search(&boris).await.status(), 200);
    assert_eq!(search(&docs).await.status(), 200);
    // A role has limits of its own.
    let path = format!("/users/{boris_id}");
    operator.patch(&path, &json!({"role": "editor"})).await;
    let as_editor = search(&boris).await;
    assert_eq!(header(&as_editor, "ratelimit"), "\"questions\";r=4");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_limited_by_key_and_the_unproven_by_address() {
    let app = app(vec![
        ("NEXUS_HTTP_REQUESTS_PER_SECOND", "1".to_owned()),
        ("NEXUS_HTTP_BURST", "3".to_owned()),
    ])
    .await;
    let stranger = Api::nobody(&app).with("a-wrong-key-0123456789");
    for _ in 0..3 {
        assert_eq!(error(&ask(&stranger).await), (401, "unauthorized"));
    }
    assert_eq!(error(&ask(&stranger).await), (429, "too_many_requests"));
    // Whoever is known does not pay for it.
    assert_eq!(ask(&Api::operator(&app)).await.0, 200);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_callers_at_once_get_the_fifty_answers_of_a_quota() {
    let app = app(Vec::new()).await;
    let operator = Api::operator(&app);
    let kb = open(&app, &operator).await;
    let (bot_id, bot) = operator.register_bot("docs").await;
    let bot_path = format!("/bots/{bot_id}");
    let quotas = json!({"quotas": {"questions": 50}, "time_zone": "Europe/Moscow"});
    assert_eq!(operator.patch(&bot_path, &quotas).await.0, 200);
    for person in 1..=10 {
        bot.introduce("docs", person).await;
    }

    let asked = (0..100).map(|n| {
        let person = bot.named(1 + n % 10);
        tokio::spawn(async move { ask(&person).await })
    });
    let (mut answered, mut refused) = (0, Vec::new());
    for reply in asked.collect::<Vec<_>>() {
        let reply = reply.await.unwrap();
        match error(&reply) {
            (200, _) => answered += 1,
            (429, "quota_exceeded") => refused.push(reply.1),
            _ => panic!("{}", reply.1),
        }
    }
    assert_eq!((answered, refused.len()), (50, 50));
    let details = &refused[0]["error"]["details"];
    let told = json!({"subject": "bot", "id": bot_id, "measure": "questions", "limit": 50,
        "resets_at": "2026-01-01T21:00:00Z"});
    assert_eq!(details, &told);
    let (_, usage) = bot.get(&format!("{bot_path}/usage")).await;
    assert_eq!(usage["questions"], json!({"used": 50, "limit": 50}));
    assert_eq!(usage["resets_at"], "2026-01-01T21:00:00Z");

    // The day ends at midnight in Moscow: the clock stands at three o'clock there.
    let last = search(&bot.named(1)).await;
    assert_eq!(header(&last, "retry-after"), (21 * 3_600 + 1).to_string());
    app.clock.advance(Duration::from_secs(21 * 3_600));
    assert_eq!(ask(&bot.named(1)).await.0, 200);

    // A knowledge base has limits of its own, whoever asks it. It is the same day now here and there.
    app.clock.advance(Duration::from_secs(3 * 3_600));
    let limited = json!({"quotas": {"questions": 1}});
    operator.patch(&format!("/knowledge-bases/{kb}"), &limited).await;
    assert_eq!(ask(&operator).await.0, 200);
    let refused = ask(&bot.named(2)).await;
    assert_eq!(error(&refused), (429, "quota_exceeded"));
    assert_eq!(refused.1["error"]["details"]["subject"], "knowledge_base");
    // Beside others it is left out, unless it is asked by name.
    let other = operator.knowledge_base("other").await;
    let other = format!("/knowledge-bases/{other}");
    operator.patch(&other, &json!({"visibility": "everyone"})).await;
    let (status, answer) = ask(&bot.named(2)).await;
    assert_eq!((status, &answer["found"]), (200, &json!(false)), "{answer}");
    let by_name = json!({"question": QUESTION, "knowledge_bases": [KB, "other"]});
    let refused = bot.named(2).post("/rag/query", &by_name).await;
    assert_eq!(error(&refused), (429, "quota_exceeded"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_own_limit_comes_first_and_what_failed_is_not_counted() {
    let app = app(Vec::new()).await;
    let operator = Api::operator(&app);
    open(&app, &operator).await;
    let (bot_id, bot) = operator.register_bot("docs").await;
    let quotas = json!({"person_quotas": {"questions": 2}});
    operator.patch(&format!("/bots/{bot_id}"), &quotas).await;
    let anna = bot.introduce("docs", 1).await;
    bot.introduce("docs", 2).await;
    let used = async || {
        let (status, usage) = bot.named(1).get(&format!("/users/{anna}/usage")).await;
        assert_eq!(status, 200, "{usage}");
        usage["questions"].clone()
    };

    // What is refused before it is asked costs nothing.
    let wrong = json!({"question": QUESTION, "knowledge_bases": ["missing"]});
    assert_eq!(bot.named(1).post("/rag/query", &wrong).await.0, 404);
    assert_eq!(used().await, json!({"used": 0, "limit": 2}));
    assert_eq!(ask(&bot.named(1)).await.0, 200);
    assert_eq!(search(&bot.named(1)).await.status(), 200);
    let refused = ask(&bot.named(1)).await;
    assert_eq!(error(&refused), (429, "quota_exceeded"));
    assert_eq!(refused.1["error"]["details"]["subject"], "user");
    assert_eq!(ask(&bot.named(2)).await.0, 200, "others have limits of their own");

    let own = json!({"quotas": {"questions": 3}});
    operator.patch(&format!("/users/{anna}"), &own).await;
    assert_eq!(ask(&bot.named(1)).await.0, 200);
    assert_eq!(used().await, json!({"used": 3, "limit": 3}));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_fails_gives_its_question_back() {
    let app = TestApp::with(Setup {
        lexical_only: true,
        ..Setup::default()
    })
    .await;
    let operator = Api::operator(&app);
    operator.knowledge_base(KB).await;
    open(&app, &operator).await;
    let (bot_id, bot) = operator.register_bot("docs").await;
    let path = format!("/bots/{bot_id}");
    operator.patch(&path, &json!({"quotas": {"questions": 1}})).await;
    for route in ["/rag/search", "/rag/query"] {
        let dense = json!({"query": QUESTION, "mode": "dense"});
        let dense = if route == "/rag/query" {
            json!({"question": QUESTION, "mode": "dense"})
        } else {
            dense
        };
        assert_eq!(error(&bot.post(route, &dense).await), (409, "no_embedder"));
    }
    assert_eq!(ask(&bot).await.0, 200);
    assert_eq!(error(&ask(&bot).await), (429, "quota_exceeded"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_counted_as_the_model_says_and_bytes_as_they_come() {
    let model = ChatStandIn::start([Play::says("With water [1].")]).await;
    let app = app(vec![
        ("NEXUS_CHAT_URL", model.url()),
        ("NEXUS_CHAT_MODEL", "writer".to_owned()),
    ])
    .await;
    let operator = Api::operator(&app);
    let kb = open(&app, &operator).await;
    let (bot_id, bot) = operator.register_bot("docs").await;
    let path = format!("/bots/{bot_id}");
    let quotas = json!({"quotas": {"tokens": 200, "uploaded_bytes": 30}});
    operator.patch(&path, &quotas).await;
    let (_, answer) = ask(&bot).await;
    let usage = &answer["generation"]["usage"];
    let tokens = usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert!(tokens > 0, "{answer}");
    let used = async |measure: &str| bot.get(&format!("{path}/usage")).await.1[measure]["used"].as_u64();
    assert_eq!(used("tokens").await, Some(tokens));
    let quotas = json!({"quotas": {"tokens": tokens, "uploaded_bytes": 30}});
    operator.patch(&path, &quotas).await;
    let refused = ask(&bot).await;
    assert_eq!(error(&refused), (429, "quota_exceeded"));
    assert_eq!(refused.1["error"]["details"]["measure"], "tokens");
    // Searching asks no model.
    assert_eq!(search(&bot).await.status(), 200);

    let editor = bot.introduce("docs", 1).await;
    let member = format!("/knowledge-bases/{kb}/members/{editor}");
    operator.put(&member, &json!({"role": "editor"})).await;
    let upload = async |bytes: usize| {
        let part = reqwest::multipart::Part::bytes(vec![b'a'; bytes]).file_name("b.txt");
        let form = reqwest::multipart::Form::new()
            .text("knowledge_base", KB)
            .part("file", part);
        let request = bot.named(1).request(Method::POST, "/ingestion/files");
        let response = request.multipart(form).send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    assert_eq!(upload(20).await.0, 202);
    assert_eq!(error(&upload(20).await), (429, "quota_exceeded"));
    assert_eq!(upload(10).await.0, 202);
    assert_eq!(used("uploaded_bytes").await, Some(30));
    // So much more than is left that its bytes are not even read.
    let large = upload(200_000).await;
    assert_eq!(error(&large), (429, "quota_exceeded"));
    assert_eq!(large.1["error"]["details"]["measure"], "uploaded_bytes");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_asks_its_own_knowledge_bases_in_its_own_manner() {
    let model = ChatStandIn::start([Play::says("With water [1].")]).await;
    let app = app(vec![
        ("NEXUS_CHAT_URL", model.url()),
        ("NEXUS_CHAT_MODEL", "writer".to_owned()),
        ("NEXUS_CHAT_2_URL", model.url()),
        ("NEXUS_CHAT_2_MODEL", "poet".to_owned()),
    ])
    .await;
    let operator = Api::operator(&app);
    let kb = open(&app, &operator).await;
    let other = operator.knowledge_base("other").await;
    operator
        .patch(
            &format!("/knowledge-bases/{other}"),
            &json!({"visibility": "everyone"}),
        )
        .await;
    let (bot_id, bot) = operator.register_bot("docs").await;
    let path = format!("/bots/{bot_id}");
    let settings = json!({"default_knowledge_bases": [other],
        "settings": {"instructions": "Speak like a sailor.", "model": "poet"}});
    let changed = operator.patch(&path, &settings).await;
    assert_eq!(changed.0, 200, "{}", changed.1);

    let (_, answer) = ask(&bot).await;
    assert_eq!(
        answer["found"], false,
        "its own knowledge base is empty: {answer}"
    );
    operator
        .patch(&path, &json!({"default_knowledge_bases": [other, kb]}))
        .await;
    let (_, answer) = ask(&bot).await;
    assert_eq!(text(&answer["text"]), "With water [1].");
    let asked = model.asked();
    let asked = &asked.last().unwrap().body;
    assert_eq!(asked["model"], "poet");
    let rules = text(&asked["messages"][0]["content"]);
    assert!(rules.ends_with("Speak like a sailor."), "{rules}");
    // Others are answered as before.
    ask(&operator).await;
    let asked = model.asked();
    let asked = &asked.last().unwrap().body;
    assert_eq!(asked["model"], "writer");
    assert!(!asked.to_string().contains("sailor"));
    app.end().await;
}
