//! Updates that are brought to the bot.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use crate::{SOON, World, unlimited};

/// A bot's server, which fails the first few times.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    taken: Arc<Mutex<Vec<(String, Value)>>>,
    failures: Arc<AtomicUsize>,
}

impl Receiver {
    pub(crate) async fn start(&self) -> SocketAddr {
        let receiver = self.clone();
        let take = async move |headers: HeaderMap, Json(update): Json<Value>| {
            let left = |left: usize| left.checked_sub(1);
            if receiver
                .failures
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
                .is_ok()
            {
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
            let secret = headers.get("x-telegram-bot-api-secret-token");
            let secret = secret.map(|secret| secret.to_str().unwrap().to_owned());
            receiver
                .taken
                .lock()
                .unwrap()
                .push((secret.unwrap_or_default(), update));
            StatusCode::OK
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
        address
    }

    fn texts_of(&self, person: i64) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let of_them = taken.iter().map(|(_, update)| &update["message"]);
        let of_them = of_them.filter(|message| message["from"]["id"] == person);
        of_them
            .map(|message| message["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn updates_arrive_in_the_order_of_their_chat_however_often_it_takes() {
    let world = World::new(unlimited());
    let receiver = Receiver::default();
    receiver.failures.store(3, Ordering::SeqCst);
    let boris = world.telegram.user(2, "Boris", "en");
    let (with_anna, with_boris) = (world.bot.chat_with(&world.anna), world.bot.chat_with(&boris));
    world.anna.writes(&with_anna, "0");
    let url = format!("http://{}/", receiver.start().await);
    let params = json!({ "url": url, "secret_token": "s3cret", "max_connections": 2 });
    world.call("setWebhook", params).await.result();
    for number in 1..20 {
        world.anna.writes(&with_anna, &number.to_string());
        boris.writes(&with_boris, &number.to_string());
    }
    world
        .telegram
        .wait_until(|| world.bot.pending() == 0, SOON)
        .await
        .unwrap();
    let numbers = |from: i64| (from..20).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(receiver.texts_of(1001), numbers(0), "what was there before, too");
    assert_eq!(receiver.texts_of(2), numbers(1));
    assert!(
        receiver
            .taken
            .lock()
            .unwrap()
            .iter()
            .all(|(secret, _)| secret == "s3cret")
    );

    let webhook = world.bot.webhook().unwrap();
    assert_eq!((webhook.url, webhook.max_connections), (url.clone(), 2));
    let info = world.call("getWebhookInfo", json!({})).await.result();
    assert_eq!(
        (&info["url"], &info["pending_update_count"]),
        (&json!(url), &json!(0))
    );
    assert_eq!(info["last_error_message"], "Wrong response from the webhook: 500");
    let tried = world.telegram.journal();
    let failed = tried
        .iter()
        .filter(|entry| entry.method == "webhook" && entry.status == Some(500));
    assert_eq!(failed.count(), 3);
}

#[tokio::test]
async fn what_a_webhook_did_not_take_waits_for_what_comes_after() {
    let world = World::new(unlimited());
    let chat = world.private();
    world
        .call("setWebhook", json!({ "url": "http://127.0.0.1:9/" }))
        .await
        .result();
    let failed = || {
        world
            .bot
            .webhook()
            .is_some_and(|webhook| webhook.last_error.is_some())
    };
    world.telegram.wait_until(failed, SOON).await.unwrap();
    world.anna.writes(&chat, "still there?");
    world.call("deleteWebhook", json!({})).await.result();
    assert_eq!(world.updates(0).await.len(), 2);
    assert_eq!(world.bot.webhook(), None);

    let params = json!({ "url": "http://127.0.0.1:9/", "drop_pending_updates": true });
    world.call("setWebhook", params).await.result();
    assert_eq!(world.bot.pending(), 0);
    world.call("setWebhook", json!({ "url": "" })).await.result();
    assert_eq!(world.bot.webhook(), None, "an empty address deletes");
}

#[tokio::test]
async fn a_webhook_over_tls_is_trusted_by_the_test_authority() {
    let world = World::new(unlimited());
    let identity = world.telegram.identity(&["localhost"]).unwrap();
    let receiver = Receiver::default();
    let taken = Arc::clone(&receiver.taken);
    let take = async move |Json(update): Json<Value>| {
        taken.lock().unwrap().push((String::new(), update));
    };
    let (certificate, key) = (
        identity.certificate_pem.into_bytes(),
        identity.key_pem.into_bytes(),
    );
    let config = axum_server::tls_rustls::RustlsConfig::from_pem(certificate, key)
        .await
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = axum_server::from_tcp_rustls(listener, config).unwrap();
    let router = Router::new().route("/", post(take));
    tokio::spawn(server.serve(router.into_make_service()));

    let chat = world.private();
    let url = format!("https://localhost:{port}/");
    world.call("setWebhook", json!({ "url": url })).await.result();
    world.anna.writes(&chat, "over TLS");
    world
        .telegram
        .wait_until(|| world.bot.pending() == 0, SOON)
        .await
        .unwrap();
    assert_eq!(receiver.texts_of(1001), ["hello", "over TLS"]);
}

#[tokio::test]
async fn addresses_and_secrets_are_checked() {
    let world = World::new(unlimited());
    let set = async |params: Value| world.call("setWebhook", params).await;
    let plain = set(json!({ "url": "http://example.org/" })).await;
    assert_eq!(
        plain.refusal(),
        (
            400,
            "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
        )
    );
    let odd = set(json!({ "url": "https://example.org/", "secret_token": "a b" })).await;
    assert_eq!(
        odd.refusal(),
        (400, "Bad Request: secret token contains unallowed characters")
    );
    let long = set(json!({ "url": "https://example.org/", "secret_token": "a".repeat(257) })).await;
    assert_eq!(long.refusal(), (400, "Bad Request: secret token is too long"));
    assert_eq!(world.bot.webhook(), None);
}
