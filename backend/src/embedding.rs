//! Which embedding model a process uses, chosen from the settings at start.

use std::path::PathBuf;
use std::sync::Arc;

use nexus_domain::{EmbedError, Embedder};
use nexus_models::{EmbedderOptions, FastembedEmbedder, OpenAiEmbedder, OpenAiOptions, QuerySession};
use nexus_storage::Db;

use crate::app::DenseModel;
use crate::config::Config;
use crate::role::ProcessRole;

/// The model that the settings name. Anything that keeps it from working leaves retrieval lexical, and is told.
pub(crate) async fn choose(config: &Config, role: ProcessRole) -> DenseModel {
    if !config.models.enabled {
        return DenseModel::Missing("switched off by NEXUS_MODELS_ENABLED");
    }
    match config.embeddings.options() {
        Ok(None) => local(config, role).await,
        Ok(Some(options)) => api(config, options).await,
        // They were validated when they were read.
        Err(error) => {
            tracing::error!(%error, "the embeddings API cannot be used");
            DenseModel::Missing("the settings of the embeddings API are wrong")
        }
    }
}

/// The embeddings API, asked once. One that is away now may be there later, so it is used all the same where the length of
/// its vectors is known.
async fn api(config: &Config, options: OpenAiOptions) -> DenseModel {
    let error = match OpenAiEmbedder::connect(options.clone()).await {
        Ok(embedder) => return loaded(embedder),
        Err(error) => error,
    };
    tracing::error!(%error, "the embeddings API does not answer as it should");
    if let EmbedError::Failed(_) = &error {
        return DenseModel::Missing("the embeddings API does not answer as it should; the log says why");
    }
    let known = match options.dimension {
        Some(dimension) => Some(dimension),
        None => known_dimension(config, &options).await,
    };
    match known.map(|dimension| OpenAiEmbedder::assume(options, dimension, &error)) {
        Some(Ok(embedder)) => loaded(embedder),
        Some(Err(_)) => DenseModel::Missing("the embeddings API cannot be used; the log says why"),
        None if matches!(error, EmbedError::Refused(_)) => {
            DenseModel::Missing("the embeddings API refuses; the log says why")
        }
        None => DenseModel::Missing(
            "the embeddings API is away, and neither NEXUS_EMBEDDINGS_DIMENSION nor an earlier start tells the length of its vectors",
        ),
    }
}

fn loaded(embedder: OpenAiEmbedder) -> DenseModel {
    let info = embedder.info();
    tracing::info!(
        model = info.model,
        runtime = info.runtime,
        dimension = info.dimension,
        "embeddings API in use"
    );
    DenseModel::Loaded(Arc::new(embedder))
}

/// The length of the vectors that an earlier start of this installation got from the same model of the same API.
async fn known_dimension(config: &Config, options: &OpenAiOptions) -> Option<usize> {
    let db = crate::app::connect(config).await.ok()?;
    // A new database has no such table.
    let generations = db.generations().list().await.unwrap_or_default();
    db.close().await;
    let mut known = generations.into_iter().rev();
    known
        .find(|generation| generation.model == options.name(generation.dimension))
        .map(|generation| generation.dimension)
}

/// The model of the active vectors, where it is not the configured one and its folder is still there.
pub(crate) async fn earlier(
    config: &Config,
    role: ProcessRole,
    db: &Db,
    dense: &DenseModel,
) -> anyhow::Result<Option<Arc<dyn Embedder>>> {
    let (Some(active), DenseModel::Loaded(wanted)) = (db.generations().active().await?, dense) else {
        return Ok(None);
    };
    let model = active.model;
    if model == wanted.info().model {
        return Ok(None);
    }
    match FastembedEmbedder::open_named(local_options(config, role), &model).await {
        Ok(Some(embedder)) => {
            tracing::info!(model, "this model answers until the configured one holds as much");
            Ok(Some(Arc::new(embedder)))
        }
        Ok(None) => Ok(None),
        Err(error) => {
            let cause = crate::error_chain::chain(&error);
            tracing::error!(cause, model, "the model of the active vectors cannot be loaded");
            Ok(None)
        }
    }
}

fn local_options(config: &Config, role: ProcessRole) -> EmbedderOptions {
    let mut options = EmbedderOptions::new(config.models_dir());
    if !config.models.runtime_library.as_os_str().is_empty() {
        options.runtime_library = Some(config.models.runtime_library.clone());
    }
    options.passage_threads = std::num::NonZeroUsize::new(config.models.threads);
    options.precision = config.models.precision;
    if !role.answers() {
        // Nobody asks a worker.
        options.query_session = QuerySession::Shared;
    }
    options
}

/// The local model.
async fn local(config: &Config, role: ProcessRole) -> DenseModel {
    let options = local_options(config, role);
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
