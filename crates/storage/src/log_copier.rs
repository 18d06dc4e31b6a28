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
/// For the writer's connection: it copies the log itself only after these pages (16 MiB), should the copier not come by in time.
pub(crate) const BACKSTOP: &str = "PRAGMA wal_autocheckpoint = 4096";
/// Before it, a copy that is made while a writer begins the log anew may lose what was committed
/// (<https://sqlite.org/wal.html>, "The WAL-Reset Bug").
const SAFE: [u32; 3] = [3, 51, 3];
/// Copies what it can without waiting for anybody.
const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Whether SQLite of this version copies its log rightly while somebody else writes.
pub(crate) fn is_safe_on(version: &str) -> bool {
    let numbers = version.split('.').map(str::parse);
    let numbers: Result<Vec<u32>, _> = numbers.collect();
    numbers.is_ok_and(|numbers| numbers.as_slice() >= SAFE.as_slice())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_copied_beside_a_writer_only_where_sqlite_can() {
        for version in ["3.51.3", "3.52.0", "4.0", "3.51.3.1"] {
            assert!(is_safe_on(version), "{version}");
        }
        for version in ["3.51.2", "3.46.1", "3.51", "", "new"] {
            assert!(!is_safe_on(version), "{version}");
        }
    }
}
