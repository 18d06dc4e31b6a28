//! The composition root: adapters are made from the settings here, put into services, and nowhere else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nexus_auth::KeyRing;
use nexus_domain::{CallLog, Clock, Embedder, Passages, Reranker, SystemClock, UploadId, VectorStore};
use nexus_ingest::{ChunkOptions, Limits, Readers};
use nexus_rag::{AnswerSettings, Answering, RetrievalSettings, Retriever, Rewriting, Writing};
use nexus_storage::{Db, DbOptions};
use secrecy::ExposeSecret as _;
use tokio_util::task::TaskTracker;

use crate::cli::READ_DOCUMENTS;
use crate::config::{Config, read_or_make_secret};
use crate::embedding;
use crate::http::PRESENTER;
use crate::index::{Alone, Index};
use crate::metrics::Metrics;
use crate::reranking;
use crate::role::ProcessRole;
use crate::service::{
    AnswerCache, Answers, ApiKeys, Audit, Bots, Bundles, Cards, Chats, Credentials, DenseState, Documents,
    Door, FreeQuestions, Gaps, Generations, HealthChecks, Inbox, IncomingWebhooks, Ingestion, IssuedKey,
    KeySource, KnowledgeBases, ModelCalls, Outbox, People, PriceList, Quality, Questions, Replies,
    RerankerState, Sharing, SignIns, Signals, SourceReports, Sources, StandingRules, Startup, Tasks, Usage,
    Webhooks, check_keys,
};
use crate::state::{App, AppServices};
use crate::uploads::Uploads;
use crate::worker::{
    ChatOptions, ChatWorker, IngestSettings, Queue, Remotes, WebhookOptions, WebhookWorker, Worker,
    WorkerContext, WorkerOptions, remove_unknown_uploads,
};

/// Everything that runs in one process.
#[derive(Debug)]
pub struct Services {
    pub app: App,
    pub role: ProcessRole,
    /// Where the role works.
    pub worker: Option<Worker>,
    /// Where the role works, too: what answers in chats.
    pub chat_worker: Option<ChatWorker>,
    /// Where the role works, too: what tells webhooks of events.
    pub webhook_worker: Option<WebhookWorker>,
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
    /// The model that was configured before, which answers until the configured one holds as much.
    pub earlier: Option<Arc<dyn Embedder>>,
    pub reranker: Option<Arc<dyn Reranker>>,
    /// The program whose `read-documents` reads risky documents; this one unless set.
    pub reader: Option<PathBuf>,
}

impl Outside {
    fn models(&self) -> Vec<Arc<dyn Embedder>> {
        match &self.dense {
            DenseModel::Loaded(embedder) => std::iter::once(Arc::clone(embedder))
                .chain(self.earlier.clone())
                .collect(),
            DenseModel::Missing(_) => Vec::new(),
        }
    }
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

/// The database in this program's schema, and the claim to be the only process where there may be one only.
async fn open_database(config: &Config, index: &Index) -> anyhow::Result<(Db, Option<Alone>)> {
    let db = connect(config).await?;
    let alone = Alone::ensure(config, index, db.kind())?;
    db.migrate().await.context("the database could not be migrated")?;
    Ok((db, alone))
}

impl Services {
    /// Builds everything from the settings, with the machine's clock and the local model.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        Self::start_as(ProcessRole::Serve, config).await
    }

    /// The same for a process that may do a part only.
    pub async fn start_as(role: ProcessRole, config: &Config) -> anyhow::Result<Self> {
        role.check(config)?;
        // The store's lock first: a second process is told so before it does any work.
        let index = Index::open(config).await?;
        let db = open_database(config, &index).await?;
        let dense = embedding::choose(config, role).await;
        if let DenseModel::Missing(reason) = &dense {
            tracing::warn!(reason, "retrieval is lexical only");
        }
        let earlier = embedding::earlier(config, role, &db.0, &dense).await?;
        let outside = Outside {
            clock: Arc::new(SystemClock),
            dense,
            earlier,
            reranker: reranking::load(config).await,
            reader: None,
        };
        Self::with_stores(role, config, index, db, outside).await
    }

    /// Builds everything from the settings and what the caller puts in place of the outside world.
    pub async fn with(config: &Config, outside: Outside) -> anyhow::Result<Self> {
        Self::with_role(ProcessRole::Serve, config, outside).await
    }

