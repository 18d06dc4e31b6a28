//! Callers who are turned away before it counts what they ask for.

use serde_json::json;

use crate::api::{Api, text};
use crate::callers::Caller;
use crate::table::Verdict;
use crate::things::bot;
use crate::world::World;

/// A key and a bot's token that are over when time has passed.
pub async fn short_lived(world: &World) -> [Api; 2] {
    let body = json!({"role": "admin", "expires_at": "2026-01-01T01:00:00Z"});
    let (_, key) = world.make_key(&body).await;
    let path = format!("/bots/{}/tokens", world.docs.id);
    let body = json!({"name": "short", "expires_in_days": 1});
    let (_, issued) = world.operator.post(&path, &body).await;
    let token = world.operator.with(&text(&issued["token"]));
    assert_eq!(key.get("/auth/me").await.0, 200);
    assert_eq!(token.get("/auth/me").await.0, 200);
    [key, token]
}

pub async fn callers(
    world: &World,
    session: &Caller,
    [short_key, short_token]: [Api; 2],
) -> Vec<(Caller, Verdict)> {
    let operator = &world.operator;
    let nobody = Api::nobody(&world.app);
    let over = |code| Verdict::Error(401, code);
    let unauthorized = over(&["unauthorized"]);
    let mut refused = vec![
        ("nobody", nobody.clone(), unauthorized),
        ("a wrong key", nobody.with("wrong-key-0123456789"), unauthorized),
        (
            "a forged token",
            nobody.with("eyJhbGciOiJub25lIn0.eyJqdGkiOiIxIn0."),
            unauthorized,
        ),
        (
            "another scheme",
            nobody.header("authorization", "Basic dTpw"),
            unauthorized,
        ),
        ("an expired key", short_key, over(&["token_expired"])),
        ("an expired token", short_token, over(&["token_expired"])),
        ("a revoked key", revoked_key(world).await, unauthorized),
        (
            "a key from elsewhere",
            key_from_elsewhere(world).await,
            Verdict::Error(403, &["address_not_allowed"]),
        ),
        (
            "a session that was ended",
            ended_session(world).await,
            over(&["token_revoked"]),
        ),
        (
            "the operator for a person",
            operator.named(6),
            Verdict::Error(400, &["conflicting_identity"]),
        ),
        (
            "a session for another",
            session.api.named(6),
            Verdict::Error(400, &["conflicting_identity"]),
        ),
        (
            "a bot for two",
            world.docs.api.named(5).named(6),
            Verdict::Error(400, &["conflicting_identity"]),
        ),
        (
            "a bot for somebody unknown",
            world.docs.api.named(999_999),
            Verdict::NOT_FOUND,
        ),
    ];
    refused.extend(people(world).await);
    refused.extend(bots(world).await);
    let callers = refused.into_iter().map(|(name, api, verdict)| {
        let caller = Caller {
            name,
            api,
            ..session.clone()
        };
        (caller, verdict)
    });
    callers.collect()
}

async fn revoked_key(world: &World) -> Api {
    let (id, key) = world.make_key(&json!({"role": "admin"})).await;
    assert_eq!(world.operator.delete(&format!("/api-keys/{id}")).await.0, 204);
    key
}

async fn key_from_elsewhere(world: &World) -> Api {
    let body = json!({"role": "admin", "addresses": ["203.0.113.0/24"]});
    world.make_key(&body).await.1
}

async fn ended_session(world: &World) -> Api {
    let session = world.sign_in(6, false).await;
    assert_eq!(session.post("/auth/logout", &json!({})).await.0, 204);
    session
}

/// A blocked person, through a bot and with the session of before.
async fn people(world: &World) -> Vec<(&'static str, Api, Verdict)> {
    let person = world.docs.person(8).await;
    let session = world.sign_in(8, false).await;
    let path = format!("/users/{}", person.user);
    let blocked = world.operator.patch(&path, &json!({"blocked": true})).await;
    assert_eq!(blocked.0, 200);
    vec![
        (
            "a blocked person",
            world.docs.api.named(8),
            Verdict::Error(403, &["user_blocked"]),
        ),
        (
            "a blocked person's session",
            session,
            Verdict::Error(401, &["token_revoked", "user_blocked"]),
        ),
    ]
}

async fn bots(world: &World) -> Vec<(&'static str, Api, Verdict)> {
    let operator = &world.operator;
    let (off, gone) = (bot(operator, "off").await, bot(operator, "gone").await);
    let (signing, ended) = (bot(operator, "signing").await, bot(operator, "ended").await);
    off.person(6).await;
    let path = |id: &str| format!("/bots/{id}");
    let body = json!({});
    assert_eq!(
        operator.post(&format!("/bots/{}/disable", off.id), &body).await.0,
        200
    );
    assert_eq!(operator.delete(&path(&gone.id)).await.0, 204);
    let secret = format!("/bots/{}/signing-secret", signing.id);
    assert_eq!(operator.post(&secret, &body).await.0, 201);
    let token = format!("/bots/{}/tokens/{}", ended.id, ended.token);
    assert_eq!(operator.delete(&token).await.0, 204);
    let is_off = Verdict::Error(403, &["bot_disabled"]);
    let is_over = Verdict::Error(401, &["token_revoked"]);
    vec![
        ("a bot that is off", off.api.clone(), is_off),
        ("a person of a bot that is off", off.api.named(6), is_off),
        ("a bot that was deleted", gone.api, is_over),
        ("a bot whose token was revoked", ended.api, is_over),
        (
            "a bot that does not sign",
            signing.api,
            Verdict::Error(401, &["signature_required"]),
        ),
    ]
}
