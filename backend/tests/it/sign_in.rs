//! Sign-in with what Telegram has signed, and the sessions that it begins.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::api::{Api, BOT_TOKEN, check_string, error, hmac, init_data, text};
use crate::test_app::{Setup, TestApp};

/// 2026-01-01T00:00:00Z, where the clock of a test stands.
const NOW: i64 = 1_767_225_600;

fn by_init_data(data: &str) -> Value {
    json!({"bot": "docs", "method": "init_data", "init_data": data})
}

fn reason(reply: &(u16, Value)) -> &str {
    reply.1["error"]["details"]["reason"].as_str().unwrap_or_default()
}

async fn start() -> (TestApp, Api, String) {
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_HTTP_SECURE_COOKIES", "false".to_owned())],
        ..Setup::default()
    })
    .await;
    let operator = Api::operator(&app);
    let (bot, _) = operator.register_bot("docs").await;
    (app, operator, bot)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mini_app_signs_a_person_in_until_they_sign_out() {
    let (app, operator, bot) = start().await;
    let nobody = Api::nobody(&app);
    let (status, begun) = nobody
        .post("/auth/telegram", &by_init_data(&init_data(BOT_TOKEN, 90, NOW)))
        .await;
    assert_eq!(status, 200, "{begun}");
    assert_eq!(begun["user"]["telegram_id"], 90);
    let person = nobody.with(&text(&begun["token"]));
    let (_, me) = person.get("/auth/me").await;
    assert_eq!(
        (&me["kind"], &me["user"]["id"]),
        (&json!("person"), &begun["user"]["id"])
    );
    assert_eq!(
        error(&person.named(91).get("/auth/me").await),
        (400, "conflicting_identity")
    );

    operator.post(&format!("/bots/{bot}/disable"), &json!({})).await;
    assert_eq!(error(&person.get("/auth/me").await), (403, "bot_disabled"));
    operator.post(&format!("/bots/{bot}/enable"), &json!({})).await;
    assert_eq!(person.post("/auth/logout", &json!({})).await.0, 204);
    assert_eq!(error(&person.get("/auth/me").await), (401, "token_revoked"));

    let (_, begun) = nobody
        .post("/auth/telegram", &by_init_data(&init_data(BOT_TOKEN, 90, NOW)))
        .await;
    let person = nobody.with(&text(&begun["token"]));
    app.clock.advance(Duration::from_secs(168 * 3_600));
    assert_eq!(error(&person.get("/auth/me").await), (401, "token_expired"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_telegram_did_not_sign_now_for_this_bot_is_refused() {
    let (app, _, _) = start().await;
    let nobody = Api::nobody(&app);
    let good = init_data(BOT_TOKEN, 90, NOW);
    let other_bot = init_data("123456:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8", 90, NOW);
    let cases = [
        (other_bot, "signature"),
        (good.replace("%3A90%2C", "%3A91%2C"), "signature"),
        (good[..good.len() - 1].to_owned(), "malformed"),
        (format!("{good}&auth_date={NOW}"), "duplicate"),
        (format!("{good}&extra=1"), "signature"),
        (init_data(BOT_TOKEN, 90, NOW - 3_601), "expired"),
        (init_data(BOT_TOKEN, 90, NOW + 120), "from_the_future"),
        ("x".repeat(5_000), "too_large"),
        (String::new(), "malformed"),
    ];
    for (data, wanted) in cases {
        let reply = nobody.post("/auth/telegram", &by_init_data(&data)).await;
        assert_eq!(
            (error(&reply), reason(&reply)),
            ((401, "init_data_invalid"), wanted),
            "{data}"
        );
    }
    let unsigned = json!({"bot": "docs", "method": "init_data_signature", "init_data": good});
    assert_eq!(
        error(&nobody.post("/auth/telegram", &unsigned).await),
        (401, "init_data_signature_invalid")
    );
    let unknown = json!({"bot": "nobody", "method": "init_data", "init_data": good});
    assert_eq!(
        error(&nobody.post("/auth/telegram", &unknown).await),
        (404, "not_found")
    );
    let odd = json!({"bot": "docs", "method": "password", "password": "x"});
    assert_eq!(
        error(&nobody.post("/auth/telegram", &odd).await),
        (422, "validation_failed")
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_widget_is_good_for_one_sign_in() {
    let (app, _, _) = start().await;
    let nobody = Api::nobody(&app);
    let fields = [
        ("auth_date", NOW.to_string()),
        ("first_name", "Анна".to_owned()),
        ("id", "92".to_owned()),
    ];
    let hash = hmac(&Sha256::digest(BOT_TOKEN), check_string(&fields).as_bytes());
    let mut sent: serde_json::Map<String, Value> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    sent.insert("hash".to_owned(), json!(hex::encode(hash)));
    let body = json!({"bot": "docs", "method": "login_widget", "fields": sent});
    let (status, begun) = nobody.post("/auth/telegram", &body).await;
    assert_eq!(
        (status, &begun["user"]["telegram_id"]),
        (200, &json!(92)),
        "{begun}"
    );
    assert_eq!(
        error(&nobody.post("/auth/telegram", &body).await),
        (401, "replayed")
    );
    let mut forged = body.clone();
    forged["fields"]["id"] = json!("93");
    assert_eq!(
        error(&nobody.post("/auth/telegram", &forged).await),
        (401, "login_widget_invalid")
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_session_changes_nothing_without_its_csrf_token() {
    let (app, operator, _) = start().await;
    let nobody = Api::nobody(&app);
    let mut body = by_init_data(&init_data(BOT_TOKEN, 94, NOW));
    body["session"] = json!("cookie");
    let request = nobody
        .request(reqwest::Method::POST, "/auth/telegram")
        .json(&body);
    let response = request.send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let begun: Value = response.json().await.unwrap();
    assert!(begun.get("token").is_none(), "the token is in the cookie alone");
    let user = text(&begun["user"]["id"]);
    operator
        .patch(&format!("/users/{user}"), &json!({"role": "editor"}))
        .await;

    let person = nobody.header("cookie", cookie.split(';').next().unwrap());
    assert_eq!(person.get("/auth/me").await.0, 200);
    let make = json!({"name": "mine"});
    assert_eq!(
        error(&person.post("/knowledge-bases", &make).await),
        (403, "csrf_failed")
    );
    let wrong = person.header("x-csrf-token", "nxc_wrong");
    assert_eq!(
        error(&wrong.post("/knowledge-bases", &make).await),
        (403, "csrf_failed")
    );
    let right = person.header("x-csrf-token", text(&begun["csrf_token"]));
    assert_eq!(right.post("/knowledge-bases", &make).await.0, 201);

    // The token of a cookie is good in the cookie only.
    let token = cookie.split(['=', ';']).nth(1).unwrap();
    assert_eq!(
        error(&nobody.with(token).get("/auth/me").await),
        (401, "unauthorized")
    );
    app.end().await;
}
