//! The reranker on a real graph: a cross-encoder in shape, whose score is the share of the question's tokens that the
//! passage holds (`scripts/models/make_reranker.py`), with the tokenizer of the installed model.

use std::path::{Path, PathBuf};

use nexus_domain::{Reranker, Script};
use nexus_models::{FastembedReranker, ModelError, RerankerOptions, discover};

use crate::support::models_dir;

const GRAPH: &[u8] = include_bytes!("../fixtures/word-overlap.onnx");
const PROFILE: &str = r#"{"kind":"reranker","name":"word-overlap","max_tokens":64,"scripts":["latin"],
    "reference":{"question":"the red lamp","passage":"A lamp.","score":0.3333}}"#;

/// A reranker's folder, or `None` after a word about the missing tokenizer.
fn folder(parent: &Path) -> Option<PathBuf> {
    let Some(model) = discover(&models_dir()).expect("an installed model is described") else {
        let missing = format!("no model in {}: run `make models`", models_dir().display());
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("not tested, {missing}");
        return None;
    };
    let folder = parent.join("word-overlap");
    std::fs::create_dir(&folder).unwrap();
    for file in [
        "tokenizer.json",
        "config.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
    ] {
        std::fs::copy(model.folder.join(file), folder.join(file)).unwrap();
    }
    std::fs::write(folder.join("model.onnx"), GRAPH).unwrap();
    std::fs::write(folder.join("nexus-model.json"), PROFILE).unwrap();
    Some(folder)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn a_local_cross_encoder_scores_question_and_passage_together() {
    let dir = tempfile::tempdir().unwrap();
    let Some(folder) = folder(dir.path()) else { return };
    let reranker = FastembedReranker::open(RerankerOptions::new(folder, models_dir()))
        .await
        .unwrap();
    let info = reranker.info();
    assert_eq!(
        (info.model.as_str(), info.knows(Script::Latin)),
        ("word-overlap", true)
    );
    assert!(
        !info.knows(Script::Cyrillic) && info.runtime.contains("ONNX Runtime"),
        "{}",
        info.runtime
    );

    let long = format!("{} gateway", "water ".repeat(500));
    let passages = texts(&["water", "reset the gateway", "the gateway", "", &long]);
    let scores = reranker
        .rerank("reset gateway".to_owned(), passages)
        .await
        .unwrap();
    assert_eq!(
        scores,
        [0.0, 1.0, 0.5, 0.0, 0.0],
        "beyond the window nothing is read"
    );

    let many: Vec<String> = (0..40)
        .map(|n| format!("page {n} {}", "word ".repeat(n)))
        .collect();
    let scores = reranker.rerank("page 7".to_owned(), many).await.unwrap();
    assert_eq!(scores.len(), 40);
    assert_eq!((scores[7], scores[8]), (1.0, 0.5));
}

#[tokio::test]
async fn a_folder_that_is_no_reranker_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let Some(folder) = folder(dir.path()) else { return };
    let refused = || {
        FastembedReranker::load(&RerankerOptions::new(&folder, models_dir()))
            .unwrap_err()
            .to_string()
    };
    let profile = folder.join("nexus-model.json");
    std::fs::write(&profile, PROFILE.replace("0.3333", "0.9")).unwrap();
    assert!(refused().contains("reference score"), "{}", refused());
    std::fs::write(&profile, PROFILE.replace("reranker", "embedder")).unwrap();
    assert!(refused().contains("nexus-model.json"), "{}", refused());
    std::fs::write(&profile, PROFILE).unwrap();
    let embedding = discover(&models_dir()).unwrap().unwrap();
    std::fs::write(folder.join("model.onnx"), b"no graph").unwrap();
    assert!(refused().contains("cannot be loaded"), "{}", refused());
    std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    assert!(refused().contains("tokenizer.json"), "{}", refused());
    let error = FastembedReranker::load(&RerankerOptions::new(embedding.folder, models_dir())).unwrap_err();
    assert!(matches!(error, ModelError::Unknown { .. }), "{error}");
}

#[test]
fn a_reranker_beside_the_embedding_model_does_not_stand_in_its_way() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_) = folder(dir.path()) else { return };
    assert_eq!(discover(dir.path()).unwrap(), None, "it is no embedding model");
}
