//! A process that dies while it tells a webhook of something: nothing is lost, and the receiver recognises what it heard twice.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{KEY, Nexus};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::receiver::Receiver;

/// Before and after something is told; the second time somebody else goes on with it.
const CRASHES: [&str; 3] = ["webhook.claimed:1", "webhook.sent:1", "webhook.sent:1"];
const LAST: usize = 99;

fn request(server: &Nexus, method: Method, path: &str, body: &Value) -> RequestBuilder {
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    let url = format!("{}/api/v1{path}", server.client.base());
    let request = http.build().expect("a client").request(method, url);
    request.bearer_auth(KEY).json(body)
}

async fn done(server: &Nexus, method: Method, path: &str, body: &Value) -> Value {
    let response = request(server, method, path, body)
        .send()
        .await
        .expect("an answer");
    assert!(response.status().is_success(), "{path}: {}", response.status());
    response.json().await.expect("JSON")
}

fn question(number: usize) -> Value {
    json!({"question": format!("Where is walrus {number}?"), "knowledge_bases": ["kills"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_loses_no_delivery() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut receiver = Receiver::start().await;
    let settings = |crash: &'static str| {
        let mut settings = vec![("NEXUS_WEBHOOKS_ALLOW_NETWORKS", "127.0.0.0/8")];
        if !crash.is_empty() {
            settings.push(("NEXUS_TEST_CRASH_AT", crash));
        }
        settings
    };
    let server = Nexus::start(data.path(), &settings("")).await.expect("a server");
    done(
        &server,
        Method::POST,
        "/knowledge-bases",
        &json!({"name": "kills"}),
    )
    .await;
    let hook = json!({"url": receiver.base, "events": ["question.refused"], "enabled": false});
    let hook = done(&server, Method::POST, "/webhooks", &hook).await;
    let path = format!("/webhooks/{}", hook["webhook"]["id"].as_str().expect("an id"));
    server.kill().await.expect("a kill");

    for (round, crash) in CRASHES.into_iter().enumerate() {
        // What waits from before is told at once, and may end it before it serves.
        let mut server = match Nexus::start(data.path(), &settings(crash)).await {
            Ok(server) => server,
            Err(error) if error.to_string().contains("SIGABRT") => continue,
            Err(error) => panic!("the server does not start: {error}"),
        };
        if round == 0 {
            done(&server, Method::PATCH, &path, &json!({"enabled": true})).await;
        }
        // It may end while it is asked.
        let _ = request(&server, Method::POST, "/rag/query", &question(round))
            .send()
            .await;
        let ended = server.ended(Duration::from_secs(60)).await;
        let ended = ended.expect("it ends at the crash point");
        assert!(ended.to_string().contains("SIGABRT"), "{ended}");
    }
    let mut told: Vec<String> = Vec::new();
    let server = Nexus::start(data.path(), &settings("")).await.expect("a server");
    done(&server, Method::POST, "/rag/query", &question(LAST)).await;
    let mut questions = BTreeSet::new();
    while !questions.contains(&format!("Where is walrus {LAST}?")) {
        let heard = receiver.heard().await;
        let body: Value = serde_json::from_slice(&heard.body).expect("JSON");
        told.push(heard.headers["x-nexus-delivery"].clone());
        questions.insert(body["data"]["question"].as_str().expect("a question").to_owned());
    }
    let ids: BTreeSet<&String> = told.iter().collect();
    assert_eq!(
        ids.len(),
        questions.len(),
        "one id for each, however often it was told: {told:?}"
    );
    assert!(
        told.len() > ids.len(),
        "what was told and not written down is told again: {told:?}"
    );
    assert!(
        questions.contains("Where is walrus 0?"),
        "the one that was begun is not lost: {questions:?}"
    );
    server.kill().await.expect("a kill");
}
