//! Callers who are turned away before it counts what they ask for.

use reqwest::Method;
use serde_json::json;

use crate::api::{Api, text};
use crate::callers::Caller;
use crate::table::Verdict;
use crate::things::bot;
use crate::world::World;

const UNAUTHORIZED: Verdict = Verdict::Error(401, &["unauthorized"]);
const EXPIRED: Verdict = Verdict::Error(401, &["token_expired"]);
const REVOKED: Verdict = Verdict::Error(401, &["token_revoked"]);
const BOT_DISABLED: Verdict = Verdict::Error(403, &["bot_disabled"]);
const CONFLICTING: Verdict = Verdict::Error(400, &["conflicting_identity"]);

/// A bot names somebody whom nobody has introduced.
pub const UNKNOWN_PERSON: &str = "a bot for somebody unknown";

/// At Telegram.
pub const BLOCKED: i64 = 8;
/// The code of a bot.
pub const OFF: &str = "off";

type Refused = (&'static str, Api, Verdict);

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

pub async fn callers(world: &World, session: &Caller, short_lived: [Api; 2]) -> Vec<(Caller, Verdict)> {
    let mut refused = without_credentials(world);
    refused.extend(over(world, short_lived).await);
    refused.extend(misnaming(world, session));
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

fn without_credentials(world: &World) -> Vec<Refused> {
    let nobody = Api::nobody(&world.app);
    let forged = nobody.with("eyJhbGciOiJub25lIn0.eyJqdGkiOiIxIn0.");
    let basic = nobody.header("authorization", "Basic dTpw");
    vec![
        ("nobody", nobody.clone(), UNAUTHORIZED),
        ("a wrong key", nobody.with("wrong-key-0123456789"), UNAUTHORIZED),
        ("a forged token", forged, UNAUTHORIZED),
        ("another scheme", basic, UNAUTHORIZED),
    ]
}

async fn over(world: &World, [short_key, short_token]: [Api; 2]) -> Vec<Refused> {
    let from_elsewhere = Verdict::Error(403, &["address_not_allowed"]);
    vec![
        ("an expired key", short_key, EXPIRED),
        ("an expired token", short_token, EXPIRED),
        ("a revoked key", revoked_key(world).await, UNAUTHORIZED),
        (
            "a key from elsewhere",
            key_from_elsewhere(world).await,
            from_elsewhere,
        ),
        ("a session that was ended", ended_session(world).await, REVOKED),
    ]
}

fn misnaming(world: &World, session: &Caller) -> Vec<Refused> {
    let two = world.docs.api.named(5).named(6);
    let unknown = world.docs.api.named(999_999);
    vec![
        ("the operator for a person", world.operator.named(6), CONFLICTING),
        ("a session for another", session.api.named(6), CONFLICTING),
        ("a bot for two", two, CONFLICTING),
        (UNKNOWN_PERSON, unknown, Verdict::NOT_FOUND),
    ]
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
async fn people(world: &World) -> Vec<Refused> {
    let person = world.docs.person(BLOCKED).await;
    let session = world.sign_in(BLOCKED, false).await;
    let path = format!("/users/{}", person.user);
    let blocked = world.operator.patch(&path, &json!({"blocked": true})).await;
    assert_eq!(blocked.0, 200);
    let named = world.docs.api.named(BLOCKED);
    vec![
        ("a blocked person", named, Verdict::Error(403, &["user_blocked"])),
        ("a blocked person's session", session, REVOKED),
    ]
}

/// Bots that are off, gone or out of credentials, and the sessions of people that were begun in them.
async fn bots(world: &World) -> Vec<Refused> {
    let operator = &world.operator;
    let (off, gone) = (bot(operator, OFF).await, bot(operator, "gone").await);
    let (signing, ended) = (bot(operator, "signing").await, bot(operator, "ended").await);
    let (session_off, session_gone) = (world.sign_in_at(&off, 6).await, world.sign_in_at(&gone, 6).await);
    let done = async |method, path: String| {
        let (status, reply) = operator.send(method, &path, None).await;
        assert!((200..300).contains(&status), "{path}: {reply}");
    };
    done(Method::POST, format!("/bots/{}/disable", off.id)).await;
    done(Method::DELETE, format!("/bots/{}", gone.id)).await;
    done(Method::POST, format!("/bots/{}/signing-secret", signing.id)).await;
    done(
        Method::DELETE,
        format!("/bots/{}/tokens/{}", ended.id, ended.token),
    )
    .await;
    let unsigned = Verdict::Error(401, &["signature_required"]);
    vec![
        ("a bot that is off", off.api.clone(), BOT_DISABLED),
        ("a person of a bot that is off", off.api.named(6), BOT_DISABLED),
        ("a session of a bot that is off", session_off, BOT_DISABLED),
        ("a bot that was deleted", gone.api, REVOKED),
        ("a session of a bot that was deleted", session_gone, REVOKED),
        ("a bot whose token was revoked", ended.api, REVOKED),
        ("a bot that does not sign", signing.api, unsigned),
    ]
}
