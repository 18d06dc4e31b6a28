//! Knowledge bases and sources that are deleted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::api::{Api, text};
use crate::build::{self, operate};
use crate::calls::Call;
use crate::client::Client;
use crate::rng::Rng;
use crate::round::{Outcome, Round};
use crate::test_app::archive;
use crate::world::{Annex, KbRole, Need, Owner, Role, Who, World};

/// A sweep takes milliseconds; the bound is for a machine that does much else.
const LONGEST_SWEEP: Duration = Duration::from_secs(20);
/// Until the first documents of an upload are there, on such a machine.
const LONGEST_READ: Duration = Duration::from_secs(60);
/// Documents of a source that takes a while to be read.
const MANY: usize = 2_500;

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
        ("POST /ingestion/tasks/{id}/retry", &of.tasks[0]),
        ("GET /knowledge-bases/{id}/sources/{source_id}", &of.id),
        ("POST /knowledge-bases/{id}/sources/{source_id}/sync", &of.id),
        ("DELETE /knowledge-bases/{id}/sources/{source_id}", &of.id),
    ];
    let mut calls = Vec::new();
    for who in callers(world, kb) {
        calls.extend(at.iter().map(|(operation, id)| {
            let mut call = Call::of_operator(operation);
            call.path = call
                .path
                .replace("{id}", id)
                .replace("{source_id}", &of.sources[0]);
            call.need = Need::InKb(kb, KbRole::Reader, "read");
            let is_sync = operation.ends_with("/sync");
            let call = if is_sync { call.json(json!({})) } else { call };
            Call { who, ..call }
        }));
        let mut search = Call::of_operator("POST /rag/search");
        search.need = Need::General(Role::Reader, "ask");
        let body = json!({"query": of.words[0], "mode": "lexical"});
        calls.push(Call { who, ..search }.json(body));
    }
    calls
}

/// Deletes an annex, if there is one left, and has everybody ask for what was in it who sees its knowledge base.
pub async fn delete_annex(
    client: &Client,
    world: &mut World,
    rng: &mut Rng,
) -> Option<(Round, Vec<Outcome>)> {
    let mut live = world.live();
    live.retain(|kb| {
        world.kbs[*kb]
            .annex
            .as_ref()
            .is_some_and(|annex| !annex.document.is_empty())
    });
    let kb = *rng.any(&live)?;
    let annex = world.kbs[kb].annex.take()?;
    let path = format!("/knowledge-bases/{}/sources/{}", world.kbs[kb].id, annex.source);
    operate(client, world, Method::DELETE, &path, &Value::Null).await;
    world.owners.insert(annex.word.clone(), Owner::Deleted(kb));
    let of = &mut world.kbs[kb];
    of.documents.retain(|document| *document != annex.document);
    of.sources.retain(|source| *source != annex.source);
    let round = Round::quiet(client, Arc::new(world.clone()));
    let calls = callers(world, kb)
        .into_iter()
        .flat_map(|who| about_annex(who, &annex));
    let outcomes = round.send(calls.collect(), rng).await;
    Some((round, outcomes))
}

fn about_annex(who: Who, annex: &Annex) -> [Call; 2] {
    let mut text = Call::of_operator("GET /documents/{id}/text");
    text.path = text.path.replace("{id}", &annex.document);
    text.need = Need::Never;
    let mut search = Call::of_operator("POST /rag/search");
    search.need = Need::General(Role::Reader, "ask");
    let search = search.json(json!({"query": annex.word, "mode": "lexical"}));
    [text, search].map(|call| Call { who, ..call })
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

/// "The source and all that came from it are gone for every reader when this returns", whoever is reading it in.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_deleted_while_it_is_read_stays_gone() {
    let app = crate::start().await;
    let operator = Api::operator(&app);
    let kb = operator.knowledge_base("atlas").await;
    let files: Vec<(String, String)> = (0..MANY)
        .map(|n| {
            (
                format!("{n}.md"),
                format!("# Pump {n}\n\nThe pressure valve of pump {n}.\n"),
            )
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let form = Form::new()
        .text("knowledge_base", kb.clone())
        .part("file", Part::bytes(archive(&files)).file_name("pumps.tar.gz"));
    let request = operator.request(Method::POST, "/ingestion/archives");
    let taken: Value = request
        .multipart(form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let documents = format!("/knowledge-bases/{kb}/documents");
    let listed = async || {
        operator.get(&documents).await.1["items"]
            .as_array()
            .unwrap()
            .len()
    };
    let began = Instant::now();
    while listed().await == 0 {
        assert!(began.elapsed() < LONGEST_READ, "nothing is read");
    }
    let source = format!("/knowledge-bases/{kb}/sources/{}", text(&taken["source_id"]));
    assert_eq!(operator.delete(&source).await.0, 204);
    assert_eq!(listed().await, 0);
    app.settled(text(&taken["task_id"]).parse().unwrap()).await;
    assert_eq!(listed().await, 0, "documents of a deleted source have come back");
    app.stop_now().await;
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
