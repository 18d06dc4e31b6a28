//! The database: pools, connections and transactions. The only file that knows how each of the two is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, PgPool, Postgres, Transaction};
use tracing::Instrument as _;

use crate::error::StorageError;
use crate::lent::{Lender, Lent};
use crate::migrate;
use crate::pen::{HeldPen, Pen, Row};
use crate::session::on;
use crate::sql::statements;

/// Statements that each connection keeps prepared; more than this crate has.
const STATEMENT_CACHE: usize = 512;

/// How long SQLite waits for another process (a backup, a shell) that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to PostgreSQL that lay still for so long is asked whether it is there before somebody gets it.
const STALE: Duration = Duration::from_secs(1);

/// Page cache of the one writing connection, in KiB (SQLite's negative numbers); readers keep the default of 2 MiB.
const WRITER_CACHE: &str = "-16384";

/// Tells first whether a reader of old pages kept it from emptying the log.
const EMPTY_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// It waits for readers with the pen in its hand, so not as long as [`BUSY_TIMEOUT`]: who called asks again.
const SHORT_TIMEOUT: &str = "PRAGMA busy_timeout = 250";
/// [`BUSY_TIMEOUT`] again.
const LONG_TIMEOUT: &str = "PRAGMA busy_timeout = 30000";

statements! {
    // Touches the file and the schema, unlike `SELECT 1`.
    PING = "SELECT COUNT(*) FROM (SELECT 1 FROM settings LIMIT 1) AS one";
}

/// Which of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DbKind {
    /// Embedded: one process, one file.
    Sqlite,
    /// A server that many processes share.
    Postgres,
}

impl DbKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}

impl fmt::Display for DbKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug)]
pub struct DbOptions {
    /// Connections in all (PostgreSQL) or for reading (SQLite, which has one more for writing).
    pub max_connections: u32,
    /// How long a caller waits for a connection, or for its turn to write, before it is told
    /// [`StorageError::Unavailable`].
    pub acquire_timeout: Duration,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(30),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Sqlite {
        read: Lender,
        /// One connection; whose turn it is, the pen says.
        write: Lender,
        pen: Pen,
    },
    Postgres(PgPool),
}

/// A database. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Db(pub(crate) Pools);

