//! API keys: roles, scopes, knowledge bases, addresses, expiry.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, error, text};
use crate::test_app::{Setup, TestApp};

async fn key(operator: &Api, body: Value) -> (String, Api) {
    let (status, issued) = operator.post("/api-keys", &body).await;
    assert_eq!(status, 201, "{issued}");
    (
        text(&issued["api_key"]["id"]),
        operator.with(&text(&issued["key"])),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_role_and_scopes_allow_and_nothing_else() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    operator.knowledge_base("wiki").await;
    let (_, asking) = key(
        &operator,
        json!({"name": "n8n", "role": "reader", "scopes": ["ask"]}),
    )
    .await;
    let question = json!({"query": "pump"});
    assert_eq!(asking.post("/rag/search", &question).await.0, 200);
    assert_eq!(error(&asking.get("/knowledge-bases").await), (403, "forbidden"));
    assert_eq!(error(&asking.get("/api-keys").await), (403, "forbidden"));

    let (id, keys) = key(
        &operator,
        json!({"name": "keys", "role": "admin", "scopes": ["keys"]}),
    )
    .await;
    let more = json!({"name": "more", "role": "admin", "scopes": ["users"]});
    assert_eq!(error(&keys.post("/api-keys", &more).await), (403, "forbidden"));
    let path = format!("/api-keys/{id}");
    let widened = keys.patch(&path, &json!({"scopes": ["keys", "users"]})).await;
    assert_eq!(error(&widened), (403, "forbidden"), "a key does not widen itself");
    // Where a request names no scopes, it asks for those that its maker holds.
    let (_, made) = key(&keys, json!({"name": "same", "role": "admin"})).await;
    assert_eq!(made.get("/api-keys").await.0, 200);
    assert_eq!(made.get("/users").await.0, 403);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_some_knowledge_bases_sees_no_other() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (mine, other) = (
        operator.knowledge_base("mine").await,
        operator.knowledge_base("other").await,
    );
    let body = json!({"name": "sync", "role": "admin", "knowledge_bases": [mine]});
    let (_, sync) = key(&operator, body).await;
    assert_eq!(sync.seen().await, ["mine"]);
    let path = |kb: &str| format!("/knowledge-bases/{kb}");
    assert_eq!(
        sync.patch(&path(&mine), &json!({"description": "d"})).await.0,
        200
    );
    assert_eq!(
        error(&sync.patch(&path(&other), &json!({"description": "d"})).await),
        (404, "not_found")
    );
    assert_eq!(error(&sync.get("/users").await), (403, "forbidden"));
    assert_eq!(
        error(&sync.post("/knowledge-bases", &json!({"name": "x"})).await),
        (403, "forbidden")
    );
    let unknown = json!({"name": "x", "role": "reader", "knowledge_bases": [uuid::Uuid::new_v4()]});
    assert_eq!(
        error(&operator.post("/api-keys", &unknown).await),
        (422, "validation_failed")
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_by_time_by_revocation_and_outside_of_its_networks() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let soon = "2026-01-01T01:00:00Z";
    let (_, short) = key(
        &operator,
        json!({"name": "short", "role": "reader", "expires_at": soon}),
    )
    .await;
    assert_eq!(short.get("/knowledge-bases").await.0, 200);
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(
        error(&short.get("/knowledge-bases").await),
        (401, "token_expired")
    );
    let past = json!({"name": "x", "role": "reader", "expires_at": soon});
    assert_eq!(
        error(&operator.post("/api-keys", &past).await),
        (422, "validation_failed")
    );

    let far = json!({"name": "far", "role": "reader", "addresses": ["203.0.113.0/24"]});
    let (id, far) = key(&operator, far).await;
    assert_eq!(
        error(&far.get("/knowledge-bases").await),
        (403, "address_not_allowed")
    );
    let forged = far
        .header("x-forwarded-for", "203.0.113.5")
        .get("/knowledge-bases")
        .await;
    assert_eq!(
        error(&forged),
        (403, "address_not_allowed"),
        "nobody is believed who is no proxy of ours"
    );
    let path = format!("/api-keys/{id}");
    operator
        .patch(&path, &json!({"addresses": ["127.0.0.0/8"]}))
        .await;
    assert_eq!(far.get("/knowledge-bases").await.0, 200);
    assert_eq!(operator.delete(&path).await.0, 204);
    assert_eq!(error(&far.get("/knowledge-bases").await), (401, "unauthorized"));
    assert_eq!(error(&operator.get(&path).await), (404, "not_found"));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_settings_keeps_its_name_and_stays_revoked_at_the_next_start() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    let (_, keys) = operator.get("/api-keys").await;
    let path = format!("/api-keys/{}", text(&keys["items"][0]["id"]));
    let renamed = operator.patch(&path, &json!({"name": "mine"})).await;
    assert_eq!(error(&renamed), (422, "validation_failed"));
    let taken = json!({"name": "settings", "role": "reader"});
    assert_eq!(
        error(&operator.post("/api-keys", &taken).await),
        (422, "validation_failed")
    );
    assert_eq!(operator.delete(&path).await.0, 204);
    let data = app.stop_now().await;
    let app = TestApp::with(Setup {
        data: Some(data),
        ..Setup::default()
    })
    .await;
    assert_eq!(
        error(&Api::operator(&app).get("/auth/me").await),
        (401, "unauthorized")
    );
    app.stop_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_database_takes_is_refused_before_it_is_asked() {
    let app = TestApp::start().await;
    let operator = Api::operator(&app);
    // "\u0000" in base64url.
    for path in ["/knowledge-bases?cursor=Ilx1MDAwMCI", "/bots?cursor=Ilx1MDAwMCI"] {
        assert_eq!(
            error(&operator.get(path).await),
            (400, "invalid_request"),
            "{path}"
        );
    }
    let odd = operator.get("/logs?from=-9999-01-01T00:00:00Z").await;
    assert!([400, 422].contains(&odd.0), "{}", odd.1);
    app.end().await;
}
