//! A set of questions and documents that is brought along: how many of its askers are told, and how many wrongly.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use nexus_domain::Embedder;
use nexus_models::{EmbedderOptions, FastembedEmbedder};
use serde_json::Value;

use super::World;
use crate::api::text;

fn real_model(folder: String) -> Arc<dyn Embedder> {
    let model = FastembedEmbedder::load(&EmbedderOptions::new(folder)).unwrap();
    Arc::new(model.expect("the folder holds a model"))
}

/// A set of documents and questions that is not in the repository: a quarter of its documents is there, a half comes in two
/// uploads, and a quarter never does. Prints what comes of the questions to the last three. With `NEXUS_TEST_MODELS`, a folder
/// of models, it is hybrid.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a set in BEIR's form: NEXUS_TEST_EVAL_SET names its folder"]
async fn of_a_set_of_questions_most_askers_are_told_and_hardly_any_wrongly() {
    let folder = std::env::var("NEXUS_TEST_EVAL_SET").unwrap();
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(Path::new(&folder).join(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let documents = lines("corpus.jsonl");
    let part_of: BTreeMap<String, usize> = documents
        .iter()
        .enumerate()
        .map(|(n, document)| (text(&document["_id"]), n % 4))
        .collect();
    let judged = std::fs::read_to_string(Path::new(&folder).join("qrels.tsv")).unwrap();
    let judged: BTreeMap<&str, &str> = judged
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(question, rest)| Some((question, rest.split_once('\t')?.0)))
        .collect();
    let files_of = |part: usize| -> Vec<(String, String)> {
        let of_part = documents.iter().enumerate().filter(|(n, _)| n % 4 == part);
        of_part
            .map(|(_, document)| (format!("{}.md", text(&document["_id"])), text(&document["text"])))
            .collect()
    };
    let model = std::env::var("NEXUS_TEST_MODELS").ok().map(real_model);
    let sides = if model.is_some() { "hybrid" } else { "words alone" };
    let mut world = World::open_with(&[("NEXUS_STANDING_IN_ALL", "100000".to_owned())], model).await;
    let send = async |world: &World, part: usize| {
        let files = files_of(part);
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_bytes()))
            .collect();
        world.added(&format!("part-{part}.tar.gz"), &files).await;
    };
    send(&world, 0).await;
    let mut gold = BTreeMap::new();
    for (person, query) in (10_000..).zip(lines("queries.jsonl")) {
        let document = judged[text(&query["_id"]).as_str()];
        if part_of[document] == 0 {
            continue;
        }
        world.bot.asks(person, &text(&query["text"])).await;
        let answer = world.bot.delivered().await;
        if answer["content"]["answer"]["found"] == false {
            gold.insert(person, document);
        }
    }
    let open = world.counts().await;
    let mut told: BTreeMap<i64, bool> = BTreeMap::new();
    for part in [1, 2] {
        send(&world, part).await;
        world.looked().await;
        for message in world.told().await {
            let person = message["telegram_chat_id"].as_i64().unwrap();
            let path = format!("{}.md", gold[&person]);
            let citations = message["content"]["answer"]["citations"].as_array().unwrap();
            let right = citations
                .iter()
                .any(|cited| cited["passage"]["document_path"] == path);
            assert!(told.insert(person, right).is_none(), "twice");
        }
    }
    let coming: Vec<_> = gold
        .iter()
        .filter(|(_, document)| part_of[**document] < 3)
        .collect();
    let rightly = coming
        .iter()
        .filter(|(person, _)| told.get(*person) == Some(&true))
        .count();
    let wrongly = told.values().filter(|right| !**right).count();
    eprintln!(
        "{folder}, {sides}: {} refused ({open:?}), {} of them with documents that come: {rightly} told rightly ({:.1} %); {wrongly} told \
         wrongly: {:.1} % of the refused, {:.1} % of the {} told",
        gold.len(),
        coming.len(),
        rightly as f64 * 100.0 / coming.len() as f64,
        wrongly as f64 * 100.0 / gold.len() as f64,
        wrongly as f64 * 100.0 / told.len() as f64,
        told.len(),
    );
    world.end().await;
}
