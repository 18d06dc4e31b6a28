//! Knowledge bases that are deleted.

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

/// What those ask who saw it: the operator, keys for everything and for it alone, its members, an admin.
fn about(world: &World, kb: usize) -> Vec<Call> {
    let of = &world.kbs[kb];
    let keys = (0..world.keys.len()).map(Who::Key);
    let people = of.members.keys().take(3).chain(&[0]);
    let people = people.flat_map(|person| {
        let bots = 0..world.bots.len();
        bots.map(|bot| Who::Named { bot, person: *person })
    });
    let callers = [Who::Operator].into_iter().chain(keys).chain(people);
    let callers: Vec<Who> = callers.filter(|who| world.role_in(*who, kb).is_some()).collect();
    let (id, document, task) = (&of.id, &of.documents[0], &of.tasks[0]);
    let paths = [
        ("GET /documents/{id}/text", format!("/documents/{document}/text")),
        ("GET /documents/{id}", format!("/documents/{document}")),
        ("GET /ingestion/tasks/{id}", format!("/ingestion/tasks/{task}")),
        (
            "GET /ingestion/tasks/{id}/problems",
            format!("/ingestion/tasks/{task}/problems"),
        ),
        ("GET /knowledge-bases/{id}", format!("/knowledge-bases/{id}")),
        (
            "GET /knowledge-bases/{id}/documents",
            format!("/knowledge-bases/{id}/documents"),
        ),
        ("POST /rag/search", "/rag/search".to_owned()),
    ];
    let ask = |who: Who, operation: &'static str, path: &String| {
        let call = Call {
            who,
            path: path.clone(),
            need: Need::InKb(kb, KbRole::Reader, "read"),
            ..Call::of_operator(operation)
        };
        if operation != "POST /rag/search" {
            return call;
        }
        let need = Need::General(Role::Reader, "ask");
        Call { need, ..call }.json(json!({"query": of.words[0], "mode": "lexical"}))
    };
    let calls = callers
        .iter()
        .flat_map(|who| paths.iter().map(|(operation, path)| ask(*who, operation, path)));
    calls.collect()
}

/// "It is gone for every reader at once; its rows and points are swept in the background."
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_knowledge_base_is_gone_for_everyone_at_once() {
    let app = crate::start().await;
    let (client, mut rng) = (Client::new(&app), Rng::new(crate::SEED));
    let mut world = build::world(&app, &client, &mut rng, (10, 60)).await;
    let mut seen = Vec::new();
    for kb in 0..world.kbs.len() {
        let calls = about(&world, kb);
        assert!(calls.len() > 20, "few saw it");
        delete(&client, &mut world, kb).await;
        let after = Arc::new(world.clone());
        let round = Round::quiet(&client, after);
        let outcomes = round.send(calls, &mut rng).await;
        seen.extend(outcomes.into_iter().filter_map(|outcome| outcome.failure(&round)));
    }
    app.stop_now().await;
    assert!(
        seen.is_empty(),
        "{} answers told of what was deleted, such as:\n\n{}",
        seen.len(),
        seen.iter()
            .take(8)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n\n")
    );
}
