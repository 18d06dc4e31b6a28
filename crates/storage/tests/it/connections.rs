use std::pin::pin;
use std::sync::{Arc, Mutex};

use nexus_storage::testing::sqlite;
use nexus_storage::{Db, DbKind, DbOptions, StorageError};
use sqlx::Connection as _;

on_both_databases! {
    a_database_answers_until_it_is_closed
    whoever_leaves_in_the_middle_is_cleaned_up_after
}

async fn a_database_answers_until_it_is_closed(db: &Db) {
    db.ping().await.unwrap();
    let other = db.clone();
    other.close().await;
    let error = db.ping().await.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
}

/// Gives it so many turns of the runtime; whether it has ended by then.
async fn ends_within(turns: u32, future: impl Future) -> bool {
    let mut future = pin!(future);
    for _ in 0..turns {
        if futures::poll!(&mut future).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

async fn whoever_leaves_in_the_middle_is_cleaned_up_after(db: &Db) {
    let write = async |value: String| {
        let mut tx = db.begin().await.unwrap();
        for key in ["turn", "one", "other"] {
            tx.settings().set(key, &value).await.unwrap();
        }
        tx.commit().await.unwrap();
    };
    let (mut left, mut ended) = (0, 0);
    for round in 0..8 {
        for turns in (0..17).map(|power| 1 << power) {
            for has_ended in [
                ends_within(turns, write(format!("{round} {turns}"))).await,
                ends_within(turns, async { db.settings().get("one").await.unwrap() }).await,
            ] {
                *if has_ended { &mut ended } else { &mut left } += 1;
            }
            let mut tx = db.begin().await.unwrap();
            // Waits for what was left, which may yet be committed.
            tx.settings().set("turn", "mine").await.unwrap();
            let one = tx.settings().get("one").await.unwrap();
            assert_eq!(
                one,
                tx.settings().get("other").await.unwrap(),
                "half of a transaction"
            );
            tx.rollback().await.unwrap();
        }
    }
    assert!(left > 0 && ended > 0, "{left} left, {ended} ended");
    // Nothing is lost: one may write after the other.
    let all = (0..8).map(|_| async {
        let mut tx = db.begin().await.unwrap();
        tx.settings().set("one", "last").await.unwrap();
        tx.commit().await.unwrap();
        db.settings().get("one").await.unwrap()
    });
    for read in futures::future::join_all(all).await {
        assert_eq!(read.as_deref(), Some("last"));
    }
}

#[tokio::test]
async fn the_folder_of_the_file_is_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/nexus.db");
    let db = Db::connect(&format!("sqlite:{}", path.display()), DbOptions::default())
        .await
        .unwrap();
    assert_eq!(db.kind(), DbKind::Sqlite);
    assert!(path.is_file());
}

#[tokio::test]
async fn a_folder_that_cannot_be_created_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let url = format!("sqlite:{}", folder.path().join("file/sub/nexus.db").display());
    let error = Db::connect(&url, DbOptions::default()).await.unwrap_err();
    assert!(
        matches!(&error, StorageError::CreateFolder { path, .. } if path.ends_with("file/sub")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_wrong_url_is_refused_without_telling_its_password() {
    for url in [
        "",
        "nexus.db",
        "mysql://root:geheim@localhost/x",
        "sqlite::memory:",
        "postgres://me:geheim@[/x",
    ] {
        let error = Db::connect(url, DbOptions::default()).await.unwrap_err();
        assert!(matches!(error, StorageError::InvalidUrl(_)), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("geheim"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let options = DbOptions {
        acquire_timeout: std::time::Duration::from_millis(200),
        ..DbOptions::default()
    };
    let error = Db::connect("postgres://nobody@127.0.0.1:1/x", options)
        .await
        .unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
}

#[tokio::test]
async fn what_goes_ahead_is_written_before_what_has_waited_longer() {
    let test = sqlite().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let writes = |name: &'static str| {
        let (db, order) = (Db::clone(&test), Arc::clone(&order));
        tokio::spawn(async move {
            let tx = match name {
                "ahead" => db.begin_ahead().await.unwrap(),
                _ => db.begin().await.unwrap(),
            };
            order.lock().unwrap().push(name);
            tx.commit().await.unwrap();
        })
    };
    let held = test.begin().await.unwrap();
    let mut all = Vec::new();
    for name in ["first", "second", "ahead"] {
        all.push(writes(name));
        // Each waits before the next one comes.
        tokio::task::yield_now().await;
    }
    // Whether it is committed or not.
    drop(held);
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), ["ahead", "first", "second"]);
}

#[tokio::test]
async fn sqlite_runs_as_promised() {
    let test = sqlite().await;
    let path = test.url().strip_prefix("sqlite:").unwrap().to_owned();
    assert!(
        std::path::Path::new(&format!("{path}-wal")).is_file(),
        "write-ahead logging is on"
    );
    test.close().await;
    assert!(
        !std::path::Path::new(&format!("{path}-wal")).exists(),
        "closing folds the log into the file"
    );
}

#[tokio::test]
async fn a_log_that_somebody_reads_is_not_told_to_be_empty() {
    let test = sqlite().await;
    let write = async |value: &'static str| {
        let mut tx = test.begin().await.unwrap();
        tx.settings().set("key", value).await.unwrap();
        tx.commit().await.unwrap();
    };
    write("old").await;
    let mut reader = sqlx::SqliteConnection::connect(test.url()).await.unwrap();
    sqlx::query("BEGIN").execute(&mut reader).await.unwrap();
    sqlx::query("SELECT * FROM settings")
        .fetch_all(&mut reader)
        .await
        .unwrap();
    write("new").await;
    let begun = std::time::Instant::now();
    assert!(!test.empty_log().await.unwrap(), "the reader still sees what was");
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(10),
        "writers are not kept waiting for it"
    );
    sqlx::query("COMMIT").execute(&mut reader).await.unwrap();
    assert!(test.empty_log().await.unwrap());
    let log = format!("{}-wal", test.url().strip_prefix("sqlite:").unwrap());
    assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
}

#[tokio::test]
async fn readers_of_sqlite_do_not_wait_for_the_writer() {
    let test = sqlite().await;
    let mut tx = test.begin().await.unwrap();
    tx.settings().set("key", "new").await.unwrap();
    assert_eq!(test.settings().get("key").await.unwrap(), None);
    tx.commit().await.unwrap();
    assert_eq!(test.settings().get("key").await.unwrap().as_deref(), Some("new"));
}

/// Services spawn these futures: it compiles only if all of them are `Send`.
#[test]
fn futures_can_move_between_threads() {
    fn send<T: Send>(_: T) {}
    fn check(db: &Db, tx: &mut nexus_storage::Tx, id: nexus_domain::KbId) {
        send(db.knowledge_bases().get(id));
        send(db.begin());
        send(db.migrate());
        send(db.check_schema());
        send(db.ping());
        send(db.chunks().indexable_by_versions(&[]));
        send(tx.knowledge_bases().purge_step(id, 1));
        send(tx.documents().write_pending(&[]));
    }
    let _ = check;
}
