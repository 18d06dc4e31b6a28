//! The reranker that the settings name. Anything that keeps it from working leaves the fused order, and is told.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::Reranker;
use nexus_models::{FastembedReranker, RerankerOptions};
use nexus_rag::Reranking;

use crate::config::Config;

/// Whether the settings name one.
pub fn is_configured(config: &Config) -> bool {
    !config.models.reranker_dir.as_os_str().is_empty()
}

/// Loads the reranker, if one is named.
pub async fn load(config: &Config) -> Option<Arc<dyn Reranker>> {
    if !is_configured(config) {
        return None;
    }
    let models = &config.models;
    let mut options = RerankerOptions::new(&models.reranker_dir, config.models_dir());
    if !models.runtime_library.as_os_str().is_empty() {
        options.runtime_library = Some(models.runtime_library.clone());
    }
    options.threads = std::num::NonZeroUsize::new(models.threads);
    match FastembedReranker::open(options).await {
        Ok(reranker) => Some(Arc::new(reranker)),
        Err(error) => {
            tracing::error!(
                cause = crate::error_chain::chain(&error),
                "the reranker cannot be loaded (setting NEXUS_MODELS_RERANKER_DIR); the fused order stands"
            );
            None
        }
    }
}

/// How much it may do for one question.
pub fn bounded(config: &Config, reranker: Option<Arc<dyn Reranker>>) -> Option<Reranking> {
    reranker.map(|reranker| Reranking {
        reranker,
        candidates: config.models.rerank_candidates,
        budget: Duration::from_millis(config.models.rerank_milliseconds),
    })
}
