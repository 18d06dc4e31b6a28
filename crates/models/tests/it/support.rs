//! Finds the installed model and loads it once for all tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nexus_models::{EmbedderOptions, FastembedEmbedder};

/// `NEXUS_MODELS_DIR`, or the checkout's own `data/models`.
pub(crate) fn models_dir() -> PathBuf {
    std::env::var_os("NEXUS_MODELS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models"),
        PathBuf::from,
    )
}

/// The installed model, or `None` after a word about it.
pub(crate) fn embedder() -> Option<&'static FastembedEmbedder> {
    static EMBEDDER: OnceLock<Option<FastembedEmbedder>> = OnceLock::new();
    let found = EMBEDDER
        .get_or_init(|| {
            FastembedEmbedder::load(&EmbedderOptions::new(models_dir())).expect("an installed model loads")
        })
        .as_ref();
    if found.is_none() {
        let missing = format!("no model in {}: run `make models`", models_dir().display());
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("not tested, {missing}");
    }
    found
}

/// Of unit vectors.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
