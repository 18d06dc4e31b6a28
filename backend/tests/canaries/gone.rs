//! Knowledge bases that are deleted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::build::{self, operate};
use crate::calls::Call;
use crate::client::Client;
use crate::rng::Rng;
use crate::round::Round;
use crate::world::{KbRole, Need, Role, Who, World};

/// A sweep takes milliseconds; the bound is for a machine that does much else.
const LONGEST_SWEEP: Duration = Duration::from_secs(20);

async fn delete(client: &Client, world: &mut World, kb: usize) {
    let path = format!("/knowledge-bases/{}", world.kbs[kb].id);
    operate(client, world, Method::DELETE, &path, &Value::Null).await;
    world.kbs[kb].deleted = true;
    world.gone.push(kb);
}

/// Deletes a knowledge base and waits for the sweep of its rows; what is seen before stands in a test of its own, below.
pub async fn delete_and_sweep(client: &Client, world: &mut World, rng: &mut Rng) {
    let live = world.live();
    if live.len() < crate::KNOWLEDGE_BASES * 3 / 4 {
        return;
    }
    let kb = *rng.one(&live);
    delete(client, world, kb).await;
    let began = Instant::now();
    let of = &world.kbs[kb];
    for path in [
        format!("/documents/{}", of.documents[0]),
        format!("/ingestion/tasks/{}", of.tasks[0]),
    ] {
        while client.act(world, Who::Operator, Method::GET, &path, None).await.0 != 404 {
            assert!(began.elapsed() < LONGEST_SWEEP, "{path} is still there");
        }
    }
}

/// Who sees it: the operator, keys for everything and for some, members, an admin.
fn callers(world: &World, kb: usize) -> Vec<Who> {
    let keys = (0..world.keys.len()).map(Who::Key);
    let people = world.kbs[kb].members.keys().take(3).chain(&[0]);
    let people = people.flat_map(|person| {
        let bots = 0..world.bots.len();
        bots.map(|bot| Who::Named { bot, person: *person })
    });
    let all = [Who::Operator].into_iter().chain(keys).chain(people);
    all.filter(|who| world.role_in(*who, kb).is_some()).collect()
}

/// What they ask and do about it.
fn about(world: &World, kb: usize) -> Vec<Call> {
    let of = &world.kbs[kb];
    let at = [
        ("GET /knowledge-bases/{id}", &of.id),
        ("GET /knowledge-bases/{id}/documents", &of.id),
        ("GET /documents/{id}", &of.documents[0]),
        ("GET /documents/{id}/text", &of.documents[0]),
        ("DELETE /documents/{id}", &of.documents[1]),
        ("GET /ingestion/tasks/{id}", &of.tasks[0]),
        ("GET /ingestion/tasks/{id}/problems", &of.tasks[0]),
        ("POST /ingestion/tasks/{id}/resume", &of.tasks[0]),
    ];
    let mut calls = Vec::new();
    for who in callers(world, kb) {
        calls.extend(at.iter().map(|(operation, id)| {
            let mut call = Call::of_operator(operation);
            call.path = call.path.replace("{id}", id);
            call.need = Need::InKb(kb, KbRole::Reader, "read");
            Call { who, ..call }
        }));
        let mut search = Call::of_operator("POST /rag/search");
        search.need = Need::General(Role::Reader, "ask");
        let body = json!({"query": of.words[0], "mode": "lexical"});
        calls.push(Call { who, ..search }.json(body));
    }
    calls
}

fn kind(world: &World, who: Who) -> String {
    match who {
        Who::Key(key) => {
            let key = &world.keys[key];
            let reach = if key.kbs.is_some() { "some" } else { "all" };
            format!("a key ({}) for {reach}", key.role.word())
        }
        Who::Named { .. } => format!("a person ({:?})", world.role(who)),
        who => format!("{who:?}"),
    }
}

/// "It is gone for every reader at once; its rows and points are swept in the background."
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_knowledge_base_is_gone_for_everyone_at_once() {
    let app = crate::start().await;
    let (client, mut rng) = (Client::new(&app), Rng::new(crate::SEED));
    let mut world = build::world(&app, &client, &mut rng, (10, 60)).await;
    let (mut seen, mut examples) = (BTreeMap::new(), Vec::new());
    for kb in 0..world.kbs.len() {
        let calls = about(&world, kb);
        delete(&client, &mut world, kb).await;
        let round = Round::quiet(&client, Arc::new(world.clone()));
        for outcome in round.send(calls, &mut rng).await {
            if let Some(failure) = outcome.failure(&round) {
                let call = &outcome.call;
                *seen.entry((call.operation, kind(&world, call.who))).or_insert(0) += 1;
                examples.push(failure);
            }
        }
    }
    app.stop_now().await;
    assert!(
        seen.is_empty(),
        "{} answers told of what was deleted:\n{seen:#?}\nsuch as:\n\n{}",
        examples.len(),
        examples[..examples.len().min(3)].join("\n\n")
    );
}
