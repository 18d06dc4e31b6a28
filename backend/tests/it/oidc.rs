//! Sign-in by OpenID Connect, against an issuer of our own that publishes its keys over HTTP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::api::{Api, BOT_TOKEN, Reply, error};
use crate::rsa_key;
use crate::test_app::{Setup, TestApp};

/// 2026-01-01T00:00:00Z, where the clock of a test stands.
const NOW: i64 = 1_767_225_600;
const MINUTE: Duration = Duration::from_secs(60);

/// What is published, and how often it was asked for.
#[derive(Clone, Default)]
struct Issuer(Arc<Mutex<(Option<String>, usize)>>);

impl Issuer {
    async fn start() -> (Self, String) {
        let issuer = Self::default();
        issuer.publish(Some(rsa_key::KID));
        let asked = issuer.clone();
        let keys = move || async move {
            let mut state = asked.0.lock().unwrap();
            state.1 += 1;
            state.0.clone().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let router = Router::new().route("/jwks.json", get(keys));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (issuer, url)
    }

    /// The key under this name; `None`: the issuer is away.
    fn publish(&self, kid: Option<&str>) {
        let keys = kid.map(|kid| format!("{{\"keys\":[{}]}}", rsa_key::jwk(kid, rsa_key::N)));
        self.0.lock().unwrap().0 = keys;
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

/// A token for the bot with [`BOT_TOKEN`], issued some seconds after [`NOW`].
fn token(kid: &str, person: i64, after: i64, change: impl FnOnce(&mut Value)) -> String {
    let issued = NOW + after;
    let mut claims = json!({
        "iss": "https://oauth.telegram.org", "aud": BOT_TOKEN.split(':').next(), "sub": "subject", "iat": issued,
        "exp": issued + 3_600, "id": person, "name": "Анна", "preferred_username": "anna",
    });
    change(&mut claims);
    let header = json!({"alg": "RS256", "kid": kid});
    rsa_key::jwt(&header.to_string(), &claims.to_string())
}

async fn sign_in(app: &TestApp, token: &str) -> Reply {
    let body = json!({"bot": "docs", "method": "id_token", "id_token": token});
    Api::nobody(app).post("/auth/telegram", &body).await
}

fn reason(reply: &Reply) -> &str {
    reply.1["error"]["details"]["reason"].as_str().unwrap_or_default()
}

async fn start() -> (TestApp, Issuer) {
    let (issuer, url) = Issuer::start().await;
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_AUTH_JWKS_URL", url)],
        ..Setup::default()
    })
    .await;
    Api::operator(&app).register_bot("docs").await;
    (app, issuer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_with_a_token_that_the_issuers_key_has_signed() {
    let (app, issuer) = start().await;
    let good = token(rsa_key::KID, 95, 0, |_| ());
    let (status, begun) = sign_in(&app, &good).await;
    assert_eq!(
        (status, &begun["user"]["telegram_id"]),
        (200, &json!(95)),
        "{begun}"
    );
    assert_eq!(begun["user"]["username"], "anna");
    assert_eq!(error(&sign_in(&app, &good).await), (401, "replayed"));

    type Change = fn(&mut Value);
    let wrong: [(Change, &str); 4] = [
        (|claims| claims["aud"] = json!("123"), "audience"),
        (|claims| claims["iss"] = json!("https://example.org"), "issuer"),
        (|claims| claims["exp"] = json!(NOW), "expired"),
        (|claims| claims["iat"] = json!(NOW + 600), "not_yet_valid"),
    ];
    for (change, wanted) in wrong {
        let reply = sign_in(&app, &token(rsa_key::KID, 95, 0, change)).await;
        assert_eq!(
            (error(&reply), reason(&reply)),
            ((401, "id_token_invalid"), wanted)
        );
    }
    assert_eq!(issuer.asked(), 1, "keys are kept");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_fetched_when_it_is_used_and_not_for_every_name_that_is_made_up() {
    let (app, issuer) = start().await;
    let refused = async |token: &str| {
        let reply = sign_in(&app, token).await;
        assert_eq!(error(&reply), (401, "id_token_invalid"));
        reason(&reply).to_owned()
    };
    assert_eq!(refused("not.a.token").await, "malformed");
    let unsigned = "eyJhbGciOiJub25lIn0.e30.AAAA";
    assert_eq!(refused(unsigned).await, "algorithm");
    assert_eq!(issuer.asked(), 0, "what can be no token costs no fetch");

    issuer.publish(Some("next"));
    assert_eq!(sign_in(&app, &token("next", 96, 0, |_| ())).await.0, 200);
    for made_up in ["a", "b", "c"] {
        assert_eq!(refused(&token(made_up, 96, 0, |_| ())).await, "unknown_key");
    }
    assert_eq!(issuer.asked(), 1);
    issuer.publish(Some("later"));
    app.clock.advance(MINUTE);
    assert_eq!(sign_in(&app, &token("later", 97, 60, |_| ())).await.0, 200);
    assert_eq!(issuer.asked(), 2);
    assert_eq!(refused(&token("next", 97, 60, |_| ())).await, "unknown_key");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_issuer_is_away_callers_are_told_so_and_do_not_queue_for_it() {
    let (app, issuer) = start().await;
    issuer.publish(None);
    for person in 1..5 {
        let reply = sign_in(&app, &token(rsa_key::KID, person, 0, |_| ())).await;
        assert_eq!(error(&reply), (503, "unavailable"));
    }
    assert_eq!(issuer.asked(), 1);
    issuer.publish(Some(rsa_key::KID));
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(sign_in(&app, &token(rsa_key::KID, 98, 5, |_| ())).await.0, 200);
    app.end().await;
}
