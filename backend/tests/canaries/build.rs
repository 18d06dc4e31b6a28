//! Builds the world through the API: bots, people, knowledge bases with their words, who may see them, keys and sessions.

use std::future::Future;

use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{BOT_TOKEN, init_data, text};
use crate::calls::{Body, Call};
use crate::client::Client;
use crate::rng::Rng;
use crate::test_app::{TestApp, archive};
use crate::words;
use crate::world::{Bot, Kb, KbRole, Key, Owner, Person, Role, Session, Subscription, Who, World};

/// 2026-01-01T00:00:00Z, where the clock of a test stands.
pub const NOW: i64 = 1_767_225_600;
const AT_ONCE: usize = 12;
const SPARE: usize = 20;
const SESSIONS: usize = 60;
/// Of each knowledge base; one of them owns it.
const MEMBERS: usize = 14;
/// What each bot lets its people do at most.
const BOTS: &[Role] = &[
    Role::Editor,
    Role::Reader,
    Role::Admin,
    Role::Editor,
    Role::Reader,
    Role::Admin,
];

/// So many knowledge bases and people.
pub async fn world(app: &TestApp, client: &Client, rng: &mut Rng, (kbs, many): (usize, usize)) -> World {
    let mut world = World::default();
    bots(client, &mut world).await;
    people(client, &mut world, rng, many).await;
    let kbs: Vec<Kb> = (0..kbs).map(|n| planned(n, rng)).collect();
    for kb in kbs {
        add_kb(&mut world, kb);
    }
    let made = all(world
        .kbs
        .iter()
        .enumerate()
        .map(|(n, kb)| make_kb(client, &world, n, kb)));
    for (kb, id) in made.await.into_iter().enumerate() {
        world.kbs[kb].id = id;
    }
    share(client, &mut world, rng).await;
    all((0..world.kbs.len()).map(|kb| feed(client, &world, kb))).await;
    settle(app, &world).await;
    let live = world.live();
    look_up(client, &mut world, &live).await;
    keys(client, &mut world, rng).await;
    sessions(client, &mut world, rng).await;
    settings(client, &mut world, rng).await;
    world
}

/// Some at a time, in their order.
async fn all<T>(of: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::stream::iter(of).buffered(AT_ONCE).collect().await
}

/// As the operator; it has to be granted.
pub async fn operate(client: &Client, world: &World, method: Method, path: &str, body: &Value) -> Value {
    let (status, reply) = client
        .act(world, Who::Operator, method.clone(), path, Some(body))
        .await;
    assert!(status < 300, "{method} {path} {body}: {status} {reply}");
    reply
}

async fn bots(client: &Client, world: &mut World) {
    for n in 0..BOTS.len() + SPARE {
        let code = format!("bot{n}");
        let body = json!({"code": code, "name": code, "telegram_token": BOT_TOKEN});
        let made = operate(client, world, Method::POST, "/bots", &body).await;
        let id = text(&made["id"]);
        let Some(max_role) = BOTS.get(n) else {
            world.spare.bots.push(id);
            continue;
        };
        let body = json!({"max_role": max_role.word()});
        operate(client, world, Method::PATCH, &format!("/bots/{id}"), &body).await;
        let (token, token_id) = token(client, world, &id).await;
        world.bots.push(Bot {
            id,
            code,
            token,
            token_id,
            max_role: *max_role,
            active: true,
        });
    }
    for _ in 0..SPARE {
        let id = world.bots[0].id.clone();
        let spare = token(client, world, &id).await.1;
        world.spare.tokens.push(spare);
    }
}

/// A new token of a bot, and its id.
pub async fn token(client: &Client, world: &World, bot: &str) -> (String, String) {
    let path = format!("/bots/{bot}/tokens");
    let issued = operate(client, world, Method::POST, &path, &json!({"name": "t"})).await;
    (text(&issued["token"]), text(&issued["service_token"]["id"]))
}