    /// The same for a process that may do a part only.
    pub async fn with_role(role: ProcessRole, config: &Config, outside: Outside) -> anyhow::Result<Self> {
        role.check(config)?;
        let index = Index::open(config).await?;
        let db = open_database(config, &index).await?;
        Self::with_stores(role, config, index, db, outside).await
    }

    async fn with_stores(
        role: ProcessRole,
        config: &Config,
        index: Index,
        (db, alone): (Db, Option<Alone>),
        outside: Outside,
    ) -> anyhow::Result<Self> {
        let models = outside.models();
        let Outside {
            clock,
            dense,
            reranker,
            reader,
            ..
        } = outside;
        // Of many processes that start together, one at a time does what follows, and the next sees it done.
        let turn = db.turn().await?;
        let uploads = open_uploads(config, clock.as_ref()).await?;

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
        let generations = Generations::open(
            db.clone(),
            Arc::clone(&store),
            Arc::clone(&clock),
            queue.clone(),
            &models,
        )
        .await
        .context("the index of the embedding model cannot be opened")?;
        if alone.is_some() {
            startup.take_over_tasks().await?;
        }
        startup
            .reconcile(&generations)
            .await
            .context("the indexes could not be compared with the rows")?;
        // A place outside of the data folder may be another's by mistake: there it is left to the sweeps.
        if alone.is_some() && !config.uploads_place()?.is_shared() {
            remove_unknown_uploads(&db, &uploads, Duration::ZERO)
                .await
                .context("unfinished uploads could not be removed")?;
        }

        let keys = secret_keys(config)?;
        check_keys(&db, &keys).await?;
        let credentials = Credentials::new(db.clone(), Arc::clone(&clock));
        let issued_key = if role.answers() {
            credentials
                .ensure_admin_key(&config.admin.key, &config.admin_key_file())
                .await?
        } else {
            None
        };
        turn.end().await?;
        let (metrics, keys) = (Metrics::new(), Arc::new(keys));
        let cache = AnswerCache::open(
            db.clone(),
            Arc::clone(&keys),
            Arc::clone(&clock),
            metrics.clone(),
            config.cache.options(),
        )?;
        cache.greet().await;
        let prices = Arc::new(crate::chat::prices(config)?);
        let model_calls = ModelCalls {
            db: db.clone(),
            clock: Arc::clone(&clock),
            prices: Arc::clone(&prices),
            metrics: metrics.clone(),
            left: TaskTracker::new(),
        };
        let parts = Parts {
            config,
            metrics: metrics.clone(),
            model_calls,
            cache,
            keys,
            writing: crate::chat::writing(config)?,
            rewriting: crate::chat::rewriting(config)?,
            prices,
            db: &db,
            store,
            queue,
            clock,
            generations,
            no_model: match dense {
                DenseModel::Loaded(_) => "",
                DenseModel::Missing(reason) => reason,
            },
            reranker,
            uploads,
            reader: reader.unwrap_or_else(own_program),
        };
        let worker = if role.works() {
            Some(Worker::new(parts.worker_context()?, worker_options(config)))
        } else {
            None
        };
        let webhook_worker = match role.works() {
            true => Some(parts.webhook_worker()?),
            false => None,
        };
        let app = parts.app()?;
        let chat_worker = role.works().then(|| chat_worker(config, &app, metrics));
        Ok(Self {
            app,
            role,
            worker,
            chat_worker,
            webhook_worker,
            issued_key,
            db,
            index,
            _alone: alone,
        })
    }

    /// What retrieval runs on, in one line for people.
    pub async fn describe_retrieval(&self) -> String {
        match self.app.health.dense().await {
            DenseState::Loaded(embedder) => {
                let info = embedder.info();
                format!("Retrieval: words and vectors ({}; {})", info.model, info.runtime)
            }
            DenseState::Missing(reason) => format!("Retrieval: words only ({reason})"),
        }
    }

    /// Flushes and closes the stores, once what was cut by the end is kept.
    pub async fn close(self) {
        self.app.model_calls.finish().await;
        self.index.close().await;
        self.db.close().await;
    }
}

