//! Throw-away databases for tests: SQLite in a temporary folder, and schemas of one PostgreSQL server that is
//! started from the installed binaries and ends with the process. The embedded back end is the test double; nothing
//! here fakes a database.

mod postgres;

use std::ops::Deref;

use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tempfile::TempDir;

use crate::db::{Db, DbKind, DbOptions};
use crate::dialect::PAIRS;
use crate::{
    answers, api_keys, audit, bots, cached, chats, chunks, db, deliveries, documents, embeddings,
    generations, idempotency, kb_bots, knowledge_bases, members, migrate, model_calls, passages, proofs,
    purge, quality, quotas, rights, service_tokens, sessions, settings, source_reports, sources,
    standing_questions, subscriptions, tasks, uploads, users, versions, webhooks,
};

pub use postgres::postgres_url;

/// Connections of a test's database: enough for races, few enough for many tests at once.
const OPTIONS: DbOptions = DbOptions {
    max_connections: 4,
    acquire_timeout: std::time::Duration::from_secs(30),
};

/// A migrated database that goes with its last owner.
#[derive(Debug)]
pub struct TestDb {
    db: Db,
    url: String,
    _folder: Option<TempDir>,
}

impl TestDb {
    /// What [`Db::connect`] takes: for another process, or for another pool.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

/// A migrated SQLite database in a folder of its own.
///
/// # Panics
/// Where the temporary folder cannot be written.
pub async fn sqlite() -> TestDb {
    let test = sqlite_empty().await;
    test.migrate().await.expect("an empty database can be migrated");
    test
}

/// The same without a schema.
///
/// # Panics
/// Where the temporary folder cannot be written.
pub async fn sqlite_empty() -> TestDb {
    let folder = tempfile::tempdir().expect("the temporary folder can be written");
    let url = format!("sqlite:{}", folder.path().join("nexus.db").display());
    let db = Db::connect(&url, OPTIONS)
        .await
        .expect("a new file can be opened");
    TestDb {
        db,
        url,
        _folder: Some(folder),
    }
}

/// A migrated PostgreSQL schema of its own, or `None` (with a printed sentence) where PostgreSQL is not installed.
///
/// # Panics
/// Where `CI` is set and PostgreSQL is not installed, and where the installed one does not start.
pub async fn postgres() -> Option<TestDb> {
    let test = postgres_empty().await?;
    test.migrate().await.expect("an empty database can be migrated");
    Some(test)
}

/// The same without a schema.
///
/// # Panics
/// As [`postgres`].
pub async fn postgres_empty() -> Option<TestDb> {
    let url = postgres_url().await?;
    let db = Db::connect(&url, OPTIONS)
        .await
        .expect("the test's server takes connections");
    Some(TestDb {
        db,
        url,
        _folder: None,
    })
}

/// Every statement of this crate, as this database gets it.
pub fn statements(kind: DbKind) -> Vec<&'static str> {
    let files = [
        api_keys::STATEMENTS,
        audit::STATEMENTS,
        cached::STATEMENTS,
        chunks::STATEMENTS,
        db::STATEMENTS,
        deliveries::STATEMENTS,
        documents::STATEMENTS,
        documents::WRITE_STATEMENTS,
        embeddings::STATEMENTS,
        generations::STATEMENTS,
        idempotency::STATEMENTS,
        kb_bots::STATEMENTS,
        knowledge_bases::STATEMENTS,
        members::STATEMENTS,
        migrate::STATEMENTS,
        model_calls::STATEMENTS,
        passages::STATEMENTS,
        proofs::STATEMENTS,
        purge::STATEMENTS,
        quality::STATEMENTS,
        quotas::STATEMENTS,
        rights::STATEMENTS,
        service_tokens::STATEMENTS,
        sessions::STATEMENTS,
        settings::STATEMENTS,
        source_reports::STATEMENTS,
        sources::STATEMENTS,
        standing_questions::STATEMENTS,
        subscriptions::STATEMENTS,
        uploads::STATEMENTS,
        users::STATEMENTS,
        versions::STATEMENTS,
    ];
    let pairs = PAIRS.iter().map(|pair| pair.on(kind));
    files
        .into_iter()
        .chain(answers::ALL_STATEMENTS)
        .chain(bots::ALL_STATEMENTS)
        .chain(chats::ALL_STATEMENTS)
        .chain(tasks::ALL_STATEMENTS)
        .chain(webhooks::ALL_STATEMENTS)
        .flatten()
        .copied()
        .chain(pairs)
        .collect()
}

/// What the tables of an SQLite database take on the disk, with their indexes, in bytes of whole pages.
///
/// # Panics
/// Where the file cannot be read.
pub async fn table_bytes(file: &std::path::Path) -> std::collections::BTreeMap<String, i64> {
    const TABLES: &str =
        "SELECT m.tbl_name, SUM(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name
        GROUP BY m.tbl_name";
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file)
        .read_only(true);
    let mut conn = options.connect().await.expect("the file is a database");
    let sizes: Vec<(String, i64)> = sqlx::query_as(TABLES)
        .fetch_all(&mut conn)
        .await
        .expect("SQLite knows its own pages");
    sizes.into_iter().collect()
}

/// Runs a statement behind the program's back, on the database that [`Db::connect`] opens by this address.
///
/// # Panics
/// Where the database refuses it.
pub async fn meddle(url: &str, sql: &str) {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut conn = options.connect().await.expect("the file is a database");
            conn.execute(sql).await.expect("the statement is right");
            conn.close().await.expect("a connection can be closed");
        }
        None => {
            let mut conn = sqlx::PgConnection::connect(url)
                .await
                .expect("the server takes connections");
            conn.execute(sql).await.expect("the statement is right");
            conn.close().await.expect("a connection can be closed");
        }
    }
}

/// Migrates up to one migration, to put rows there that the next ones must carry over.
///
/// # Panics
/// Where a migration fails.
pub async fn migrate_to(db: &Db, version: i64) {
    let up_to = |all: &sqlx::migrate::Migrator| {
        let known = all
            .iter()
            .filter(|migration| migration.version <= version)
            .cloned()
            .collect();
        sqlx::migrate::Migrator::with_migrations(known)
    };
    let (sqlite, postgres) = (up_to(&migrate::SQLITE), up_to(&migrate::POSTGRES));
    migrate::run_with(db, &sqlite, &postgres)
        .await
        .expect("the first migrations can be applied");
}