impl Db {
    /// Opens `sqlite:PATH` (created with its folder if missing) or `postgres://…`. Migrates nothing:
    /// see [`Db::migrate`] and [`Db::check_schema`].
    pub async fn connect(url: &str, options: DbOptions) -> Result<Self, StorageError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return open_sqlite(sqlite_path(path)?, options).await;
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return open_postgres(url, options).await;
        }
        Err(StorageError::InvalidUrl(
            "it starts with neither 'sqlite:' nor 'postgres:'".to_owned(),
        ))
    }

    /// Brings the schema up to date; one process at a time, others wait. Refuses a schema of a newer program.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        let db = self.clone();
        let runtime = tokio::runtime::Handle::current();
        // On a thread of its own: the future of sqlx's migrator cannot be shown to be `Send`.
        let migration = tokio::task::spawn_blocking(move || runtime.block_on(crate::migrate::run(&db)));
        migration
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Fails unless the schema is the one that this program knows.
    pub async fn check_schema(&self) -> Result<(), StorageError> {
        migrate::check(self).await
    }

    /// Starts a transaction that may write. On SQLite it has the database's only pen, so keep it short; dropping it
    /// rolls back.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        self.begin_in(Row::Usual).await
    }

    /// The same, before others that wait for the pen (a bounded number of times in a row). For what is short and what somebody
    /// outside waits for.
    pub async fn begin_ahead(&self) -> Result<Tx, StorageError> {
        self.begin_in(Row::Ahead).await
    }

    async fn begin_in(&self, row: Row) -> Result<Tx, StorageError> {
        let span = tracing::info_span!(target: "nexus_trace", "store.begin", kind = self.kind().as_str());
        self.begun(row).instrument(span).await
    }

    async fn begun(&self, row: Row) -> Result<Tx, StorageError> {
        Ok(match &self.0 {
            Pools::Sqlite { write, pen, .. } => {
                let held = pen.take(row).await?;
                let mut writer = write.lend().await?;
                sqlx::query("BEGIN IMMEDIATE").execute(&mut *writer).await?;
                Tx(TxInner::Sqlite(writer), Some(held))
            }
            Pools::Postgres(pool) => {
                let pool = pool.clone();
                // Whoever leaves while it begins leaves a task that goes on: sqlx 0.9.0 would give back a connection on which the
                // server has begun (launchbadge/sqlx#4385).
                let begun = tokio::spawn(async move { pool.begin().await }).await;
                let begun = begun.map_err(|_| sqlx::Error::PoolClosed)?;
                Tx(TxInner::Postgres(begun?), None)
            }
        })
    }

    /// Asks the (migrated) database a small question.
    pub async fn ping(&self) -> Result<(), StorageError> {
        let mut db = self;
        on!(db, |c| sqlx::query(PING).execute(c).await?.rows_affected());
        Ok(())
    }

    /// Moves SQLite's write-ahead log into the database file, so that deleted text does not stay in it. `false` while
    /// somebody reads what stood there before: ask again soon. Does nothing elsewhere.
    pub async fn empty_log(&self) -> Result<bool, StorageError> {
        let Pools::Sqlite { write, pen, .. } = &self.0 else {
            return Ok(true);
        };
        let _held = pen.take(Row::Usual).await?;
        let mut writer = write.lend().await?;
        sqlx::query(SHORT_TIMEOUT).execute(&mut *writer).await?;
        let emptied: Result<(i64, i64, i64), sqlx::Error> =
            sqlx::query_as(EMPTY_LOG).fetch_one(&mut *writer).await;
        sqlx::query(LONG_TIMEOUT).execute(&mut *writer).await?;
        let (busy, _, _) = emptied?;
        writer.settled();
        Ok(busy == 0)
    }

    pub const fn kind(&self) -> DbKind {
        match &self.0 {
            Pools::Sqlite { .. } => DbKind::Sqlite,
            Pools::Postgres(_) => DbKind::Postgres,
        }
    }

    /// Waits for connections in use and closes them all.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Sqlite { read, write, .. } => {
                read.close().await;
                // The last one to close folds the write-ahead log into the file.
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

#[derive(Debug)]
pub(crate) enum TxInner {
    /// Begun, and not settled: dropped, it is rolled back.
    Sqlite(Lent),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction. What is not committed never happened.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Tx(
    pub(crate) TxInner,
    /// Given back after the transaction has ended, for fields are dropped in their order.
    Option<HeldPen>,
);

impl Tx {
    /// When this returns, everything written here survives a power cut.
    pub async fn commit(self) -> Result<(), StorageError> {
        let span = tracing::info_span!(target: "nexus_trace", "store.commit", kind = self.kind().as_str());
        self.committed().instrument(span).await
    }

    async fn committed(self) -> Result<(), StorageError> {
        let Self(tx, held) = self;
        match tx {
            TxInner::Sqlite(tx) => end(tx, "COMMIT").await?,
            TxInner::Postgres(tx) => tx.commit().await?,
        }
        drop(held);
        Ok(())
    }

    /// Forgets everything written here. Dropping does the same a little later.
    pub async fn rollback(self) -> Result<(), StorageError> {
        let Self(tx, held) = self;
        match tx {
            TxInner::Sqlite(tx) => end(tx, "ROLLBACK").await?,
            TxInner::Postgres(tx) => tx.rollback().await?,
        }
        drop(held);
        Ok(())
    }

