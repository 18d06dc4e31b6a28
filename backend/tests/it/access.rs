//! The door: every route but health, sign-in, webhooks and the docs needs credentials.

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;

use crate::test_app::{KEY, Setup, TestApp};

/// Routes that answer without credentials.
const PUBLIC: &[&str] = &[
    "/api/v1/health",
    "/api/v1/health/ready",
    "/api/v1/health/db",
    "/api/v1/health/queue",
    "/api/v1/health/vectors",
];

const SIGN_IN: &str = "/api/v1/auth/telegram";

/// Webhooks of sources are public: what they bring with them is signed.
const WEBHOOKS: &str = "/api/v1/webhooks/sources/";

/// So is what n8n tells.
const N8N: &str = "/api/v1/webhooks/n8n";

fn http() -> Client {
    Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

/// Every route of the contract: method and path, with ids filled in.
async fn routes(app: &TestApp) -> Vec<(Method, String)> {
    let url = format!("{}/api/v1/openapi.json", app.client.base());
    let contract: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    let paths = contract["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            let id = uuid::Uuid::new_v4().to_string();
            let path = [
                "{id}",
                "{user_id}",
                "{bot_id}",
                "{token_id}",
                "{source_id}",
                "{code}",
                "{holder}",
                "{webhook_id}",
                "{delivery_id}",
            ]
            .into_iter()
            .fold(path.clone(), |path, name| path.replace(name, &id));
            assert!(
                !path.contains('{'),
                "{path} has a parameter that this test does not know"
            );
            methods.map(move |method| (method.to_uppercase().parse().unwrap(), path.clone()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_public_by_name_or_closed() {
    let app = TestApp::start().await;
    let routes = routes(&app).await;
    assert!(routes.len() > 50, "{}", routes.len());
    for (method, path) in routes {
        for key in [None, Some("wrong-key-0123456789")] {
            let mut request = http().request(method.clone(), format!("{}{path}", app.client.base()));
            if let Some(key) = key {
                request = request.bearer_auth(key);
            }
            let response = request.send().await.unwrap();
            if path == SIGN_IN {
                // It is public, and this request shows nothing that Telegram has signed.
                assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
            } else if path.starts_with(WEBHOOKS) {
                // This one is not signed.
                assert_eq!(response.status(), StatusCode::NOT_FOUND, "{method} {path}");
                let body: Value = response.json().await.unwrap();
                assert_eq!(body["error"]["code"], "not_found");
            } else if path == N8N {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
                let body: Value = response.json().await.unwrap();
                assert_eq!(body["error"]["code"], "signature_invalid");
            } else if PUBLIC.contains(&path.as_str()) {
                assert_eq!(response.status(), StatusCode::OK, "{method} {path}");
            } else {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
                let body: Value = response.json().await.unwrap();
                assert_eq!(body["error"]["code"], "unauthorized");
            }
        }
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_an_envelope_with_the_request_id() {
    let app = TestApp::start().await;
    let base = app.client.base().to_owned();
    let kbs = format!("{base}/api/v1/knowledge-bases");
    let post = |body: &str, kind: &str| {
        http()
            .post(&kbs)
            .bearer_auth(KEY)
            .header("content-type", kind)
            .body(body.to_owned())
    };
    let cases = [
        (http().get(format!("{base}/nowhere")), 404, "not_found"),
        (
            http()
                .get(format!("{base}/api/v1/documents/not-an-id"))
                .bearer_auth(KEY),
            404,
            "not_found",
        ),
        (http().delete(&kbs).bearer_auth(KEY), 405, "method_not_allowed"),
        (post("{", "application/json"), 400, "invalid_request"),
        (post("{}", "text/plain"), 415, "unsupported_media_type"),
        (
            post(r#"{"name":7}"#, "application/json"),
            422,
            "validation_failed",
        ),
        (
            post(r#"{"name":"x","odd":1}"#, "application/json"),
            422,
            "validation_failed",
        ),
        (
            post(
                &format!(r#"{{"name":"{}"}}"#, "x".repeat(300_000)),
                "application/json",
            ),
            413,
            "payload_too_large",
        ),
        (
            http()
                .post(format!("{base}/api/v1/ingestion/files"))
                .bearer_auth(KEY)
                .body("x"),
            415,
            "unsupported_media_type",
        ),
        // Exports of wikis may be large, what describes a wiki may not.
        (
            http()
                .post(format!("{base}/api/v1/ingestion/wiki"))
                .bearer_auth(KEY)
                .header("content-type", "application/json")
                .body(format!(r#"{{"knowledge_base":"{}"}}"#, "x".repeat(300_000))),
            413,
            "payload_too_large",
        ),
        (
            http().get(format!("{kbs}?limit=0")).bearer_auth(KEY),
            422,
            "validation_failed",
        ),
        (
            http().get(format!("{kbs}?limit=x")).bearer_auth(KEY),
            400,
            "invalid_request",
        ),
        (
            post(r#"{"name":"x"}"#, "application/json").header("idempotency-key", "é"),
            400,
            "invalid_request",
        ),
        (
            post(r#"{"name":"x"}"#, "application/json").header("idempotency-key", "a\tb"),
            400,
            "invalid_request",
        ),
    ];
    for (request, status, code) in cases {
        let response = request.header("x-request-id", "test-42").send().await.unwrap();
        assert_eq!(response.headers()["x-request-id"], "test-42");
        assert_eq!((response.status().as_u16(), code), (status, code));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], code);
        assert_eq!(body["error"]["request_id"], "test-42");
        assert!(
            body["error"]["message"]
                .as_str()
                .is_some_and(|message| message.len() > 5)
        );
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_with_its_key_gives_the_first_result() {
    let app = TestApp::start().await;
    let kbs = format!("{}/api/v1/knowledge-bases", app.client.base());
    let create = async |name: &str| {
        let body = format!(r#"{{"name":"{name}"}}"#);
        let request = http()
            .post(&kbs)
            .bearer_auth(KEY)
            .header("idempotency-key", "once");
        let response = request
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let (status, first) = create("a").await;
    assert_eq!(status, 201);
    let (status, again) = create("a").await;
    assert_eq!((status, &again["id"]), (201, &first["id"]));
    let (status, other) = create("b").await;
    assert_eq!(
        (status, other["error"]["code"].as_str()),
        (422, Some("idempotency_mismatch"))
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_left_the_settings_opens_nothing() {
    let data = TestApp::start().await.end().await;
    let app = TestApp::with(Setup {
        data: Some(data),
        settings: vec![("NEXUS_ADMIN_KEY", String::new())],
        ..Setup::default()
    })
    .await;
    let error = app.client.tasks(None).await.unwrap_err();
    assert_eq!(error.code(), Some(nexus_api::ErrorCode::Unauthorized));
    app.stop_now().await;
}