/// People whom one to three bots have introduced; a few admins and editors, a few blocked; the last ones are spare.
async fn people(client: &Client, world: &mut World, rng: &mut Rng, many: usize) {
    let bots = (0..many + SPARE).map(|_| {
        let first = rng.below(BOTS.len());
        let bots = 1 + rng.below(3);
        (0..bots).map(|n| (first + n) % BOTS.len()).collect::<Vec<_>>()
    });
    let bots: Vec<Vec<usize>> = bots.collect();
    let introduced = all(bots
        .iter()
        .enumerate()
        .map(|(n, bots)| introduce(client, world, n, bots)));
    let introduced = introduced.await;
    for (n, (bots, (id, subscriptions))) in bots.into_iter().zip(introduced).enumerate() {
        if n >= many {
            world.spare.people.push(id);
            continue;
        }
        for (bot, subscription) in bots.iter().zip(subscriptions) {
            world.subscriptions.push(Subscription {
                id: subscription,
                person: n,
                bot: *bot,
                word: None,
            });
        }
        world.people.push(Person {
            id,
            telegram_id: telegram_id(n),
            role: Role::Reader,
            blocked: false,
            bots,
        });
    }
    for n in 0..40 {
        let (role, blocked) = match n {
            0..4 => (Role::Admin, false),
            4..30 => (Role::Editor, false),
            _ => (Role::Reader, true),
        };
        let path = format!("/users/{}", world.people[n].id);
        let body = json!({"role": role.word(), "blocked": blocked});
        operate(client, world, Method::PATCH, &path, &body).await;
        (world.people[n].role, world.people[n].blocked) = (role, blocked);
    }
}

fn telegram_id(person: usize) -> i64 {
    1_000 + i64::try_from(person).expect("there are few people")
}

async fn introduce(client: &Client, world: &World, n: usize, bots: &[usize]) -> (String, Vec<String>) {
    let (mut id, mut subscriptions) = (String::new(), Vec::new());
    for bot in bots {
        let code = &world.bots[*bot].code;
        let body = json!({"bot": code, "telegram_id": telegram_id(n), "first_name": "Анна"});
        let path = "/users/from-telegram";
        let (status, reply) = client
            .act(world, Who::Bot(*bot), Method::POST, path, Some(&body))
            .await;
        assert_eq!(status, 200, "{reply}");
        id = text(&reply["user"]["id"]);
        subscriptions.push(text(&reply["subscription"]["id"]));
    }
    (id, subscriptions)
}

/// A knowledge base with words in its name, its description or neither; in every third one of them is Russian.
pub fn planned(n: usize, rng: &mut Rng) -> Kb {
    let word = words::latin(rng);
    let name = match n % 4 {
        0 => format!("atlas {word}"),
        _ => format!("atlas-{n}"),
    };
    let description = match n % 3 {
        0 => format!("All about {word}"),
        _ => format!("Atlas number {n}"),
    };
    let mut kb = Kb {
        name,
        description,
        public: rng.percent(6),
        words: vec![word],
        ..Kb::default()
    };
    if n.is_multiple_of(3) {
        kb.words.push(words::cyrillic(rng));
    }
    kb
}

/// To the model: its words are known before the product hears them.
pub fn add_kb(world: &mut World, mut kb: Kb) -> usize {
    let at = world.kbs.len();
    let words = std::mem::take(&mut kb.words);
    world.kbs.push(kb);
    for word in words {
        world.own(at, word);
    }
    at
}

pub async fn make_kb(client: &Client, world: &World, n: usize, kb: &Kb) -> String {
    let visibility = if kb.public { "everyone" } else { "private" };
    let body = json!({"name": kb.name, "description": kb.description, "visibility": visibility});
    let operator = client
        .api(world, Who::Operator)
        .header("idempotency-key", format!("kb-{n}"));
    let (status, made) = operator.post("/knowledge-bases", &body).await;
    assert_eq!(status, 201, "{made}");
    text(&made["id"])
}

async fn share(client: &Client, world: &mut World, rng: &mut Rng) {
    for kb in &mut world.kbs {
        for n in 0..MEMBERS {
            let role = KbRole::ALL[if n == 0 { 2 } else { rng.below(3) }];
            kb.members.insert(rng.below(world.people.len()), role);
        }
        if rng.percent(15) {
            kb.bots.insert(rng.below(BOTS.len()));
        }
    }
    let mut puts = Vec::new();
    for kb in &world.kbs {
        for (person, role) in &kb.members {
            let path = format!("/knowledge-bases/{}/members/{}", kb.id, world.people[*person].id);
            puts.push((path, json!({"role": role.word()})));
        }
        for bot in &kb.bots {
            let path = format!("/knowledge-bases/{}/bots/{}", kb.id, world.bots[*bot].id);
            puts.push((path, json!({})));
        }
    }
    let world = &*world;
    all(puts
        .iter()
        .map(|(path, body)| operate(client, world, Method::PUT, path, body)))
    .await;
}

