//! Bots that sign their requests, and the client that does it for them.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use nexus_api::{ErrorCode, TakeBotLease, TakeDeliveries, TaskState};
use nexus_auth::signed_request::{Target, sign};
use nexus_client::{Client, ClientConfig, ClientError, PassedOn, Signing, UploadTarget};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, error, text};
use crate::test_app::{KB, TestApp, archive};

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

/// A bot's own client, with what the bot has to sign with.
struct Signed {
    base: String,
    token: String,
    secret: String,
}

impl Signed {
    async fn new(app: &TestApp, bot: &str) -> Self {
        let operator = Api::operator(app);
        let body = json!({"name": "a client"});
        let (status, token) = operator.post(&format!("/bots/{bot}/tokens"), &body).await;
        assert_eq!(status, 201, "{token}");
        let path = format!("/bots/{bot}/signing-secret");
        let (status, secret) = operator.send(Method::POST, &path, None).await;
        assert_eq!(status, 201, "{secret}");
        Self {
            base: app.client.base().to_owned(),
            token: text(&token["token"]),
            secret: text(&secret["secret"]),
        }
    }

    fn client(&self, signing: Option<Signing>) -> Client {
        let mut config = ClientConfig::new(self.base.parse().unwrap(), self.token.clone().into());
        config.signing = signing;
        Client::new(config).unwrap()
    }

    fn signing(&self, clock: fn() -> u64) -> Client {
        self.client(Some(Signing::by_clock(self.secret.clone().into(), clock)))
    }
}

fn now() -> u64 {
    NOW.unsigned_abs()
}

fn refused<T: std::fmt::Debug>(reply: Result<T, ClientError>) -> (Option<ErrorCode>, Option<String>) {
    let error = reply.unwrap_err();
    (error.code(), error.reason().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_signs_whatever_it_sends() {
    let app = TestApp::start().await;
    let (bot, _) = Api::operator(&app).register_bot("docs").await;
    let signed = Signed::new(&app, &bot).await;
    let client = signed.signing(now);
    for _ in 0..2 {
        assert_eq!(client.me().await.unwrap().bot.unwrap().code, "docs");
    }
    let found = client.find_knowledge_base("a b&c=\u{444}/?").await;
    assert!(found.unwrap().is_none());
    let holder = Uuid::new_v4();
    let lease = TakeBotLease { holder, seconds: 30 };
    client.take_bot_lease("docs", &lease).await.unwrap();
    let take = TakeDeliveries {
        holder,
        limit: 1,
        wait_seconds: 0,
        working_on: Vec::new(),
    };
    assert!(
        client
            .take_deliveries("docs", &take)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    client.give_back_bot_lease("docs", holder).await.unwrap();
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_signature_is_told_by_code_and_reason() {
    let app = TestApp::start().await;
    let (bot, _) = Api::operator(&app).register_bot("docs").await;
    let signed = Signed::new(&app, &bot).await;
    let unsigned = refused(signed.client(None).me().await);
    assert_eq!(unsigned, (Some(ErrorCode::SignatureRequired), None));
    let other = Signing::by_clock("nxs_another".to_owned().into(), now);
    let other = refused(signed.client(Some(other)).me().await);
    let invalid = |reason: &str| (Some(ErrorCode::SignatureInvalid), Some(reason.to_owned()));
    assert_eq!(other, invalid("mismatch"));
    assert_eq!(
        refused(signed.signing(|| now() + 301).me().await),
        invalid("stale")
    );
    assert!(signed.signing(|| now() - 300).me().await.is_ok());
    app.end().await;
}

fn pieces(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let pieces: Vec<_> = bytes
        .chunks(100)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    stream::iter(pieces)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_for_its_signature_and_taken_as_it_was_read() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (bot, api) = operator.register_bot("docs").await;
    let person = api.introduce("docs", 5).await;
    let kb = operator.knowledge_base(KB).await;
    let member = format!("/knowledge-bases/{kb}/members/{person}");
    assert_eq!(operator.put(&member, &json!({"role": "editor"})).await.0, 200);
    let signed = Signed::new(&app, &bot).await;
    let client = signed.signing(now);
    let file = || PassedOn {
        target: UploadTarget::Archive,
        file_name: "notes \u{444}.tar.gz".to_owned(),
        knowledge_base: kb.parse().unwrap(),
        telegram_user_id: 5,
        key: Uuid::new_v4(),
        trace_id: "a-trace".to_owned(),
    };
    let bytes = archive(&[("n.md", b"# Notes\n\nThe lamp is green.\n")]);

    let mut passing = client.passing_on(file()).await.unwrap();
    assert!(passing.is_to_be_read());
    let unread = passing.clone().send(None, pieces(&bytes)).await;
    assert!(matches!(unread, Err(ClientError::Unread)), "{unread:?}");
    passing.read(pieces(&bytes)).await.unwrap();
    let size = bytes.len() as u64;
    let accepted = passing.send(Some(size), pieces(&bytes)).await.unwrap();
    assert_eq!(accepted.size_bytes, size);
    assert_eq!(app.settled(accepted.task_id).await.state, TaskState::Succeeded);
    assert!(!app.found("lamp").await.is_empty());

    // Another file than the one that was read, of a length that nobody told.
    let mut passing = client.passing_on(file()).await.unwrap();
    passing.read(pieces(&bytes)).await.unwrap();
    let other = archive(&[("n.md", b"# Notes\n\nThe lamp is blue.\n")]);
    let other = refused(passing.send(None, pieces(&other)).await);
    assert_eq!(
        other,
        (Some(ErrorCode::SignatureInvalid), Some("body".to_owned()))
    );
    assert!(app.found("blue").await.is_empty());
    app.end().await;
}
