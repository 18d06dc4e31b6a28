//! Connections to SQLite, lent to one caller at a time. A connection is a thread of its own with its own cache, so the one that
//! was used last goes first, and one that comes back in order costs nothing: sqlx's pool spawns a task for it and asks the
//! thread once more (ADR 23).

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Ends what was begun. Fails where nothing was, or where it has ended already.
const END: &str = "ROLLBACK";

/// Fails unless nothing is begun; then all is as in a new connection.
const AS_NEW: &str = "BEGIN; ROLLBACK; PRAGMA busy_timeout = 30000";

/// Lends so many connections, which are opened when they are first needed. Clones lend the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Lender(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connect: SqliteConnectOptions,
    most: u32,
    /// How long somebody waits before they are told that the database is busy.
    patience: Duration,
    /// One for each connection that is not lent, whether it is open or not. Who waits is served in the order of coming.
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The one that was used last lies on top.
    idle: Vec<SqliteConnection>,
    is_closed: bool,
}

/// A connection in somebody's hands. Dropped without [`Lent::settled`], it is looked at before anybody else gets it: its
/// transaction is rolled back, and if that cannot be done it is closed.
#[derive(Debug)]
pub(crate) struct Lent {
    /// Until it is dropped.
    held: Option<(SqliteConnection, OwnedSemaphorePermit)>,
    lender: Arc<Inner>,
    is_settled: bool,
}

impl Lender {
    /// Opens one connection, so that whoever cannot is told at once.
    pub(crate) async fn open(
        connect: SqliteConnectOptions,
        most: u32,
        patience: Duration,
    ) -> Result<Self, sqlx::Error> {
        let first = connect.connect().await?;
        let lender = Arc::new(Inner {
            connect,
            most,
            patience,
            places: Arc::new(Semaphore::new(most as usize)),
            state: Mutex::default(),
        });
        lender.put_back(first);
        Ok(Self(lender))
    }

    /// Waits for a connection.
    pub(crate) async fn lend(&self) -> Result<Lent, sqlx::Error> {
        let lender = &self.0;
        if lender.state().is_closed {
            return Err(sqlx::Error::PoolClosed);
        }
        let place = match Arc::clone(&lender.places).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::Closed) => return Err(sqlx::Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => {
                let turn = Arc::clone(&lender.places).acquire_owned();
                let turn = tokio::time::timeout(lender.patience, turn).await;
                let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
                turn.map_err(|_| sqlx::Error::PoolClosed)?
            }
        };
        let idle = lender.state().idle.pop();
        let conn = match idle {
            Some(conn) => conn,
            None => lender.connect.connect().await?,
        };
        Ok(Lent {
            held: Some((conn, place)),
            lender: Arc::clone(lender),
            is_settled: false,
        })
    }

    /// Waits for what is lent, and for those who wait for it already, and closes all. Nobody else gets a connection.
    pub(crate) async fn close(&self) {
        let lender = &self.0;
        lender.state().is_closed = true;
        let all = lender.places.acquire_many(lender.most).await;
        lender.places.close();
        let idle = std::mem::take(&mut lender.state().idle);
        for conn in idle {
            if let Err(error) = conn.close().await {
                tracing::warn!(%error, "a connection to the database was not closed in order");
            }
        }
        drop(all);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can fail half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put_back(&self, conn: SqliteConnection) {
        self.state().idle.push(conn);
    }
}

impl Lent {
    /// Gives it back. Nothing was left in the middle: each statement has ended, and no transaction is open.
    pub(crate) fn settled(mut self) {
        self.is_settled = true;
    }
}

const GONE: &str = "it goes when this is dropped";

impl Deref for Lent {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.held.as_ref().expect(GONE).0
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.held.as_mut().expect(GONE).0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some((conn, place)) = self.held.take() else {
            return;
        };
        let lender = Arc::clone(&self.lender);
        if self.is_settled {
            lender.put_back(conn);
            // The place is free after the connection lies there.
            drop(place);
        } else if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if let Some(conn) = cleaned(conn).await {
                    lender.put_back(conn);
                }
                drop(place);
            });
        }
        // Without a runtime nobody can look at it: it is closed, which rolls back.
    }
}

