//! A turn: what a start has to do once is done by one process at a time, however many start together.

use sqlx::{Connection as _, PgConnection};

use crate::db::{Db, Pools};
use crate::dialect::{TURN_KEEPALIVE, TURN_LOCK};
use crate::error::StorageError;

/// Held while this process does what only one may do. It is a lock of a connection of its own, outside of any transaction,
/// so it may take long; it goes with the connection, and so with the process, however that ends.
#[derive(Debug)]
#[must_use = "the turn ends when it is dropped"]
pub struct Turn(Option<PgConnection>);

impl Db {
    /// Waits until no other process has its turn. On SQLite, where a process is alone, there is nothing to wait for.
    pub async fn turn(&self) -> Result<Turn, StorageError> {
        let Pools::Postgres(pool) = &self.0 else {
            return Ok(Turn(None));
        };
        let mut conn = pool.acquire().await?.detach();
        for statement in [&TURN_KEEPALIVE, &TURN_LOCK] {
            sqlx::query(statement.on(self.kind())).execute(&mut conn).await?;
        }
        Ok(Turn(Some(conn)))
    }
}

impl Turn {
    /// Gives the turn to the next. Dropping does the same a little later.
    pub async fn end(self) -> Result<(), StorageError> {
        match self.0 {
            Some(conn) => Ok(conn.close().await?),
            None => Ok(()),
        }
    }
}
