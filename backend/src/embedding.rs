//! Which embedding model a process uses, chosen from the settings at start.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_models::{EmbedderOptions, FastembedEmbedder};

use crate::app::DenseModel;
use crate::config::Config;

/// The model that the settings name. Anything that keeps it from working leaves retrieval lexical, and is told.
pub(crate) async fn choose(config: &Config) -> DenseModel {
    if !config.models.enabled {
        return DenseModel::Missing("switched off by NEXUS_MODELS_ENABLED");
    }
    let mut options = EmbedderOptions::new(config.models_dir());
    if !config.models.runtime_library.as_os_str().is_empty() {
        options.runtime_library = Some(config.models.runtime_library.clone());
    }
    options.passage_threads = std::num::NonZeroUsize::new(config.models.threads);
    if config.models.download
        && let Err(error) = download_model(config.models_dir()).await
    {
        tracing::error!(
            cause = crate::error_chain::chain(&*error),
            "the model could not be downloaded"
        );
    }
    match FastembedEmbedder::open(options).await {
        Ok(Some(embedder)) => DenseModel::Loaded(Arc::new(embedder)),
        Ok(None) => {
            tracing::warn!(folder = %config.models_dir().display(), "the folder holds no model");
            DenseModel::Missing("no embedding model was found")
        }
        // The chain names files of this machine, and the reason is shown to everybody.
        Err(error) => {
            tracing::error!(
                cause = crate::error_chain::chain(&error),
                "the model cannot be loaded"
            );
            DenseModel::Missing("the embedding model cannot be loaded")
        }
    }
}

/// Brings the default model from the model hub, unless there is a model already.
async fn download_model(folder: PathBuf) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let download = tokio::task::spawn_blocking(move || {
        if nexus_models::discover(&folder)?.is_some() {
            return Ok(());
        }
        let mut file = String::new();
        nexus_models::download_default(&folder, None, |at| {
            if at.file != file {
                tracing::info!(file = at.file, bytes = at.total, "downloading");
                at.file.clone_into(&mut file);
            }
        })
    });
    Ok(download.await??)
}
