//! Bots that sign their requests.

use std::time::Duration;

use nexus_auth::signed_request::{Target, sign};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, error, text};
use crate::test_app::TestApp;

/// 2026-01-01T00:00:00Z, where the clock of a test stands.
const NOW: i64 = 1_767_225_600;

struct Signer {
    bot: Api,
    secret: secrecy::SecretString,
}

impl Signer {
    async fn new(app: &TestApp) -> Self {
        let operator = Api::operator(app);
        let (id, bot) = operator.register_bot("docs").await;
        let path = format!("/bots/{id}/signing-secret");
        let (status, issued) = operator.send(Method::POST, &path, None).await;
        assert_eq!(status, 201, "{issued}");
        let secret = text(&issued["secret"]).into();
        Self { bot, secret }
    }

    /// The bot with the headers that sign this request.
    fn signed(&self, method: &str, path: &str, body: &[u8], nonce: &str, at: i64) -> Api {
        let path = format!("/api/v1{path}");
        let target = Target {
            method,
            path_and_query: &path,
        };
        let signed = sign(&target, body, nonce, at, &self.secret).unwrap();
        self.bot
            .header("x-nexus-timestamp", signed.timestamp)
            .header("x-nexus-nonce", signed.nonce)
            .header("x-nexus-content-sha256", signed.content_sha256)
            .header("x-nexus-signature", signed.signature)
    }
}

fn reason(reply: &(u16, Value)) -> &str {
    reply.1["error"]["details"]["reason"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_counts_once_and_only_as_it_was_signed() {
    let app = TestApp::start().await;
    let signer = Signer::new(&app).await;
    let me = "/auth/me";
    assert_eq!(error(&signer.bot.get(me).await), (401, "signature_required"));
    let once = signer.signed("GET", me, b"", "nonce-0123456789-a", NOW);
    assert_eq!(once.get(me).await.0, 200);
    assert_eq!(error(&once.get(me).await), (401, "replayed"));

    let other_path = signer
        .signed("GET", "/knowledge-bases", b"", "nonce-0123456789-b", NOW)
        .get(me)
        .await;
    assert_eq!(
        (error(&other_path), reason(&other_path)),
        ((401, "signature_invalid"), "mismatch")
    );
    let old = signer
        .signed("GET", me, b"", "nonce-0123456789-c", NOW - 301)
        .get(me)
        .await;
    assert_eq!((error(&old), reason(&old)), ((401, "signature_invalid"), "stale"));
    let re_dated = signer
        .signed("GET", me, b"", "nonce-0123456789-d", NOW - 301)
        .header("x-nexus-timestamp", NOW.to_string());
    assert_eq!(error(&re_dated.get(me).await), (401, "signature_invalid"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_than_the_signed_one_does_nothing() {
    let app = TestApp::start().await;
    let signer = Signer::new(&app).await;
    let path = "/users/from-telegram";
    let body = json!({"bot": "docs", "telegram_id": 5, "first_name": "A"});
    let other = json!({"bot": "docs", "telegram_id": 6, "first_name": "A"});
    let bytes = serde_json::to_vec(&body).unwrap();
    let altered = signer
        .signed("POST", path, &bytes, "nonce-0123456789-a", NOW)
        .post(path, &other)
        .await;
    assert_eq!(
        (error(&altered), reason(&altered)),
        ((401, "signature_invalid"), "body")
    );
    let right = signer
        .signed("POST", path, &bytes, "nonce-0123456789-b", NOW)
        .post(path, &body)
        .await;
    assert_eq!((right.0, &right.1["user_created"]), (200, &json!(true)));
    let (_, users) = Api::operator(&app).get("/users").await;
    assert_eq!(users["items"].as_array().unwrap().len(), 1);

    app.clock.advance(Duration::from_secs(7 * 3_600));
    let late = signer
        .signed("POST", path, &bytes, "nonce-0123456789-c", NOW)
        .post(path, &body)
        .await;
    assert_eq!(reason(&late), "stale");
    app.end().await;
}
