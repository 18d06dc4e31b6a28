//! Second turns of conversations about the sample, searched for as they are rewritten, against the same questions written by
//! hand: `tests/dialogues`. The rules were made with the half that is not held out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nexus_rag::follow_up::{How, Turn, rewrite};
use nexus_text::{Bm25, analyze, query_vector};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Dialogue {
    pub(crate) first: String,
    pub(crate) second: String,
    pub(crate) stand_alone: String,
    pub(crate) document: String,
    held_out: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Half of those in a language.
pub(crate) fn chosen(language: &str, held_out: bool) -> Vec<Dialogue> {
    let mut dialogues = dialogues(language);
    dialogues.retain(|dialogue| dialogue.held_out == held_out);
    assert!(dialogues.len() >= 50, "only {} dialogues", dialogues.len());
    dialogues
}

fn dialogues(language: &str) -> Vec<Dialogue> {
    let file = root().join(format!("tests/dialogues/{language}.jsonl"));
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// BM25 over passages; a document is as good as its best passage.
pub(crate) struct Index {
    passages: Vec<(String, BTreeMap<u32, f32>)>,
    holding: BTreeMap<u32, f32>,
}

impl Index {
    pub(crate) fn of_the_sample() -> Self {
        let mut texts = Vec::new();
        let sample = root().join("data/sample");
        let mut left = vec![sample.clone()];
        while let Some(path) = left.pop() {
            if path.is_dir() {
                left.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let name = path.strip_prefix(&sample).unwrap().to_string_lossy().into_owned();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let title: String = text
                .lines()
                .find(|line| line.starts_with("title:") || line.starts_with("# "))
                .unwrap_or_default()
                .into();
            // A passage carries the title of its document, as in the product.
            texts.extend(
                text.split("\n## ")
                    .map(|section| (name.clone(), analyze(&format!("{title}\n{section}")))),
            );
        }
        let average = texts.iter().map(|(_, text)| text.length as f32).sum::<f32>() / texts.len() as f32;
        let mut holding: BTreeMap<u32, f32> = BTreeMap::new();
        let mut passages = Vec::new();
        for (name, text) in texts {
            for (id, _) in &text.terms {
                *holding.entry(*id).or_default() += 1.0;
            }
            let vector = Bm25::default().document_vector(&text, average);
            passages.push((name, vector.ids.into_iter().zip(vector.values).collect()));
        }
        Self { passages, holding }
    }

    /// The five best documents.
    pub(crate) fn search(&self, question: &str) -> Vec<&str> {
        let query = query_vector(&analyze(question));
        let count = self.passages.len() as f32;
        let idf = |id: &u32| {
            let holding = self.holding.get(id).copied().unwrap_or_default();
            (1.0 + (count - holding + 0.5) / (holding + 0.5)).ln()
        };
        let mut best: BTreeMap<&str, f32> = BTreeMap::new();
        for (name, terms) in &self.passages {
            let score = query
                .ids
                .iter()
                .zip(&query.values)
                .filter_map(|(id, weight)| Some(terms.get(id)? * weight * idf(id)))
                .sum();
            let known = best.entry(name).or_default();
            *known = known.max(score);
        }
        let mut found: Vec<(&str, f32)> = best.into_iter().filter(|(_, score)| *score > 0.0).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.into_iter().take(5).map(|(name, _)| name).collect()
    }
}

/// Found within the first five: as it was asked, rewritten, and written by hand.
fn recalls(language: &str, held_out: bool) -> [f32; 3] {
    let index = Index::of_the_sample();
    let chosen = chosen(language, held_out);
    let mut found = [0_u8; 3];
    for dialogue in &chosen {
        let turns = [Turn::asked(&dialogue.first)];
        let rewritten = rewrite(&turns, &dialogue.second);
        let holds = |question: &str| index.search(question).contains(&dialogue.document.as_str());
        let results =
            [&dialogue.second, &rewritten.text, &dialogue.stand_alone].map(|question| holds(question));
        for (found, result) in found.iter_mut().zip(results) {
            *found += u8::from(result);
        }
        println!(
            "{results:?} {} | {} | {}",
            dialogue.first, dialogue.second, rewritten.text
        );
    }
    found.map(|found| f32::from(found) / chosen.len() as f32)
}

fn holds(language: &str, held_out: bool) {
    let [asked, rewritten, by_hand] = recalls(language, held_out);
    println!(
        "recall@5, {language}, held out {held_out}: {asked} as asked, {rewritten} rewritten, {by_hand} by hand"
    );
    assert!(by_hand >= 0.8, "the questions written by hand find {by_hand}");
    assert!(
        rewritten >= by_hand * 0.9,
        "{rewritten} rewritten, {by_hand} by hand"
    );
    assert!(
        rewritten > asked + 0.1,
        "rewriting changes nothing: {rewritten}, {asked}"
    );
}

#[test]
fn english_second_turns_are_found_nearly_as_well_as_whole_questions() {
    holds("en", false);
}

#[test]
fn russian_second_turns_are_found_nearly_as_well_as_whole_questions() {
    holds("ru", false);
}

#[test]
fn so_are_those_that_the_rules_were_not_made_with() {
    for language in ["en", "ru"] {
        holds(language, true);
    }
}

#[test]
fn a_whole_question_on_another_subject_stays_byte_for_byte() {
    for language in ["en", "ru"] {
        let dialogues = dialogues(language);
        let whole = dialogues
            .iter()
            .filter(|dialogue| dialogue.second == dialogue.stand_alone);
        let mut count = 0;
        for dialogue in whole {
            let turns = [Turn::asked(&dialogue.first)];
            let rewritten = rewrite(&turns, &dialogue.second);
            assert_eq!(
                (rewritten.text.as_str(), rewritten.how),
                (dialogue.second.as_str(), How::Unchanged)
            );
            count += 1;
        }
        assert!(count >= 5, "only {count} of them in {language}");
    }
}