/// What services are put together from.
struct Parts<'a> {
    config: &'a Config,
    metrics: Metrics,
    model_calls: ModelCalls,
    cache: AnswerCache,
    keys: Arc<KeyRing>,
    db: &'a Db,
    store: Arc<dyn VectorStore>,
    queue: Queue,
    clock: Arc<dyn Clock>,
    generations: Generations,
    no_model: &'static str,
    reranker: Option<Arc<dyn Reranker>>,
    writing: Option<Writing>,
    rewriting: Option<Rewriting>,
    prices: Arc<PriceList>,
    uploads: Uploads,
    reader: PathBuf,
}

impl Parts<'_> {
    fn app(self) -> anyhow::Result<App> {
        let (db, clock, queue) = (self.db.clone(), Arc::clone(&self.clock), self.queue.clone());
        let knowledge_bases = KnowledgeBases::new(db.clone(), Arc::clone(&clock), queue.clone());
        let keys = Arc::clone(&self.keys);
        let sign_ins = sign_ins_with(self.config, &db, Arc::clone(&clock), Arc::clone(&keys));
        let bots = Bots {
            db: db.clone(),
            clock: Arc::clone(&clock),
            keys: Arc::clone(&keys),
        };
        let usage = Usage {
            db: db.clone(),
            clock: Arc::clone(&clock),
            prices: Arc::clone(&self.prices),
        };
        let model_calls = self.model_calls.clone();
        let door = Door {
            db: db.clone(),
            clock: Arc::clone(&clock),
            keys,
        };
        let answers = Answers {
            db: db.clone(),
            clock: Arc::clone(&clock),
            keep: self.config.answers.keep(),
            tells_questions: self.config.logs.questions,
            model_calls: model_calls.clone(),
        };
        let signals = Signals::default();
        let sources = Sources {
            db: db.clone(),
            clock: Arc::clone(&clock),
            queue: queue.clone(),
            keys: Arc::clone(&self.keys),
            knowledge_bases: knowledge_bases.clone(),
            bots: bots.clone(),
            guard: self.config.sources.guard()?,
            settings: self.config.sources.settings(),
        };
        let ingestion = Ingestion {
            db: db.clone(),
            clock: Arc::clone(&clock),
            queue: queue.clone(),
            knowledge_bases: knowledge_bases.clone(),
            uploads: self.uploads.clone(),
            bots: bots.clone(),
            usage: usage.clone(),
            max_bytes: self.config.uploads.max_bytes,
        };
        let questions = Questions {
            knowledge_bases: knowledge_bases.clone(),
            bots: bots.clone(),
            usage: usage.clone(),
            answering: self.answering(),
            metrics: self.metrics.clone(),
            answers: answers.clone(),
            cache: self.cache.clone(),
        };
        Ok(App::new(AppServices {
            webhooks: Webhooks {
                db: db.clone(),
                clock: Arc::clone(&clock),
                keys: Arc::clone(&self.keys),
                guard: self.config.webhooks.guard()?,
            },
            incoming_webhooks: IncomingWebhooks {
                db: db.clone(),
                clock: Arc::clone(&clock),
                keys: Arc::clone(&self.keys),
                door: door.clone(),
                queue: queue.clone(),
                ingestion: ingestion.clone(),
                sources: sources.clone(),
                limits: limits(self.config),
            },
            inbox: Inbox {
                db: db.clone(),
                clock: Arc::clone(&clock),
                signals: signals.clone(),
            },
            outbox: Outbox {
                db: db.clone(),
                clock: Arc::clone(&clock),
                signals: signals.clone(),
                door: door.clone(),
                present: PRESENTER,
            },
            chats: Chats {
                db: db.clone(),
                clock: Arc::clone(&clock),
                signals,
                door: door.clone(),
            },
            door,
            people: People::new(db.clone(), Arc::clone(&clock)),
            bots,
            usage,
            api_keys: ApiKeys::new(db.clone(), Arc::clone(&clock)),
            sharing: Sharing::new(db.clone(), Arc::clone(&clock)),
            sign_ins,
            audit: Audit::new(db.clone(), Arc::clone(&clock)),
            trusted_proxies: self.config.trusted_proxies()?.into(),
            secure_cookies: self.config.http.secure_cookies,
            source_reports: SourceReports {
                db: db.clone(),
                clock: Arc::clone(&clock),
            },
            documents: Documents::new(db.clone(), clock, queue.clone()),
            sources,
            bundles: Bundles::new(ingestion.clone()),
            ingestion,
            tasks: Tasks::new(db.clone(), queue),
            quality: self.quality(),
            gaps: Gaps {
                db: db.clone(),
                answers: answers.clone(),
            },
            free_questions: FreeQuestions {
                questions: questions.clone(),
                model_calls: model_calls.clone(),
            },
            questions,
            model_calls,
            answers,
            health: HealthChecks {
                db,
                vectors: Arc::clone(&self.store),
                generations: self.generations.clone(),
                no_model: self.no_model,
                reranker: match self.reranker {
                    Some(reranker) => RerankerState::Loaded(reranker),
                    None if reranking::is_configured(self.config) => RerankerState::Failed,
                    None => RerankerState::NotConfigured,
                },
                chat: self.writing.map(|writing| writing.model),
                cache: self.cache.clone(),
            },
            generations: self.generations,
            knowledge_bases,
            metrics: self.metrics,
            cache: self.cache,
        }))
    }

    fn retriever(&self) -> Retriever {
        let passages: Arc<dyn Passages> = Arc::new(self.db.clone());
        Retriever {
            vectors: Arc::clone(&self.store),
            dense: Arc::new(self.generations.clone()),
            passages,
            reranking: reranking::bounded(self.config, self.reranker.clone()),
            settings: RetrievalSettings::default(),
            calls: CallLog::default(),
        }
    }

    fn answering(&self) -> Answering {
        let retriever = self.retriever();
        let settings = AnswerSettings {
            max_citations: self.config.answers.max_passages,
            max_tokens: self.config.answers.max_tokens,
            ..AnswerSettings::default()
        };
        Answering {
            retriever,
            settings,
            writing: self.writing.clone(),
            calibrations: Arc::new(self.quality()),
            rewriting: self.rewriting.clone(),
            kept: None,
        }
    }

    fn quality(&self) -> Quality {
        Quality {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            // The reranker puts passages into another order, which does not change what they hold.
            retriever: Retriever {
                reranking: None,
                ..self.retriever()
            },
            model_calls: self.model_calls.clone(),
            target: self.config.answers.coverage_percent as f32 / 100.0,
        }
    }

    fn webhook_worker(&self) -> anyhow::Result<WebhookWorker> {
        let settings = &self.config.webhooks;
        let options = WebhookOptions {
            concurrency: settings.concurrency,
            timeout: Duration::from_secs(settings.timeout_seconds),
        };
        Ok(WebhookWorker::new(
            self.db.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.keys),
            settings.guard()?,
            options,
            self.metrics.clone(),
        ))
    }

    fn worker_context(&self) -> anyhow::Result<WorkerContext> {
        Ok(WorkerContext {
            metrics: self.metrics.clone(),
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            queue: self.queue.clone(),
            vectors: Arc::clone(&self.store),
            generations: self.generations.clone(),
            uploads: self.uploads.clone(),
            upload_keep: Duration::from_secs(u64::from(self.config.uploads.keep_days) * 24 * 3_600),
            answers_keep: self.config.answers.keep(),
            calls_keep: self.config.chat.calls_keep(),
            ingest: ingest_settings(self.config, &self.reader),
            model_calls: self.model_calls.clone(),
            quality: self.quality(),
            cache: self.cache.clone(),
            remotes: Remotes::new(
                self.config.sources.guard()?,
                self.config.sources.settings(),
                Arc::clone(&self.keys),
                self.config.data_dir.join("sources"),
            ),
        })
    }
}

