//! Migrations are tested on rows: a database of an older schema is filled, migrated, and read.

use futures::future::join_all;
use nexus_storage::testing::{TestDb, migrate_to, postgres_empty, sqlite_empty};
use nexus_storage::{Db, DbOptions, StorageError};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::support::{Shelf, new_kb};

async fn empty_databases() -> Vec<TestDb> {
    let mut databases = vec![sqlite_empty().await];
    databases.extend(postgres_empty().await);
    databases
}

/// Runs a statement behind the program's back.
async fn meddle(test: &TestDb, sql: &'static str) {
    match test.url().strip_prefix("sqlite:") {
        Some(path) => {
            let mut conn = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(path)
                .connect()
                .await
                .unwrap();
            conn.execute(sql).await.unwrap();
            conn.close().await.unwrap();
        }
        None => {
            let mut conn = sqlx::PgConnection::connect(test.url()).await.unwrap();
            conn.execute(sql).await.unwrap();
            conn.close().await.unwrap();
        }
    }
}

/// What a program of schema 1 wrote: a document that the first model has embedded, and one that it has not.
#[tokio::test]
async fn rows_of_every_schema_are_read_by_this_one() {
    for test in empty_databases().await {
        migrate_to(&test, 1).await;
        let shelf = Shelf::new(&test, "kb").await;
        let (embedded, _) = shelf.publish("a.md", &["text"]).await;
        meddle(&test, "UPDATE document_versions SET dense_generation = 1").await;
        let (waiting, _) = shelf.publish("b.md", &["more", "text"]).await;
        meddle(
            &test,
            "INSERT INTO generations (id, model, dimension, active) VALUES (1, 'e5', 384, TRUE)",
        )
        .await;
        test.migrate().await.unwrap();
        test.check_schema().await.unwrap();
        assert_eq!(shelf.texts(embedded.id).await, ["text"]);
        let active = test.generations().active().await.unwrap().unwrap();
        assert!(!active.pending);
        let left = test
            .versions()
            .unembedded(shelf.kb, active.id, None, 9)
            .await
            .unwrap();
        let left: Vec<_> = left.into_iter().map(|version| version.id).collect();
        assert_eq!(left, [waiting.version_id]);
    }
}

#[tokio::test]
async fn processes_that_start_together_migrate_once() {
    for test in empty_databases().await {
        let starts = (0..4).map(|_| {
            let url = test.url().to_owned();
            tokio::spawn(async move {
                let db = Db::connect(
                    &url,
                    DbOptions {
                        max_connections: 2,
                        ..DbOptions::default()
                    },
                )
                .await
                .unwrap();
                db.migrate().await.unwrap();
                db.check_schema().await.unwrap();
                db.close().await;
            })
        });
        assert!(join_all(starts).await.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn an_unmigrated_database_is_too_old() {
    for test in empty_databases().await {
        let error = test.check_schema().await.unwrap_err();
        assert!(
            matches!(error, StorageError::SchemaTooOld { found: 0, .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    const NEWER: &str =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'from the future', TRUE, '', 0)";
    for test in empty_databases().await {
        test.migrate().await.unwrap();
        meddle(&test, NEWER).await;
        for error in [
            test.check_schema().await.unwrap_err(),
            test.migrate().await.unwrap_err(),
        ] {
            assert!(
                matches!(error, StorageError::SchemaTooNew { found: 9999, known } if known < 9999),
                "{error:?}"
            );
        }
        // The refusal holds no lock: the newer program can go on.
        meddle(&test, "DELETE FROM _sqlx_migrations WHERE version = 9999").await;
        test.migrate().await.unwrap();
    }
}

#[tokio::test]
async fn a_migration_that_was_edited_is_refused() {
    for test in empty_databases().await {
        test.migrate().await.unwrap();
        meddle(
            &test,
            "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1",
        )
        .await;
        let error = test.migrate().await.unwrap_err();
        assert!(matches!(error, StorageError::Migration(_)), "{error:?}");
    }
}

#[tokio::test]
async fn values_that_this_program_does_not_know_are_corrupt_and_no_panic() {
    for test in empty_databases().await {
        test.migrate().await.unwrap();
        let shelf = Shelf::new(&test, "kb").await;
        let (document, _) = shelf.publish("a.md", &["text"]).await;
        meddle(&test, "UPDATE documents SET format = 'hologram'").await;
        let error = test.documents().get(document.id).await.unwrap_err();
        assert!(
            matches!(&error, StorageError::Corrupt { what } if what.contains("hologram")),
            "{error:?}"
        );
        meddle(&test, "UPDATE chunks SET heading_path = 'no json'").await;
        let error = test.chunks().of_document(document.id).await.unwrap_err();
        assert!(matches!(error, StorageError::Corrupt { .. }), "{error:?}");
        let mut tx = test.begin().await.unwrap();
        tx.knowledge_bases().insert(&new_kb("still works")).await.unwrap();
        tx.commit().await.unwrap();
    }
}
