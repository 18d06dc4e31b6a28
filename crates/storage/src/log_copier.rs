//! SQLite's write-ahead log is copied into the database file beside those who write, and not by one of them after their commit
//! with the pen in their hand. Only what was written meanwhile is copied with the pen: then the next writer begins the log anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::pen::{Pen, Row};

/// Commits after which the log is copied at once.
const MANY: u32 = 128;
/// How long fewer of them wait.
const PAUSE: Duration = Duration::from_secs(1);
/// Pages of the log after which a writer copies it, should the copier not come by in time: 16 MiB.
pub(crate) const BACKSTOP: &str = "4096";
/// Copies what it can without waiting for anybody.
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Ends with its last clone.
#[derive(Clone, Debug)]
pub(crate) struct LogCopier {
    commits: Arc<Commits>,
    pool: SqlitePool,
    _running: Arc<DropGuard>,
}

#[derive(Debug, Default)]
struct Commits {
    count: AtomicU32,
    some: Notify,
    many: Notify,
}

impl LogCopier {
    /// Within a runtime. The pool has one connection, which copies.
    pub(crate) fn start(pool: SqlitePool, pen: Pen) -> Self {
        let commits = Arc::<Commits>::default();
        let stop = CancellationToken::new();
        let copying = copy_again_and_again(pool.clone(), pen, Arc::clone(&commits));
        tokio::spawn(stop.clone().run_until_cancelled_owned(copying));
        Self {
            commits,
            pool,
            _running: Arc::new(stop.drop_guard()),
        }
    }

    pub(crate) fn committed(&self) {
        match self.commits.count.fetch_add(1, Ordering::Relaxed) + 1 {
            1 => self.commits.some.notify_one(),
            MANY => self.commits.many.notify_one(),
            _ => {}
        }
    }

    /// Waits until nothing is being copied.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

async fn copy_again_and_again(pool: SqlitePool, pen: Pen, commits: Arc<Commits>) {
    loop {
        commits.some.notified().await;
        // Too early where the last ones were many just when the pause was over: that costs one look.
        let _ = tokio::time::timeout(PAUSE, commits.many.notified()).await;
        commits.count.store(0, Ordering::Relaxed);
        match copied(&pool, &pen).await {
            Ok(()) => {}
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => {
                tracing::warn!(%error, "the database's log could not be copied; a writer does it if it grows");
            }
        }
    }
}

async fn copied(pool: &SqlitePool, pen: &Pen) -> Result<(), sqlx::Error> {
    sqlx::query(COPY).execute(pool).await?;
    let Ok(_held) = pen.take(Row::Usual).await else {
        return Ok(());
    };
    sqlx::query(COPY).execute(pool).await?;
    Ok(())
}