/// Sign-ins for the operator's command line, on a database that the secret key fits.
pub async fn sign_ins(config: &Config, db: &Db, clock: Arc<dyn Clock>) -> anyhow::Result<SignIns> {
    let keys = secret_keys(config)?;
    check_keys(db, &keys).await?;
    Ok(sign_ins_with(config, db, clock, Arc::new(keys)))
}

fn sign_ins_with(config: &Config, db: &Db, clock: Arc<dyn Clock>, keys: Arc<KeyRing>) -> SignIns {
    SignIns {
        db: db.clone(),
        jwks: KeySource::new(config.auth.jwks_url.clone(), Arc::clone(&clock)),
        clock,
        keys,
        environment: config.auth.telegram_environment.into(),
        max_age_seconds: config.auth.sign_in_max_age_seconds,
        session_life: Duration::from_secs(config.auth.session_hours * 3_600),
    }
}

/// What answers in chats, with what the API answers with.
fn chat_worker(config: &Config, app: &App, metrics: Metrics) -> ChatWorker {
    let Outbox {
        db,
        clock,
        signals,
        door,
        present,
    } = app.outbox.clone();
    ChatWorker {
        replies: Replies {
            db: db.clone(),
            clock: Arc::clone(&clock),
            door,
            signals: signals.clone(),
            present,
            questions: app.questions.clone(),
            knowledge_bases: app.knowledge_bases.clone(),
            documents: app.documents.clone(),
            tasks: app.tasks.clone(),
            standing: StandingRules {
                keep: config.standing.keep(),
                of_person: config.standing.per_person,
                in_all: config.standing.in_all,
                settled_after: Duration::from_secs(config.standing.settle_seconds),
            },
            metrics: metrics.clone(),
        },
        cards: Cards {
            db: db.clone(),
            clock: Arc::clone(&clock),
            signals: signals.clone(),
            present,
        },
        db,
        clock,
        signals,
        metrics,
        options: ChatOptions {
            concurrency: config.worker.chats,
            lease: Duration::from_secs(config.worker.chat_lease_seconds),
            keep: Some(config.worker.chat_keep_days)
                .filter(|days| *days > 0)
                .map(|days| Duration::from_secs(days * 24 * 3_600)),
        },
    }
}

