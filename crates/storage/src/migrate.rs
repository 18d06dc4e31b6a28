//! The schema: embedded migrations, one migrator at a time, and the refusal of a schema that this program does not
//! know. Migrations come in pairs of equal number and name, are never edited after landing, and expand before they
//! contract, so that the program before them still runs.

use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};

use crate::db::{Db, Pools};
use crate::dialect::MIGRATIONS_TABLE;
use crate::error::StorageError;
use crate::session::on;
use crate::sql::statements;

pub(crate) static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
pub(crate) static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

statements! {
    APPLIED = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
}

/// The newest migration that this program knows.
fn known(db: &Db) -> i64 {
    let migrator = match &db.0 {
        Pools::Sqlite { .. } => &SQLITE,
        Pools::Postgres(_) => &POSTGRES,
    };
    migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

pub(crate) async fn run(db: &Db) -> Result<(), StorageError> {
    run_with(db, &SQLITE, &POSTGRES).await
}

/// `run` up to a migration of the caller's choice: for tests that migrate rows.
pub(crate) async fn run_with(db: &Db, sqlite: &Migrator, postgres: &Migrator) -> Result<(), StorageError> {
    let result = match &db.0 {
        Pools::Sqlite { write, .. } => {
            // sqlx does not lock SQLite: the whole run is one transaction that nobody can share.
            let mut writer = write.lend().await?;
            let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
            match sqlite.run(&mut *tx).await {
                Ok(()) => {
                    tx.commit().await?;
                    writer.settled();
                    return Ok(());
                }
                Err(error) => Err(error),
            }
        }
        Pools::Postgres(pool) => {
            // sqlx takes an advisory lock and keeps it if it fails, so a failed connection is closed.
            let mut conn = pool.acquire().await?.detach();
            let result = postgres.run(&mut conn).await;
            conn.close().await?;
            result
        }
    };
    result.map_err(|error| match error {
        MigrateError::VersionMissing(found) if found > known(db) => StorageError::SchemaTooNew {
            found,
            known: known(db),
        },
        MigrateError::Execute(cause) => match StorageError::from(cause) {
            StorageError::Database(cause) => StorageError::Migration(MigrateError::Execute(cause)),
            other => other,
        },
        other => StorageError::Migration(other),
    })
}

pub(crate) async fn check(mut db: &Db) -> Result<(), StorageError> {
    let table = MIGRATIONS_TABLE.on(db.kind());
    let found: i64 = on!(db, |c| {
        let exists = sqlx::query(table).fetch_optional(&mut *c).await?.is_some();
        if exists {
            sqlx::query_scalar(APPLIED).fetch_one(&mut *c).await?
        } else {
            0
        }
    });
    let known = known(db);
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(StorageError::SchemaTooOld { found, needed: known }),
        std::cmp::Ordering::Greater => Err(StorageError::SchemaTooNew { found, known }),
    }
}
