//! The composition root: adapters are made from the settings here, put into services, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::FromRef;
use nexus_domain::{Clock, Embedder, GenerationId, Passages, SystemClock, VectorStore};
use nexus_ingest::{ChunkOptions, Limits};
use nexus_rag::{AnswerSettings, Answering, DenseSide, RetrievalSettings, Retriever};
use nexus_storage::{Db, DbOptions};

use crate::config::Config;
use crate::embedding;
use crate::index::{Alone, Index};
use crate::service::{
    Credentials, DenseState, Documents, HealthChecks, Ingestion, IssuedKey, KnowledgeBases, Questions,
    Startup, Tasks,
};
use crate::worker::{
    DensePass, IngestSettings, Queue, Worker, WorkerContext, WorkerOptions, remove_unknown_uploads,
};

/// The services that handlers use. Cheap to clone.
#[derive(Clone, Debug, FromRef)]
pub struct App {
    pub credentials: Credentials,
    pub knowledge_bases: KnowledgeBases,
    pub documents: Documents,
    pub ingestion: Ingestion,
    pub tasks: Tasks,
    pub questions: Questions,
    pub health: HealthChecks,
}

/// Everything that runs in one process.
#[derive(Debug)]
pub struct Services {
    pub app: App,
    pub worker: Worker,
    /// The key that this start has made, if it made one.
    pub issued_key: Option<IssuedKey>,
    db: Db,
    index: Index,
    _alone: Option<Alone>,
}

/// What is remote or slow, so that tests can put something else in its place.
#[derive(Debug)]
pub struct Outside {
    pub clock: Arc<dyn Clock>,
    pub dense: DenseModel,
}

/// The embedding model, or why there is none.
#[derive(Debug)]
pub enum DenseModel {
    Loaded(Arc<dyn Embedder>),
    Missing(&'static str),
}

/// Opens the database that the settings name.
pub async fn connect(config: &Config) -> anyhow::Result<Db> {
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("the data folder {} cannot be made", config.data_dir.display()))?;
    let options = DbOptions {
        max_connections: config.database.pool_size,
        ..DbOptions::default()
    };
    Db::connect(&config.database_url(), options)
        .await
        .context("the database cannot be opened (setting NEXUS_DATABASE_URL)")
}

impl Services {
    /// Builds everything from the settings, with the machine's clock and the local model.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        // The store's lock first: a second process is told so before it does any work.
        let index = Index::open(config).await?;
        let dense = embedding::choose(config).await;
        if let DenseModel::Missing(reason) = &dense {
            tracing::warn!(reason, "retrieval is lexical only");
        }
        Self::with_index(
            config,
            index,
            Outside {
                clock: Arc::new(SystemClock),
                dense,
            },
        )
        .await
    }

    /// Builds everything from the settings and what the caller puts in place of the outside world.
    pub async fn with(config: &Config, outside: Outside) -> anyhow::Result<Self> {
        let index = Index::open(config).await?;
        Self::with_index(config, index, outside).await
    }

    async fn with_index(config: &Config, index: Index, outside: Outside) -> anyhow::Result<Self> {
        let Outside { clock, dense } = outside;
        let db = connect(config).await?;
        let alone = Alone::ensure(config, &index, db.kind())?;
        db.migrate().await.context("the database could not be migrated")?;
        std::fs::create_dir_all(config.uploads_dir()).context("the upload folder cannot be made")?;

        let queue = Queue::new(Arc::clone(&clock));
        let store = index.port();
        let startup = Startup {
            db: db.clone(),
            vectors: Arc::clone(&store),
            queue: queue.clone(),
        };
        startup
            .open_indexes()
            .await
            .context("the indexes cannot be opened")?;
        let pass = match &dense {
            DenseModel::Loaded(embedder) => Some(startup.activate(Arc::clone(embedder)).await?),
            DenseModel::Missing(_) => None,
        };
        if alone.is_some() {
            startup.take_over_tasks().await?;
        }
        startup
            .reconcile(pass.as_ref())
            .await
            .context("the indexes could not be compared with the rows")?;
        if alone.is_some() {
            remove_unknown_uploads(&db, &config.uploads_dir(), Duration::ZERO)
                .await
                .context("unfinished uploads could not be removed")?;
        }

        let credentials = Credentials::new(db.clone(), Arc::clone(&clock));
        let issued_key = credentials
            .ensure_admin_key(&config.admin.key, &config.admin_key_file())
            .await?;
        let parts = Parts {
            config,
            db: &db,
            store,
            queue,
            clock,
            pass,
            dense,
        };
        let worker = Worker::new(parts.worker_context(), worker_options(config));
        let app = parts.app(credentials);
        Ok(Self {
            app,
            worker,
            issued_key,
            db,
            index,
            _alone: alone,
        })
    }

    /// What retrieval runs on, in one line for people.
    pub fn describe_retrieval(&self) -> String {
        match self.app.health.dense() {
            DenseState::Loaded(embedder) => {
                let info = embedder.info();
                format!("Retrieval: words and vectors ({}; {})", info.model, info.runtime)
            }
            DenseState::Missing(reason) => format!("Retrieval: words only ({reason})"),
        }
    }

    /// Flushes and closes the stores.
    pub async fn close(self) {
        self.index.close().await;
        self.db.close().await;
    }
}