    pub(crate) const fn kind(&self) -> DbKind {
        match &self.0 {
            TxInner::Sqlite(_) => DbKind::Sqlite,
            TxInner::Postgres(_) => DbKind::Postgres,
        }
    }
}

async fn end(mut tx: Lent, how: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(how).execute(&mut *tx).await?;
    tx.settled();
    Ok(())
}

/// Gives `Db` and `Tx` the door to an aggregate: readers on both, writers on `Tx`.
macro_rules! aggregates {
    ($($(#[$meta:meta])* $method:ident: $name:ident;)+) => {
        impl Db {
            $($(#[$meta])* pub const fn $method(&self) -> crate::$name<&Self> { crate::$name(self) })+
        }
        impl Tx {
            $($(#[$meta])* pub const fn $method(&mut self) -> crate::$name<&mut Self> { crate::$name(self) })+
        }
    };
}

aggregates! {
    answers: Answers;
    api_keys: ApiKeys;
    audit: Audit;
    bot_leases: BotLeases;
    bots: Bots;
    buttons: Buttons;
    cached: Cached;
    chats: Chats;
    chunks: Chunks;
    conversations: Conversations;
    deliveries: Deliveries;
    dialogues: Dialogues;
    documents: Documents;
    embeddings: Embeddings;
    feedback: Feedbacks;
    generations: Generations;
    idempotency: Idempotency;
    incoming_webhooks: IncomingWebhooks;
    kb_bots: KbBots;
    kept_passages: KeptPassages;
    kb_quality: KbQualities;
    knowledge_bases: KnowledgeBases;
    members: Members;
    model_calls: ModelCalls;
    proofs: Proofs;
    quotas: QuotaUsage;
    rights: Rights;
    service_tokens: ServiceTokens;
    sessions: Sessions;
    settings: Settings;
    shown_passages: ShownPassages;
    sources: Sources;
    standing_questions: StandingQuestions;
    subscriptions: Subscriptions;
    tasks: Tasks;
    telegram_files: TelegramFiles;
    updates: Updates;
    uploads: Uploads;
    users: Users;
    versions: Versions;
    webhook_deliveries: WebhookDeliveries;
    webhooks: Webhooks;
}

/// What stands behind `sqlite:`: a path, with or without `//` before it.
fn sqlite_path(rest: &str) -> Result<PathBuf, StorageError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path == ":memory:" {
        return Err(StorageError::InvalidUrl(
            "'sqlite:' needs the path of a file".to_owned(),
        ));
    }
    Ok(PathBuf::from(path))
}

async fn open_sqlite(path: PathBuf, options: DbOptions) -> Result<Db, StorageError> {
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(|source| StorageError::CreateFolder {
                path: folder.to_owned(),
                source,
            })?;
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENT_CACHE);
    // The writer comes first: it creates the file.
    let writer = connect
        .clone()
        .pragma("cache_size", WRITER_CACHE)
        // What is deleted is overwritten, not only let go.
        .pragma("secure_delete", "ON")
        .optimize_on_close(true, None);
    let patience = options.acquire_timeout;
    let write = Lender::open(writer, 1, patience, LONG_TIMEOUT).await?;
    let reader = connect.pragma("query_only", "ON");
    let read = Lender::open(reader, options.max_connections.max(1), patience, LONG_TIMEOUT).await?;
    let pen = Pen::new(options.acquire_timeout);
    Ok(Db(Pools::Sqlite { read, write, pen }))
}

async fn open_postgres(url: &str, options: DbOptions) -> Result<Db, StorageError> {
    let connect = PgConnectOptions::from_str(url)
        .map_err(|error| StorageError::InvalidUrl(error.to_string()))?
        .statement_cache_capacity(STATEMENT_CACHE);
    let pool = PgPoolOptions::new()
        .max_connections(options.max_connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|conn, was| {
            Box::pin(async move { Ok(was.idle_for < STALE || conn.ping().await.is_ok()) })
        })
        .connect_with(connect)
        .await?;
    Ok(Db(Pools::Postgres(pool)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_url_is_a_path() {
        assert_eq!(sqlite_path("data/nexus.db").unwrap(), Path::new("data/nexus.db"));
        assert_eq!(
            sqlite_path("//data/nexus.db").unwrap(),
            Path::new("data/nexus.db")
        );
        assert_eq!(sqlite_path("/srv/nexus.db").unwrap(), Path::new("/srv/nexus.db"));
        assert_eq!(
            sqlite_path("///srv/nexus.db").unwrap(),
            Path::new("/srv/nexus.db")
        );
        assert!(sqlite_path("").is_err() && sqlite_path(":memory:").is_err());
    }
}
