//! Vectors mean what they should.

use nexus_domain::{Embedder, Script};
use serde_json::Value;

use crate::support::{cosine, embedder, models_dir};

const PASSAGES: [&str; 4] = [
    "To restart the service, stop it and start it again; the log says when it is ready.",
    "Penguins breed on the ice in the Antarctic winter.",
    "The invoice is due within thirty days of its date.",
    "",
];

fn passages() -> Vec<String> {
    PASSAGES.iter().map(|&passage| passage.to_owned()).collect()
}

#[tokio::test]
async fn a_question_is_closest_to_its_answer() {
    let Some(embedder) = embedder() else { return };
    let vectors = embedder.embed_passages(passages()).await.unwrap();
    for (question, answer) in [
        ("How do I restart the service?", 0),
        ("Where do penguins breed?", 1),
        ("When do I have to pay the bill?", 2),
    ] {
        let query = embedder.embed_query(question.to_owned()).await.unwrap();
        let scores: Vec<f32> = vectors.iter().map(|vector| cosine(&query, vector)).collect();
        let best = (0..scores.len())
            .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
            .unwrap();
        assert_eq!(best, answer, "{question}: {scores:?}");
    }
}

#[tokio::test]
async fn a_model_of_both_languages_finds_the_russian_answer() {
    let Some(embedder) = embedder() else { return };
    if !embedder.info().knows(Script::Cyrillic) {
        eprintln!("not tested, {} knows no Russian", embedder.info().model);
        return;
    }
    let vectors = embedder.embed_passages(passages()).await.unwrap();
    let query = embedder
        .embed_query("Как перезапустить службу?".to_owned())
        .await
        .unwrap();
    assert!(cosine(&query, &vectors[0]) > cosine(&query, &vectors[1]));
}

#[tokio::test]
async fn a_vector_does_not_depend_on_its_neighbours() {
    let Some(embedder) = embedder() else { return };
    let mut texts = passages();
    texts.extend(
        (1..12).map(|count| {
            "A passage that is longer than its neighbour, by a clause at a time. ".repeat(count)
        }),
    );
    let together = embedder.embed_passages(texts.clone()).await.unwrap();
    assert_eq!(together.len(), texts.len());
    for (text, vector) in texts.into_iter().zip(together) {
        let alone = embedder.embed_passages(vec![text.clone()]).await.unwrap();
        let cosine = cosine(&alone[0], &vector);
        assert!(cosine > 0.9999, "{cosine} for {text:?}");
    }
}

#[tokio::test]
async fn odd_texts_have_sound_vectors_and_long_ones_are_cut() {
    let Some(embedder) = embedder() else { return };
    let info = embedder.info();
    let long = "knowledge ".repeat(20_000);
    let odd = [
        "",
        " \n\t",
        "\0",
        "🐧🐧🐧",
        "ёЁ",
        &"x".repeat(10_000),
        "[CLS] [SEP] [PAD]",
        &long,
        &(long.clone() + "tail"),
    ];
    let vectors = embedder
        .embed_passages(odd.map(str::to_owned).to_vec())
        .await
        .unwrap();
    for vector in &vectors {
        assert_eq!(vector.len(), info.dimension);
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-4);
    }
    assert!(
        cosine(&vectors[7], &vectors[8]) > 0.9999,
        "what lies behind the window counts for nothing"
    );
}

#[tokio::test]
async fn the_vectors_are_those_that_were_computed_without_onnx() {
    let Some(embedder) = embedder() else { return };
    if !embedder.info().model.starts_with("all-MiniLM-L6-v2/") {
        eprintln!("not tested, {} has no stored vectors", embedder.info().model);
        return;
    }
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scripts/models/minilm-reference.json"
    );
    let reference: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for sample in reference["samples"].as_array().unwrap() {
        let text = sample["text"].as_str().unwrap().to_owned();
        let expected: Vec<f32> = serde_json::from_value(sample["vector"].clone()).unwrap();
        let vectors = embedder.embed_passages(vec![text.clone()]).await.unwrap();
        let cosine = cosine(&vectors[0], &expected);
        assert!(cosine > 0.9999, "{cosine} for {text:?}");
    }
}

#[tokio::test]
async fn the_model_says_what_it_is() {
    let Some(embedder) = embedder() else { return };
    let info = embedder.info();
    let model = nexus_models::discover(&models_dir()).unwrap().unwrap();
    assert!(info.model.starts_with(&model.profile.name), "{}", info.model);
    assert!(
        info.runtime.starts_with("ONNX Runtime 1.") && info.runtime.contains("thread"),
        "{}",
        info.runtime
    );
    assert!(info.knows(Script::Latin));
}
