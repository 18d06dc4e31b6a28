//! The `Embedder` port over a local model. Callers are async and never blocked; threads of its own run the model.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use async_trait::async_trait;
use nexus_domain::{EmbedError, Embedder, EmbedderInfo};
use tokio::sync::{Semaphore, oneshot};

use crate::error::ModelError;
use crate::lanes::{Batch, Lane, Lanes, Reply, Serves};
use crate::length;
use crate::local::{LocalModel, discover, discover_all};
use crate::options::{EmbedderOptions, QuerySession};
use crate::profile::Profile;
use crate::runtime::{self, Runtime};
use crate::session::Session;
use crate::worker::{self, Compute};
use crate::{check, identity};

/// A local ONNX model, run by fastembed.
///
/// Dropping it waits for the batches being computed (well under a second) and fails those that wait.
#[derive(Debug)]
pub struct FastembedEmbedder {
    info: EmbedderInfo,
    profile: Profile,
    batch_size: usize,
    lanes: Arc<Lanes>,
    query_places: Arc<Semaphore>,
    passage_places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

/// What loading yields, before any thread runs.
struct Loaded {
    info: EmbedderInfo,
    profile: Profile,
    passages: Session,
    /// `None`: questions share the session of the passages.
    queries: Option<Session>,
}

impl FastembedEmbedder {
    /// Finds, loads and checks the model on a blocking thread. `None` where the folder holds no model.
    pub async fn open(options: EmbedderOptions) -> Result<Option<Self>, ModelError> {
        let folder = options.models_dir.clone();
        tokio::task::spawn_blocking(move || Self::load(&options))
            .await
            .unwrap_or_else(|error| {
                Err(ModelError::Load {
                    model: folder.display().to_string(),
                    reason: error.to_string(),
                })
            })
    }

    /// The model whose vectors have this [name](EmbedderInfo::model), of all that lie in the folder; `None` where none
    /// has it. For vectors that were made with a model that is not the chosen one any more.
    pub async fn open_named(options: EmbedderOptions, name: &str) -> Result<Option<Self>, ModelError> {
        let name = name.to_owned();
        let folder = options.models_dir.clone();
        let load = move || {
            for local in discover_all(&options.models_dir)? {
                if identity::may_be(&local, &name) && identity::of(&local)? == name {
                    return Self::load_local(&options, &local).map(Some);
                }
            }
            Ok(None)
        };
        tokio::task::spawn_blocking(load).await.unwrap_or_else(|error| {
            Err(ModelError::Load {
                model: folder.display().to_string(),
                reason: error.to_string(),
            })
        })
    }

    /// [`open`](Self::open), blocking.
    pub fn load(options: &EmbedderOptions) -> Result<Option<Self>, ModelError> {
        let local = discover(&options.models_dir)?;
        local.map(|local| Self::load_local(options, &local)).transpose()
    }

    fn load_local(options: &EmbedderOptions, local: &LocalModel) -> Result<Self, ModelError> {
        let started = Instant::now();
        let library = options
            .runtime_library
            .as_ref()
            .or(local.runtime_library.as_ref());
        let library = library.ok_or_else(|| ModelError::NoRuntime {
            folder: local.folder.clone(),
        })?;
        let runtime = runtime::load(library)?;
        let loaded = load_sessions(options, local, &runtime)?;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            model = loaded.info.model,
            runtime = loaded.info.runtime,
            milliseconds,
            "embedding model loaded"
        );
        let name = local.profile.name.clone();
        let failed = |error: std::io::Error| ModelError::Load {
            model: name,
            reason: error.to_string(),
        };
        Self::start(
            options,
            loaded.info,
            loaded.profile,
            loaded.passages,
            loaded.queries,
        )
        .map_err(failed)
    }

    fn start<C: Compute>(
        options: &EmbedderOptions,
        info: EmbedderInfo,
        profile: Profile,
        passages: C,
        queries: Option<C>,
    ) -> std::io::Result<Self> {
        let lanes = Arc::new(Lanes::default());
        let places = || Arc::new(Semaphore::new(options.queue_length.clamp(1, 4096)));
        let mut embedder = Self {
            info,
            profile,
            batch_size: options.batch_size(),
            lanes: Arc::clone(&lanes),
            query_places: places(),
            passage_places: places(),
            threads: Vec::new(),
        };
        let serves = if queries.is_some() {
            Serves::Passages
        } else {
            Serves::Both
        };
        embedder
            .threads
            .push(worker::start(passages, Arc::clone(&lanes), serves)?);
        if let Some(queries) = queries {
            embedder
                .threads
                .push(worker::start(queries, lanes, Serves::Queries)?);
        }
        Ok(embedder)
    }