/// An archive with a main document, one named after the word, a Russian one where there is a Russian word, and files that
/// cannot be read.
pub async fn feed(client: &Client, world: &World, kb: usize) {
    let of = &world.kbs[kb];
    let word = &of.words[0];
    let text = |word: &str| format!("# Pumps {word}\n\nThe secret word of the pressure valve is {word}.\n");
    let mut files = vec![
        ("main.md".to_owned(), text(word)),
        (format!("notes-{word}.md"), "# Notes\n\nOn pumps.\n".to_owned()),
        (format!("{word}/bad.bin"), "\0\u{1}\u{2}\0\0".to_owned()),
    ];
    if let Some(russian) = of.words.get(1) {
        let text = format!("# Насосы\n\nСекретное слово насоса: {russian}.\n");
        files.push((format!("раздел/{russian}.md"), text));
    }
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let source = if kb.is_multiple_of(2) {
        format!("source {word}")
    } else {
        "source".to_owned()
    };
    send_archive(client, world, kb, source, archive(&files)).await;
    if kb.is_multiple_of(5) {
        let broken = b"PK\x03\x04 broken off".to_vec();
        send_archive(client, world, kb, format!("broken {word}"), broken).await;
    }
}

async fn send_archive(client: &Client, world: &World, kb: usize, source: String, content: Vec<u8>) {
    let mut call = Call::of_operator("POST /ingestion/archives");
    call.body = Body::Form {
        kb: world.kbs[kb].id.clone(),
        source: Some(source.clone()),
        name: format!("{source}.tar.gz"),
        content,
    };
    let answer = client.send(world, &call).await;
    assert_eq!(answer.status, 202, "{}", answer.json());
}

/// Waits until what was sent is read: `TestApp::quiet` looks at the newest tasks alone.
async fn settle(app: &TestApp, world: &World) {
    for kb in &world.kbs {
        let tasks = app.client.tasks(Some(kb.id.parse().unwrap())).await.unwrap();
        for task in tasks.items.iter().filter(|task| !task.state.is_settled()) {
            app.settled(task.id).await;
        }
    }
}

async fn items(client: &Client, world: &World, path: &str) -> Vec<Value> {
    let (status, page) = client
        .api(world, Who::Operator)
        .get(&format!("{path}limit=200"))
        .await;
    assert_eq!(status, 200, "{path}: {page}");
    page["items"].as_array().unwrap().clone()
}

/// Ids of what is in these knowledge bases now.
pub async fn look_up(client: &Client, world: &mut World, kbs: &[usize]) {
    for kb in kbs {
        let id = world.kbs[*kb].id.clone();
        let mut documents = items(client, world, &format!("/knowledge-bases/{id}/documents?")).await;
        documents.sort_by_key(|document| document["path"] != "main.md");
        assert_eq!(documents[0]["path"], "main.md", "{documents:?}");
        let sources = items(client, world, &format!("/knowledge-bases/{id}/sources?")).await;
        let tasks = items(client, world, &format!("/ingestion/tasks?knowledge_base={id}&")).await;
        let ids = |items: Vec<Value>| items.iter().map(|item| text(&item["id"])).collect();
        let kb = &mut world.kbs[*kb];
        (kb.documents, kb.sources, kb.tasks) = (ids(documents), ids(sources), ids(tasks));
    }
}

type Scopes = Option<&'static [&'static str]>;

/// Keys of each role, for all or for some knowledge bases, with all or with few scopes.
async fn keys(client: &Client, world: &mut World, rng: &mut Rng) {
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

async fn sessions(client: &Client, world: &mut World, rng: &mut Rng) {
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
async fn settings(client: &Client, world: &mut World, rng: &mut Rng) {
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