/// The keys that sign tokens and seal secrets: from the settings, else from a file that the first start makes.
fn secret_keys(config: &Config) -> anyhow::Result<KeyRing> {
    let file = config.secret_key_file();
    let secret = if config.secret_key.expose_secret().is_empty() {
        read_or_make_secret(&file)
            .with_context(|| format!("the secret key in {} cannot be read or made", file.display()))?
    } else {
        config.secret_key.clone()
    };
    Ok(config.key_ring(&secret)?)
}

/// The place of uploads. One outside of the data folder is tried out: it may be away, or its credentials wrong.
async fn open_uploads(config: &Config, clock: &dyn Clock) -> anyhow::Result<Uploads> {
    let uploads = Uploads::open(config)?;
    if config.uploads_place()?.is_shared() {
        uploads
            .check(UploadId::new(clock.now()))
            .await
            .context("uploads cannot be written and read (setting NEXUS_UPLOADS_URL)")?;
    }
    Ok(uploads)
}

fn worker_options(config: &Config) -> WorkerOptions {
    WorkerOptions {
        concurrency: config.worker.concurrency,
        lease: Duration::from_secs(config.worker.lease_seconds),
        max_attempts: config.worker.max_attempts,
        sweep_every: Duration::from_secs(config.worker.sweep_seconds),
        calibrate_every: Duration::from_secs(config.answers.calibration_seconds),
    }
}

/// This program. Where the system has a name for it that holds whatever becomes of the file, by that name: a program that
/// was replaced while it runs still starts itself.
fn own_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        return running;
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("nexus"))
}

fn limits(config: &Config) -> Limits {
    Limits {
        packed_bytes: config.uploads.max_bytes,
        unpacked_bytes: config.ingestion.max_unpacked_bytes,
        file_bytes: config.ingestion.max_file_bytes,
        entries: config.ingestion.max_entries,
        path_depth: config.ingestion.max_depth,
        ratio: config.ingestion.max_ratio,
        pages: config.ingestion.max_pages,
        document_seconds: config.ingestion.document_seconds,
        child_memory_bytes: config.ingestion.reader_memory_bytes,
        ..Limits::default()
    }
}

fn ingest_settings(config: &Config, reader: &Path) -> IngestSettings {
    let target = config.ingestion.chunk_tokens;
    let chunks = ChunkOptions {
        target_tokens: target,
        // Functions, tables and paragraphs that are a little longer stay whole.
        max_tokens: target + target / 2,
        ..ChunkOptions::new(nexus_text::count_tokens)
    };
    IngestSettings {
        limits: limits(config),
        chunks,
        parse_threads: config.parse_threads(),
        readers: Arc::new(Readers::new(reader, [READ_DOCUMENTS])),
    }
}
