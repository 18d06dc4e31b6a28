//! Keys, sessions, and what people have set.

use reqwest::Method;
use serde_json::json;

use super::{NOW, SPARE, operate};
use crate::api::{BOT_TOKEN, init_data, text};
use crate::client::Client;
use crate::rng::Rng;
use crate::words;
use crate::world::{Key, Owner, Role, Session, Who, World};

const SESSIONS: usize = 60;

type Scopes = Option<&'static [&'static str]>;

/// Keys of each role, for all or for some knowledge bases, with all or with few scopes.
pub async fn keys(client: &Client, world: &mut World, rng: &mut Rng) {
    let kinds: [(Role, Scopes, usize); 14] = [
        (Role::Admin, None, 0),
        (Role::Editor, None, 0),
        (Role::Reader, None, 0),
        (Role::Reader, None, 3),
        (Role::Editor, None, 5),
        (Role::Admin, None, 5),
        (Role::Admin, None, 1),
        (Role::Reader, Some(&["ask"]), 4),
        (Role::Reader, Some(&["read"]), 4),
        (Role::Editor, Some(&["ingest"]), 2),
        (Role::Admin, Some(&["users", "logs"]), 0),
        (Role::Admin, Some(&["bots", "keys"]), 0),
        (Role::Admin, Some(&["keys", "manage"]), 3),
        (Role::Reader, Some(&["users", "bots", "keys", "logs"]), 0),
    ];
    let spare = (0..SPARE).map(|_| (Role::Reader, None, 1));
    for (n, (role, scopes, many)) in kinds.into_iter().chain(spare).enumerate() {
        let kbs: std::collections::BTreeSet<usize> = (0..many).map(|_| rng.below(world.kbs.len())).collect();
        let kbs = (many > 0).then_some(kbs);
        let ids = kbs.as_ref().map(|kbs| {
            let ids = kbs.iter().map(|kb| world.kbs[*kb].id.clone());
            ids.collect::<Vec<_>>()
        });
        let body =
            json!({"name": format!("key{n}"), "role": role.word(), "scopes": scopes, "knowledge_bases": ids});
        let made = operate(client, world, Method::POST, "/api-keys", &body).await;
        let id = text(&made["api_key"]["id"]);
        if n >= kinds.len() {
            world.spare.keys.push(id);
            continue;
        }
        world.keys.push(Key {
            id,
            secret: text(&made["key"]),
            role,
            scopes: scopes.map(|scopes| scopes.iter().copied().collect()),
            kbs,
        });
    }
}

pub async fn sessions(client: &Client, world: &mut World, rng: &mut Rng) {
    while world.sessions.len() < SESSIONS {
        let at = rng.below(world.subscriptions.len());
        let (person, bot) = (world.subscriptions[at].person, world.subscriptions[at].bot);
        if !world.people[person].blocked {
            let token = sign_in(client, world, person, bot).await;
            world.sessions.push(Session {
                person,
                bot,
                token,
                ended: false,
            });
        }
    }
}

pub async fn sign_in(client: &Client, world: &World, person: usize, bot: usize) -> String {
    let data = init_data(BOT_TOKEN, world.people[person].telegram_id, NOW);
    let body = json!({"bot": world.bots[bot].code, "method": "init_data", "init_data": data});
    let (status, begun) = client
        .act(world, Who::Nobody, Method::POST, "/auth/telegram", Some(&body))
        .await;
    assert_eq!(status, 200, "{begun}");
    text(&begun["token"])
}

/// Every fifth person has a secret of their own in their settings.
pub async fn settings(client: &Client, world: &mut World, rng: &mut Rng) {
    for at in (0..world.subscriptions.len()).step_by(5) {
        let word = words::latin(rng);
        world.owners.insert(word.clone(), Owner::Subscription(at));
        let path = format!("/subscriptions/{}/settings", world.subscriptions[at].id);
        let operator = client.api(world, Who::Operator).header("if-match", "\"1\"");
        let (status, changed) = operator.patch(&path, &json!({"note": word})).await;
        assert_eq!(status, 200, "{changed}");
        world.subscriptions[at].word = Some(word);
    }
}
