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

/// Fails unless nothing is begun.
const PROOF: &str = "BEGIN; ROLLBACK";

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
    /// What a connection is told that was left in the middle of something: all that callers ever change, as it was.
    renewal: &'static str,
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
        renewal: &'static str,
    ) -> Result<Self, sqlx::Error> {
        let first = connect.connect().await?;
        let lender = Arc::new(Inner {
            connect,
            most,
            patience,
            places: Arc::new(Semaphore::new(most as usize)),
            renewal,
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
                if let Some(conn) = cleaned(conn, lender.renewal).await {
                    lender.put_back(conn);
                }
                drop(place);
            });
        }
        // Without a runtime nobody can look at it: it is closed, which rolls back.
    }
}

/// The connection as if it were new, unless it is broken.
async fn cleaned(mut conn: SqliteConnection, renewal: &'static str) -> Option<SqliteConnection> {
    let _ = sqlx::raw_sql(END).execute(&mut conn).await;
    for sql in [PROOF, renewal] {
        if let Err(error) = sqlx::raw_sql(sql).execute(&mut conn).await {
            tracing::warn!(%error, "a connection to the database is closed, for it does not answer as it should");
            return None;
        }
    }
    Some(conn)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures::poll;

    use super::*;

    /// Longer than any test takes.
    const PATIENT: Duration = Duration::from_secs(60);
    const RENEWAL: &str = "PRAGMA busy_timeout = 12345";

    async fn lender(folder: &Path, most: u32, patience: Duration) -> Lender {
        let connect = SqliteConnectOptions::new()
            .filename(folder.join("db"))
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
        Lender::open(connect, most, patience, RENEWAL).await.unwrap()
    }

    async fn run(lent: &mut Lent, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut **lent).await.unwrap();
    }

    async fn number(lent: &mut Lent, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut **lent).await.unwrap()
    }

    /// A number that only this connection knows; each has another one.
    async fn mark(lent: &mut Lent) -> i64 {
        run(lent, "CREATE TEMP TABLE mark AS SELECT random() AS mark").await;
        marked(lent).await.unwrap()
    }

    async fn marked(lent: &mut Lent) -> Option<i64> {
        let mark = sqlx::query_scalar("SELECT mark FROM temp.mark");
        mark.fetch_one(&mut **lent).await.ok()
    }

    #[tokio::test]
    async fn the_connection_that_was_used_last_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let lender = lender(folder.path(), 3, PATIENT).await;
        let (mut one, mut two) = (lender.lend().await.unwrap(), lender.lend().await.unwrap());
        let (first, second) = (mark(&mut one).await, mark(&mut two).await);
        two.settled();
        one.settled();
        let mut next = lender.lend().await.unwrap();
        assert_eq!(marked(&mut next).await, Some(first));
        let mut other = lender.lend().await.unwrap();
        assert_eq!(marked(&mut other).await, Some(second));
    }

    #[tokio::test]
    async fn no_more_are_lent_than_there_are_and_who_waits_in_vain_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let impatient = lender(folder.path(), 1, Duration::from_millis(20)).await;
        let held = impatient.lend().await.unwrap();
        let error = impatient.lend().await.unwrap_err();
        assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error:?}");
        held.settled();
        impatient.lend().await.unwrap().settled();
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_one_and_who_leaves_the_row_takes_none() {
        let folder = tempfile::tempdir().unwrap();
        let lender = lender(folder.path(), 1, PATIENT).await;
        let mut held = lender.lend().await.unwrap();
        let same = mark(&mut held).await;
        {
            let mut leaves = std::pin::pin!(lender.lend());
            assert!(poll!(&mut leaves).is_pending());
        }
        let mut waits = std::pin::pin!(lender.lend());
        assert!(poll!(&mut waits).is_pending());
        held.settled();
        let mut next = waits.await.unwrap();
        assert_eq!(marked(&mut next).await, Some(same));
    }

    #[tokio::test]
    async fn whoever_leaves_while_a_connection_is_opened_keeps_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let lender = lender(folder.path(), 2, PATIENT).await;
        let first = lender.lend().await.unwrap();
        for _ in 0..3 {
            let mut opens = std::pin::pin!(lender.lend());
            assert!(poll!(&mut opens).is_pending());
        }
        lender.lend().await.unwrap().settled();
        first.settled();
    }

    #[tokio::test]
    async fn what_was_left_in_the_middle_is_ended_before_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let lender = lender(folder.path(), 1, PATIENT).await;
        let mut held = lender.lend().await.unwrap();
        let same = mark(&mut held).await;
        run(&mut held, "CREATE TABLE t (x)").await;
        run(&mut held, "PRAGMA busy_timeout = 7").await;
        run(&mut held, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").await;
        drop(held);
        let mut next = lender.lend().await.unwrap();
        assert_eq!(marked(&mut next).await, Some(same), "it is kept");
        assert_eq!(number(&mut next, "SELECT COUNT(*) FROM t").await, 0);
        assert_eq!(number(&mut next, "PRAGMA busy_timeout").await, 12_345);
    }

    #[tokio::test]
    async fn closing_waits_for_what_is_lent_and_closes_all() {
        let folder = tempfile::tempdir().unwrap();
        let lender = lender(folder.path(), 2, PATIENT).await;
        let (mut held, other) = (lender.lend().await.unwrap(), lender.lend().await.unwrap());
        run(&mut held, "CREATE TABLE t (x)").await;
        other.settled();
        let mut close = std::pin::pin!(lender.close());
        assert!(poll!(&mut close).is_pending());
        let error = lender.lend().await.unwrap_err();
        assert!(matches!(error, sqlx::Error::PoolClosed), "{error:?}");
        let log = folder.path().join("db-wal");
        assert!(log.is_file());
        // Left in the middle: it is put in order, and then closed.
        drop(held);
        close.await;
        assert!(!log.exists(), "the last connection that is closed takes it along");
        let error = lender.lend().await.unwrap_err();
        assert!(matches!(error, sqlx::Error::PoolClosed), "{error:?}");
    }

    #[test]
    fn a_connection_that_is_dropped_outside_of_a_runtime_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (lender, held) = runtime.block_on(async {
            let lender = lender(folder.path(), 1, PATIENT).await;
            let mut held = lender.lend().await.unwrap();
            mark(&mut held).await;
            run(&mut held, "CREATE TABLE t (x)").await;
            run(&mut held, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").await;
            (lender, held)
        });
        drop(held);
        runtime.block_on(async {
            let mut next = lender.lend().await.unwrap();
            assert_eq!(marked(&mut next).await, None, "it is another one");
            run(&mut next, "BEGIN IMMEDIATE; COMMIT").await;
            assert_eq!(number(&mut next, "SELECT COUNT(*) FROM t").await, 0);
        });
    }
}
