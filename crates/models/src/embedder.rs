//! The `Embedder` port over a local model. Callers are async and never blocked; threads of its own run the model.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use async_trait::async_trait;
use nexus_domain::{Condition, EmbedError, Embedder, EmbedderInfo};
use tokio::sync::{Semaphore, oneshot};

use crate::error::ModelError;
use crate::identity;
use crate::lanes::{Batch, Lane, Lanes, Reply, Serves};
use crate::load::{self, Loaded};
use crate::local::{LocalModel, discover, discover_all};
use crate::options::EmbedderOptions;
use crate::precision::{Precision, PrecisionChoice};
use crate::profile::Profile;
use crate::worker::{self, Compute};
use crate::{length, runtime};

/// A local ONNX model, run by fastembed.
///
/// Dropping it waits for the batches being computed (well under a second) and fails those that wait.
#[derive(Debug)]
pub struct FastembedEmbedder {
    info: EmbedderInfo,
    profile: Profile,
    note: Option<String>,
    batch_size: usize,
    lanes: Arc<Lanes>,
    query_places: Arc<Semaphore>,
    passage_places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
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
            let (precision, chosen) = if identity::is_int8(&name) {
                (Precision::Int8, PrecisionChoice::Int8)
            } else {
                (Precision::Fp32, PrecisionChoice::Auto)
            };
            let options = EmbedderOptions {
                precision: chosen,
                ..options
            };
            for local in discover_all(&options.models_dir)? {
                let is_there = identity::may_be(&local, &name) && local.graph(precision).is_file();
                if is_there && identity::of(&local, precision)? == name {
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
        let loaded = load::load(options, local, &runtime)?;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            model = loaded.info.model,
            runtime = loaded.info.runtime,
            note = loaded.note,
            milliseconds,
            "embedding model loaded"
        );
        let failed = |error: std::io::Error| ModelError::Load {
            model: local.profile.name.clone(),
            reason: error.to_string(),
        };
        Self::start(options, local.profile.clone(), loaded).map_err(failed)
    }

    fn start<C: Compute>(
        options: &EmbedderOptions,
        profile: Profile,
        loaded: Loaded<C>,
    ) -> std::io::Result<Self> {
        let Loaded {
            info,
            note,
            passages,
            queries,
            together,
        } = loaded;
        let lanes = Arc::new(Lanes::new(together));
        let places = || Arc::new(Semaphore::new(options.queue_length.clamp(1, 4096)));
        let mut embedder = Self {
            info,
            profile,
            note,
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

    fn condition(&self) -> Condition {
        self.note.clone().map_or(Condition::Fine, Condition::Fallback)
    }

    /// Two batches, so that there is something to sort by length: what a process computed last is lost where it dies.
    fn passages_at_once(&self) -> usize {
        2 * self.batch_size
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