/// What services are put together from.
struct Parts<'a> {
    config: &'a Config,
    db: &'a Db,
    store: Arc<dyn VectorStore>,
    queue: Queue,
    clock: Arc<dyn Clock>,
    pass: Option<DensePass>,
    dense: DenseModel,
}

impl Parts<'_> {
    fn app(self, credentials: Credentials) -> App {
        let (db, clock, queue) = (self.db.clone(), Arc::clone(&self.clock), self.queue.clone());
        let generation = self
            .pass
            .as_ref()
            .map_or(GenerationId::NONE, DensePass::generation);
        let knowledge_bases = KnowledgeBases::new(db.clone(), Arc::clone(&clock), queue.clone(), generation);
        let dense = match &self.dense {
            DenseModel::Loaded(embedder) => DenseState::Loaded(Arc::clone(embedder)),
            DenseModel::Missing(reason) => DenseState::Missing(reason),
        };
        App {
            credentials,
            documents: Documents::new(db.clone(), Arc::clone(&clock), queue.clone()),
            ingestion: Ingestion {
                db: db.clone(),
                clock,
                queue: queue.clone(),
                knowledge_bases: knowledge_bases.clone(),
                folder: self.config.uploads_dir(),
                max_bytes: self.config.uploads.max_bytes,
            },
            tasks: Tasks::new(db.clone(), queue),
            questions: Questions::new(knowledge_bases.clone(), self.answering()),
            health: HealthChecks {
                db,
                vectors: Arc::clone(&self.store),
                dense,
            },
            knowledge_bases,
        }
    }

    fn answering(&self) -> Answering {
        let embedder = match (&self.dense, &self.pass) {
            (DenseModel::Loaded(embedder), Some(pass)) => Some(DenseSide {
                embedder: Arc::clone(embedder),
                collection: pass.collection(),
            }),
            _ => None,
        };
        let passages: Arc<dyn Passages> = Arc::new(self.db.clone());
        let retriever = Retriever {
            vectors: Arc::clone(&self.store),
            embedder,
            passages,
            settings: RetrievalSettings::default(),
        };
        let settings = AnswerSettings {
            max_citations: self.config.answers.max_passages,
            max_tokens: self.config.answers.max_tokens,
            ..AnswerSettings::default()
        };
        Answering { retriever, settings }
    }

    fn worker_context(&self) -> WorkerContext {
        WorkerContext {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            queue: self.queue.clone(),
            vectors: Arc::clone(&self.store),
            dense: self.pass.clone(),
            uploads_dir: self.config.uploads_dir(),
            upload_keep: Duration::from_secs(u64::from(self.config.uploads.keep_days) * 24 * 3_600),
            ingest: ingest_settings(self.config),
        }
    }
}

fn worker_options(config: &Config) -> WorkerOptions {
    WorkerOptions {
        concurrency: config.worker.concurrency,
        lease: Duration::from_secs(config.worker.lease_seconds),
        max_attempts: config.worker.max_attempts,
        sweep_every: Duration::from_secs(config.worker.sweep_seconds),
    }
}

fn ingest_settings(config: &Config) -> IngestSettings {
    let limits = Limits {
        packed_bytes: config.uploads.max_bytes,
        unpacked_bytes: config.ingestion.max_unpacked_bytes,
        file_bytes: config.ingestion.max_file_bytes,
        entries: config.ingestion.max_entries,
        path_depth: config.ingestion.max_depth,
        ratio: config.ingestion.max_ratio,
        ..Limits::default()
    };
    let target = config.ingestion.chunk_tokens;
    let chunks = ChunkOptions {
        target_tokens: target,
        // Functions, tables and paragraphs that are a little longer stay whole.
        max_tokens: target + target / 2,
        ..ChunkOptions::new(nexus_text::count_tokens)
    };
    IngestSettings {
        limits,
        chunks,
        parse_threads: config.parse_threads(),
    }
}
