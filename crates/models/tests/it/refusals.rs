//! What is broken is refused in words, and breaks nothing else.

use std::path::Path;

use nexus_domain::Embedder;
use nexus_models::{EmbedderOptions, FastembedEmbedder, ModelError, QuerySession, discover};

use crate::support::{embedder, models_dir};

/// A copy of the installed model's folder (links to its large files), under its own name.
fn copy_of_the_model(target: &Path) -> Option<std::path::PathBuf> {
    embedder()?;
    let model = discover(&models_dir()).unwrap().unwrap();
    let copy = target.join(model.folder.file_name().unwrap());
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(&model.folder).unwrap() {
        let entry = entry.unwrap();
        let place = copy.join(entry.file_name());
        if std::fs::hard_link(entry.path(), &place).is_err() {
            std::fs::copy(entry.path(), &place).unwrap();
        }
    }
    Some(copy)
}

fn options(folder: &Path) -> EmbedderOptions {
    let runtime_library = discover(&models_dir()).unwrap().unwrap().runtime_library;
    EmbedderOptions {
        runtime_library,
        ..EmbedderOptions::new(folder)
    }
}

/// Replaces a file; the original, which may be linked, stays as it is.
fn replace(path: &Path, content: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, content).unwrap();
}

#[tokio::test]
async fn a_folder_without_a_model_means_no_embedder() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        FastembedEmbedder::open(EmbedderOptions::new(dir.path()))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_model_without_a_runtime_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let Some(copy) = copy_of_the_model(dir.path()) else {
        return;
    };
    let error = FastembedEmbedder::open(EmbedderOptions::new(&copy))
        .await
        .unwrap_err();
    assert!(matches!(error, ModelError::NoRuntime { .. }), "{error}");
}

#[tokio::test]
async fn broken_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let Some(copy) = copy_of_the_model(dir.path()) else {
        return;
    };
    for file in ["tokenizer.json", "model.onnx"] {
        let whole = std::fs::read(copy.join(file)).unwrap();
        for broken in [&b""[..], b"{}", &whole[..whole.len() / 2]] {
            replace(&copy.join(file), broken);
            let error = FastembedEmbedder::load(&options(&copy)).unwrap_err();
            assert!(matches!(error, ModelError::Load { .. }), "{file}: {error}");
        }
        replace(&copy.join(file), &whole);
    }
}

#[tokio::test]
async fn weights_of_another_model_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let Some(copy) = copy_of_the_model(dir.path()) else {
        return;
    };
    let weights = copy.join("model.onnx.data");
    if !weights.is_file() || !copy.ends_with("all-MiniLM-L6-v2") {
        eprintln!("not tested, the installed model has no stored reference");
        return;
    }
    let mut content = std::fs::read(&weights).unwrap();
    let middle = content.len() / 2;
    content[..middle].reverse();
    // Finite numbers all the same: only the first layers' order is wrong.
    for number in content[..middle].chunks_exact_mut(4) {
        let small = f32::from_le_bytes([number[0], number[1], number[2], number[3]]).clamp(-1.0, 1.0);
        let small = if small.is_finite() { small } else { 0.0 };
        number.copy_from_slice(&small.to_le_bytes());
    }
    replace(&weights, &content);
    let error = FastembedEmbedder::load(&options(&copy)).unwrap_err();
    assert!(
        matches!(
            error,
            ModelError::ReferenceMismatch { .. } | ModelError::Output { .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn one_session_for_both_gives_the_same_vectors() {
    let Some(embedder) = embedder() else { return };
    let shared = EmbedderOptions {
        query_session: QuerySession::Shared,
        ..EmbedderOptions::new(models_dir())
    };
    let shared = FastembedEmbedder::open(shared).await.unwrap().unwrap();
    assert_eq!(shared.info(), embedder.info());
    let question = "Which of the two answers?".to_owned();
    let vectors = [
        shared.embed_query(question.clone()).await.unwrap(),
        embedder.embed_query(question).await.unwrap(),
    ];
    assert!(crate::support::cosine(&vectors[0], &vectors[1]) > 0.99999);
}
