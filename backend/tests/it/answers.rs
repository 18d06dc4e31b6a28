//! Answers that a chat model writes, from the HTTP API to a scripted model server and back.

use nexus_api::{
    Answer, CheckStatus, ErrorCode, ErrorEnvelope, GenerationReason, GenerationStatus, QueryRequest,
    RetrievalMode,
};
use nexus_client::{AnswerEvent, ClientError};
use nexus_models::chat_stand_in::{ChatStandIn, Play};

use crate::api::Api;
use crate::test_app::{KB, KEY, Setup, TestApp};

const GUIDE: &str = "# Gateway\n\n## Firmware\n\nThe firmware is updated with `gateway_update` once a month.\n\n## \
    Reset\n\nThe reset button is on the back of the gateway.\n";
const QUESTION: &str = "How is the firmware of the gateway updated?";
const WRITTEN: &str = "Run `gateway_update` once a month [1]. Invented [77].";

/// An application with the guide, whose answers are written by these servers.
async fn app(servers: &[&ChatStandIn], more: &[(&'static str, &str)]) -> TestApp {
    const NAMES: [[&str; 2]; 2] = [
        ["NEXUS_CHAT_URL", "NEXUS_CHAT_MODEL"],
        ["NEXUS_CHAT_2_URL", "NEXUS_CHAT_2_MODEL"],
    ];
    let mut settings = vec![("NEXUS_CHAT_KEY", "chat-key".to_owned())];
    for (at, (server, [url, model])) in servers.iter().zip(NAMES).enumerate() {
        settings.push((url, server.url()));
        settings.push((model, format!("writer-{}", at + 1)));
    }
    settings.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    if servers.is_empty() {
        settings.clear();
    }
    let setup = Setup {
        settings,
        ..Setup::default()
    };
    let app = TestApp::with(setup).await;
    app.ingest(&[("guide.md", GUIDE.as_bytes())]).await;
    app
}

fn question(text: &str, mode: RetrievalMode) -> QueryRequest {
    QueryRequest {
        question: text.to_owned(),
        knowledge_bases: vec![KB.to_owned()],
        mode,
        history: Vec::new(),
    }
}

/// The text of the deltas, and the answer.
async fn streamed(app: &TestApp) -> (String, Answer) {
    let request = question(QUESTION, RetrievalMode::Hybrid);
    let mut events = app.client.ask_question_streamed(&request).await.unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(first, AnswerEvent::Retrieval(found) if !found.passages.is_empty()));
    let mut text = String::new();
    loop {
        match events.next().await.unwrap().unwrap() {
            AnswerEvent::Delta(delta) => text.push_str(&delta.text),
            AnswerEvent::Done(answer) => {
                assert!(events.next().await.is_none());
                return (text, *answer);
            }
            AnswerEvent::Retrieval(_) => panic!("what was found comes once"),
        }
    }
}

/// A question as a program without our client sends it.
async fn post(app: &TestApp, request: &QueryRequest) -> reqwest::Response {
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    http.post(format!("{}/api/v1/rag/query", app.client.base()))
        .bearer_auth(KEY)
        .header("accept", "text/event-stream")
        .header("content-type", "application/json")
        .body(serde_json::to_vec(request).unwrap())
        .send()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_in_the_words_of_the_model_with_checked_citations() {
    let server = ChatStandIn::start([Play::says(WRITTEN)]).await;
    let app = app(&[&server], &[]).await;
    let answer = app.ask(QUESTION).await;
    assert_eq!(answer.text, "Run `gateway_update` once a month [1]. Invented.");
    let quote = &answer.citations[0].quote;
    assert!(
        GUIDE.contains(quote) && quote.contains("gateway_update"),
        "{quote}"
    );
    let blocks: Vec<_> = answer
        .blocks
        .iter()
        .map(|block| (block.text.as_str(), block.citations.as_slice(), block.supported))
        .collect();
    assert_eq!(
        blocks,
        [
            ("Run `gateway_update` once a month.", &[1][..], true),
            ("Invented.", &[], false)
        ]
    );
    assert_eq!(answer.unsupported_blocks, 1);
    let report = &answer.generation;
    assert_eq!((report.status, report.reason), (GenerationStatus::Written, None));
    assert_eq!(report.model.as_deref(), Some("writer-1"));
    assert_eq!(report.usage.unwrap().prompt_tokens, 100);
    assert_eq!(report.invented_citations, 1);
    assert!(report.prompt_version.is_some() && report.first_token_milliseconds.is_some());

    let asked = &server.asked()[0];
    assert_eq!(asked.authorization.as_deref(), Some("Bearer chat-key"));
    let prompt = asked.body["messages"][1]["content"].as_str().unwrap();
    assert!(prompt.contains("guide.md › ") && prompt.contains("once a month") && prompt.ends_with(QUESTION));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_streams_while_it_is_written_and_ends_whole() {
    let deltas = [
        "Run `gateway",
        "_update` once a month [",
        "1]",
        ".",
        " Invented [7",
        "7].",
    ];
    let deltas = deltas.map(str::to_owned).to_vec();
    let server = ChatStandIn::start([Play::Says(deltas)]).await;
    let app = app(&[&server], &[]).await;
    let (text, answer) = streamed(&app).await;
    assert_eq!(text, "Run `gateway_update` once a month [1]. Invented.");
    assert_eq!(text, answer.text);

    let response = post(&app, &question(QUESTION, RetrievalMode::Hybrid)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let body = response.text().await.unwrap();
    let mut names: Vec<_> = body
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    names.dedup();
    assert_eq!(names, ["retrieval", "delta", "done"]);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_same_stream_brings_quotes() {
    let app = app(&[], &[]).await;
    let (text, answer) = streamed(&app).await;
    assert!(text.is_empty() && answer.found);
    assert_eq!(answer.generation.status, GenerationStatus::Extractive);
    assert_eq!(answer.generation.reason, Some(GenerationReason::NotConfigured));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_leaves_quotes_and_says_why() {
    for (play, reason) in [
        (Play::refuses(500), GenerationReason::Unavailable),
        (Play::refuses(401), GenerationReason::RefusedKey),
        (Play::refuses(400), GenerationReason::BadRequest),
        (
            Play::Sends(b"data: {oops\n\n".to_vec()),
            GenerationReason::Unavailable,
        ),
        (Play::says("The sky is green [9]."), GenerationReason::Uncited),
    ] {
        let server = ChatStandIn::start([play]).await;
        let app = app(&[&server], &[("NEXUS_CHAT_ATTEMPTS", "1")]).await;
        let answer = app.ask(QUESTION).await;
        assert_eq!(answer.generation.status, GenerationStatus::Failed);
        assert_eq!(answer.generation.reason, Some(reason));
        assert!(answer.found && GUIDE.contains(&answer.citations[0].quote));
        app.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_replaced_by_quotes() {
    let play = Play::BreaksOff(vec![
        "Run `gateway_update` ".to_owned(),
        "once a month [1]. And".to_owned(),
    ]);
    let server = ChatStandIn::start([play]).await;
    let app = app(&[&server], &[]).await;
    let (text, answer) = streamed(&app).await;
    assert!(
        "Run `gateway_update` once a month [1]. And".starts_with(&text),
        "{text}"
    );
    assert_eq!(answer.generation.status, GenerationStatus::Failed);
    assert_eq!(answer.generation.reason, Some(GenerationReason::BrokenOff));
    assert!(answer.found && GUIDE.contains(&answer.citations[0].quote));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_model_answers_for_one_that_is_away() {
    let (first, second) = (
        ChatStandIn::start([Play::refuses(503)]).await,
        ChatStandIn::start([Play::says(WRITTEN)]).await,
    );
    let app = app(&[&first, &second], &[("NEXUS_CHAT_ATTEMPTS", "1")]).await;
    for _ in 0..2 {
        let answer = app.ask(QUESTION).await;
        assert_eq!(answer.generation.model.as_deref(), Some("writer-2"));
    }
    assert_eq!((first.calls(), second.calls()), (1, 2));

    let told = app.client.readiness().await.unwrap().written_answers;
    assert_eq!(told.status, CheckStatus::Ok, "one of them answers");
    let models: Vec<_> = told
        .models
        .iter()
        .map(|model| (model.model.as_str(), model.status))
        .collect();
    assert_eq!(
        models,
        [("writer-1", CheckStatus::Degraded), ("writer-2", CheckStatus::Ok)]
    );
    assert!(
        told.models[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("does not answer")
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_when_no_chat_model_answers_and_when_one_does_again() {
    let server = ChatStandIn::start([Play::refuses(401), Play::says(WRITTEN)]).await;
    let settings = [("NEXUS_CHAT_ATTEMPTS", "1"), ("NEXUS_CHAT_REST_SECONDS", "0")];
    let app = app(&[&server], &settings).await;
    let told = async || app.client.readiness().await.unwrap().written_answers;
    assert_eq!(
        told().await.status,
        CheckStatus::Ok,
        "nothing is known against it"
    );
    app.ask(QUESTION).await;
    let degraded = app.client.readiness().await.unwrap();
    assert_eq!(degraded.status, CheckStatus::Degraded);
    assert_eq!(degraded.written_answers.status, CheckStatus::Degraded);
    let reason = degraded.written_answers.models[0].reason.as_deref();
    assert_eq!(reason, Some("it refuses the key"));
    app.ask(QUESTION).await;
    assert_eq!(told().await.status, CheckStatus::Ok);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_of_a_reranker_that_could_not_be_loaded() {
    let app = app(&[], &[]).await;
    let reranking = app.client.readiness().await.unwrap().reranking;
    assert_eq!((reranking.status, reranking.model), (CheckStatus::Ok, None));
    app.end().await;
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_MODELS_RERANKER_DIR", "not-there".to_owned())],
        ..Setup::default()
    })
    .await;
    let ready = app.client.readiness().await.unwrap();
    assert_eq!(
        (ready.status, ready.reranking.status),
        (CheckStatus::Degraded, CheckStatus::Degraded)
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_stops_the_model() {
    let server = ChatStandIn::start([Play::Stalls(vec!["Run it [1]. ".to_owned()])]).await;
    let app = app(&[&server], &[]).await;
    let request = question(QUESTION, RetrievalMode::Hybrid);
    let mut events = app.client.ask_question_streamed(&request).await.unwrap();
    while !matches!(events.next().await.unwrap().unwrap(), AnswerEvent::Delta(_)) {}
    drop(events);
    server.hung_up().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_take_longer_than_other_requests() {
    let stalls = || Play::Stalls(vec!["Run it [1]. ".to_owned()]);
    let server = ChatStandIn::start([stalls()]).await;
    let settings = [
        ("NEXUS_HTTP_TIMEOUT_SECONDS", "1"),
        ("NEXUS_CHAT_BETWEEN_TOKENS_SECONDS", "2"),
    ];
    let app = app(&[&server], &settings).await;
    let (streamed, whole) = tokio::join!(streamed(&app), app.ask(QUESTION));
    for answer in [streamed.1, whole] {
        assert_eq!(answer.generation.reason, Some(GenerationReason::TimedOut));
        assert!(answer.generation.milliseconds > 1_500.0);
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_before_the_stream_and_what_fails_later_in_it() {
    let setup = Setup {
        lexical_only: true,
        ..Setup::default()
    };
    let app = TestApp::with(setup).await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let response = post(&app, &question(" ", RetrievalMode::Hybrid)).await;
    assert_eq!(response.status(), 422);
    let envelope: ErrorEnvelope = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(envelope.error.code, ErrorCode::ValidationFailed);
    let mut elsewhere = question(QUESTION, RetrievalMode::Hybrid);
    elsewhere.knowledge_bases = vec!["nowhere".to_owned()];
    assert_eq!(post(&app, &elsewhere).await.status(), 404);

    let dense = question(QUESTION, RetrievalMode::Dense);
    let mut events = app.client.ask_question_streamed(&dense).await.unwrap();
    let error = events.next().await.unwrap().unwrap_err();
    assert!(
        matches!(&error, ClientError::Api(body) if body.code == ErrorCode::NoEmbedder && !body.request_id.is_empty())
    );
    assert!(events.next().await.is_none());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_the_text_any_more_gets_no_more_of_it() {
    let server = ChatStandIn::start([Play::Stalls(vec!["Run it [1]. ".to_owned()])]).await;
    let app = app(&[&server], &[("NEXUS_CHAT_BETWEEN_TOKENS_SECONDS", "1")]).await;
    let operator = Api::operator(&app);
    let (bot_id, bot) = operator.register_bot("docs").await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap().id;
    let opened = format!("/knowledge-bases/{kb}/bots/{bot_id}");
    operator.put(&opened, &serde_json::json!({})).await;

    let request = bot.request(reqwest::Method::POST, "/rag/query");
    let request = request
        .header("accept", "text/event-stream")
        .json(&serde_json::json!({ "question": QUESTION }));
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut seen = String::new();
    while !seen.contains("event: delta") {
        let piece = response
            .chunk()
            .await
            .unwrap()
            .expect("the model has begun to write");
        seen.push_str(&String::from_utf8_lossy(&piece));
    }
    assert_eq!(operator.delete(&opened).await.0, 204);
    let mut rest = String::new();
    while let Some(piece) = response.chunk().await.unwrap() {
        rest.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(
        rest.contains("event: error") && rest.contains("not_found"),
        "{rest}"
    );
    assert!(
        !rest.contains("event: done") && !rest.contains("gateway_update"),
        "{rest}"
    );
    app.end().await;
}
