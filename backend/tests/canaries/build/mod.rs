//! Builds the world through the API: bots, people, knowledge bases with their words, who may see them, keys and sessions.

mod callers;
mod chats;
mod kbs;
mod people;
mod sources;

use std::future::Future;

use futures::StreamExt as _;
use reqwest::Method;
use serde_json::Value;

pub use self::callers::sign_in;
pub use self::kbs::{add_kb, feed, planned};
pub use self::people::token;
use crate::api::text;
use crate::client::Client;
use crate::rng::Rng;
use crate::test_app::TestApp;
use crate::world::{Kb, Who, World};

/// 2026-01-01T00:00:00Z, where the clock of a test stands.
pub const NOW: i64 = 1_767_225_600;
const AT_ONCE: usize = 12;
/// Bots, keys, tokens and people that nobody calls with.
const SPARE: usize = 20;

/// So many knowledge bases and people.
pub async fn world(app: &TestApp, client: &Client, rng: &mut Rng, (many, people): (usize, usize)) -> World {
    let mut world = World::default();
    people::bots(client, &mut world).await;
    people::people(client, &mut world, rng, people).await;
    let kbs: Vec<Kb> = (0..many).map(|n| planned(n, rng)).collect();
    for kb in kbs {
        add_kb(&mut world, kb);
    }
    let made = all(world
        .kbs
        .iter()
        .enumerate()
        .map(|(n, kb)| kbs::make_kb(client, &world, n, kb)));
    for (kb, id) in made.await.into_iter().enumerate() {
        world.kbs[kb].id = id;
    }
    kbs::share(client, &mut world, rng).await;
    all((0..world.kbs.len()).map(|kb| feed(client, &world, kb))).await;
    settle(app, &world).await;
    sources::hooks(client, &mut world).await;
    let live = world.live();
    look_up(client, &mut world, &live).await;
    callers::keys(client, &mut world, rng).await;
    callers::sessions(client, &mut world, rng).await;
    callers::settings(client, &mut world, rng).await;
    chats::chats(client, &mut world, rng).await;
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

/// The id of the thing of this name; empty if there is none.
fn id_of(items: &[Value], field: &str, name: &str) -> String {
    let found = items.iter().find(|item| item[field] == name);
    found.map(|item| text(&item["id"])).unwrap_or_default()
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
        if let Some(annex) = &mut kb.annex {
            annex.source = id_of(&sources, "name", kbs::ANNEX);
            annex.document = id_of(&documents, "path", "annex.md");
        }
        let fetched = sources.iter().filter(|source| source["remote"].is_object());
        kb.remotes = fetched.map(|source| text(&source["id"])).collect();
        if let Some(hook) = &kb.hook {
            kb.remotes.retain(|source| *source != hook.source);
        }
        (kb.documents, kb.sources, kb.tasks) = (ids(documents), ids(sources), ids(tasks));
    }
}