    /// Queues one batch, waiting for a place.
    async fn submit(&self, lane: Lane, texts: Vec<String>) -> Result<oneshot::Receiver<Reply>, EmbedError> {
        let places = match lane {
            Lane::Queries => &self.query_places,
            Lane::Passages => &self.passage_places,
        };
        let place = Arc::clone(places).acquire_owned().await.map_err(|_| ended())?;
        let (reply, receiver) = oneshot::channel();
        self.lanes.push(
            lane,
            Batch {
                texts,
                reply,
                _place: place,
            },
        );
        Ok(receiver)
    }
}

/// Both sessions and the identity at once: each takes a good part of a second.
fn load_sessions(
    options: &EmbedderOptions,
    local: &LocalModel,
    runtime: &Runtime,
) -> Result<Loaded, ModelError> {
    let own = match options.query_session {
        QuerySession::Auto => local.external_weights().is_some(),
        QuerySession::Own => true,
        QuerySession::Shared => false,
    };
    let threads = options.passage_threads();
    let (model, passages, queries) = std::thread::scope(|scope| {
        let identity = scope.spawn(|| identity::of(local));
        let queries = own.then(|| scope.spawn(|| checked_session(local, runtime, options.query_threads())));
        let passages = checked_session(local, runtime, threads);
        (
            joined(local, identity),
            passages,
            queries.map(|queries| joined(local, queries)),
        )
    });
    let profile = local.profile.clone();
    let plural = if threads == 1 { "thread" } else { "threads" };
    let info = EmbedderInfo {
        model: model?,
        dimension: profile.dimension,
        scripts: profile.scripts.clone(),
        runtime: format!("{}, {}, {threads} {plural}", runtime.name, profile.precision),
    };
    Ok(Loaded {
        info,
        profile,
        passages: passages?,
        queries: queries.transpose()?,
    })
}

fn checked_session(local: &LocalModel, runtime: &Runtime, threads: usize) -> Result<Session, ModelError> {
    let mut session = Session::open(local, runtime, threads)?;
    check::model(&local.profile, &mut session)?;
    Ok(session)
}

fn joined<T>(
    local: &LocalModel,
    thread: std::thread::ScopedJoinHandle<'_, Result<T, ModelError>>,
) -> Result<T, ModelError> {
    let panicked = |_| ModelError::Load {
        model: local.profile.name.clone(),
        reason: "loading panicked".to_owned(),
    };
    thread.join().map_err(panicked)?
}

fn ended() -> EmbedError {
    EmbedError::Unavailable("it is shutting down".to_owned())
}

fn prompted(prefix: &str, text: String) -> String {
    if prefix.is_empty() {
        text
    } else {
        format!("{prefix}{text}")
    }
}

#[async_trait]
impl Embedder for FastembedEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    async fn embed_passages(&self, passages: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut passages = passages;
        let batches = length::batches(&passages, self.batch_size, self.profile.max_tokens);
        let mut vectors = vec![Vec::new(); passages.len()];
        let mut pending = Vec::with_capacity(batches.len());
        for places in batches {
            let texts = places
                .iter()
                .map(|&place| prompted(&self.profile.passage_prefix, std::mem::take(&mut passages[place])))
                .collect();
            pending.push((places, self.submit(Lane::Passages, texts).await?));
        }
        for (places, reply) in pending {
            for (place, vector) in places.into_iter().zip(reply.await.map_err(|_| ended())??) {
                vectors[place] = vector;
            }
        }
        Ok(vectors)
    }

    async fn embed_query(&self, query: String) -> Result<Vec<f32>, EmbedError> {
        let texts = vec![prompted(&self.profile.query_prefix, query)];
        let reply = self.submit(Lane::Queries, texts).await?;
        let mut vectors = reply.await.map_err(|_| ended())??;
        vectors
            .pop()
            .ok_or_else(|| EmbedError::Failed("no vector came back".to_owned()))
    }
}

impl Drop for FastembedEmbedder {
    fn drop(&mut self) {
        self.lanes.close();
        for thread in self.threads.drain(..) {
            // A session in use while the process unloads its library would crash it.
            if thread.join().is_err() {
                tracing::error!("a thread of the embedding model panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests;
