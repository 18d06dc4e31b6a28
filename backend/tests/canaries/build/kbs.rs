//! Knowledge bases: their words, what is in them, who may use them.

use reqwest::Method;
use serde_json::json;

use super::{all, operate};
use crate::api::text;
use crate::calls::{Body, Call};
use crate::client::Client;
use crate::rng::Rng;
use crate::test_app::archive;
use crate::words;
use crate::world::{Annex, Kb, KbRole, Who, World};

/// Of each knowledge base; one of them owns it.
const MEMBERS: usize = 14;
/// Name of a source, and of the document in it.
pub const ANNEX: &str = "annex";

/// A knowledge base with words in its name, its description or neither; in every third one of them is Russian, and every
/// fourth has an annex.
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
    if n % 4 == 1 {
        let word = words::latin(rng);
        kb.words.push(word.clone());
        kb.annex = Some(Annex {
            word,
            ..Annex::default()
        });
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

pub async fn share(client: &Client, world: &mut World, rng: &mut Rng) {
    for kb in &mut world.kbs {
        for n in 0..MEMBERS {
            let role = KbRole::ALL[if n == 0 { 2 } else { rng.below(3) }];
            kb.members.insert(rng.below(world.people.len()), role);
        }
        if rng.percent(15) {
            kb.bots.insert(rng.below(world.bots.len()));
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
    if let Some(russian) = of.words.get(1).filter(|word| !word.is_ascii()) {
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
    if let Some(annex) = &of.annex {
        let note = format!("# Annex\n\nThe secret word of the side door is {}.\n", annex.word);
        let content = archive(&[("annex.md", note.as_bytes())]);
        send_archive(client, world, kb, ANNEX.to_owned(), content).await;
    }
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