/// The connection as if it were new, unless it is broken.
async fn cleaned(mut conn: SqliteConnection) -> Option<SqliteConnection> {
    let _ = sqlx::raw_sql(END).execute(&mut conn).await;
    match sqlx::raw_sql(AS_NEW).execute(&mut conn).await {
        Ok(_) => Some(conn),
        Err(error) => {
            tracing::warn!(%error, "a connection to the database is closed, for it does not answer as it should");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lender(most: u32) -> (tempfile::TempDir, Lender) {
        let folder = tempfile::tempdir().unwrap();
        let connect = SqliteConnectOptions::new()
            .filename(folder.path().join("db"))
            .create_if_missing(true);
        let lender = Lender::open(connect, most, Duration::from_millis(50));
        let lender = lender.await.unwrap();
        (folder, lender)
    }

    /// A name that only this connection knows.
    async fn mark(lent: &mut Lent, name: &str) {
        let sql = format!("CREATE TEMP TABLE mark AS SELECT '{name}' AS name");
        let sql = sqlx::AssertSqlSafe(sql);
        sqlx::raw_sql(sql).execute(&mut **lent).await.unwrap();
    }

    async fn marked(lent: &mut Lent) -> Option<String> {
        let name = sqlx::query_scalar("SELECT name FROM temp.mark");
        name.fetch_one(&mut **lent).await.ok()
    }

    #[tokio::test]
    async fn the_connection_that_was_used_last_goes_first() {
        let (_folder, lender) = lender(3).await;
        let (mut first, mut second) = (lender.lend().await.unwrap(), lender.lend().await.unwrap());
        mark(&mut first, "first").await;
        mark(&mut second, "second").await;
        second.settled();
        first.settled();
        let mut next = lender.lend().await.unwrap();
        assert_eq!(marked(&mut next).await.as_deref(), Some("first"));
        let mut other = lender.lend().await.unwrap();
        assert_eq!(marked(&mut other).await.as_deref(), Some("second"));
    }

    #[tokio::test]
    async fn no_more_are_lent_than_there_are_and_who_waits_in_vain_is_told() {
        let (_folder, lender) = lender(1).await;
        let held = lender.lend().await.unwrap();
        let error = lender.lend().await.unwrap_err();
        assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error:?}");
        let waits = tokio::spawn({
            let lender = lender.clone();
            async move { lender.lend().await.map(Lent::settled) }
        });
        tokio::task::yield_now().await;
        held.settled();
        waits.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_was_left_in_the_middle_is_ended_before_the_next_one() {
        let (_folder, lender) = lender(1).await;
        let mut held = lender.lend().await.unwrap();
        mark(&mut held, "same").await;
        for sql in [
            "PRAGMA busy_timeout = 7",
            "CREATE TABLE t (x)",
            "BEGIN IMMEDIATE",
            "INSERT INTO t VALUES (1)",
        ] {
            sqlx::raw_sql(sql).execute(&mut *held).await.unwrap();
        }
        drop(held);
        let mut next = lender.lend().await.unwrap();
        assert_eq!(marked(&mut next).await.as_deref(), Some("same"), "it is kept");
        let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM t")
            .fetch_one(&mut *next)
            .await
            .unwrap();
        let patience: i64 = sqlx::query_scalar("PRAGMA busy_timeout")
            .fetch_one(&mut *next)
            .await
            .unwrap();
        assert_eq!((rows, patience), (0, 30_000));
    }

    #[tokio::test]
    async fn closing_waits_for_what_is_lent_and_lends_no_more() {
        let (folder, lender) = lender(2).await;
        let mut held = lender.lend().await.unwrap();
        let close = tokio::spawn({
            let lender = lender.clone();
            async move { lender.close().await }
        });
        tokio::task::yield_now().await;
        let error = lender.lend().await.unwrap_err();
        assert!(matches!(error, sqlx::Error::PoolClosed), "{error:?}");
        sqlx::raw_sql("CREATE TABLE t (x)")
            .execute(&mut *held)
            .await
            .unwrap();
        assert!(!close.is_finished());
        // Left in the middle: it is put in order, and then closed.
        drop(held);
        close.await.unwrap();
        let error = lender.lend().await.unwrap_err();
        assert!(matches!(error, sqlx::Error::PoolClosed), "{error:?}");
        std::fs::remove_file(folder.path().join("db")).unwrap();
    }

    #[test]
    fn a_connection_that_is_dropped_outside_of_a_runtime_is_closed() {
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
        };
        let inside = runtime();
        let (_folder, lender) = inside.block_on(lender(1));
        let held = inside.block_on(lender.lend()).unwrap();
        drop(held);
        inside.block_on(async {
            let mut next = lender.lend().await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE; COMMIT")
                .execute(&mut *next)
                .await
                .unwrap();
        });
    }
}
