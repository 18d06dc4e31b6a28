//! Where a statement runs: on a connection of a pool, or inside a transaction.
//!
//! Readers are written once over [`Connect`] and serve both; writers exist for `&mut Tx` alone.

use std::future::Future;
use std::pin::Pin;

use sqlx::pool::PoolConnection;
use sqlx::{Database, Postgres, Sqlite};

use crate::db::{Db, Pools, Tx, TxInner};
use crate::error::StorageError;

/// A borrowed transaction, or a connection that goes back to its pool.
#[derive(Debug)]
pub enum Held<'a, DB: Database> {
    Pooled(PoolConnection<DB>),
    Tx(&'a mut DB::Connection),
}

impl<DB: Database> Held<'_, DB> {
    pub(crate) fn conn(&mut self) -> &mut DB::Connection {
        match self {
            Self::Pooled(pooled) => pooled,
            Self::Tx(conn) => conn,
        }
    }
}

#[derive(Debug)]
pub enum Session<'a> {
    Sqlite(Held<'a, Sqlite>),
    Postgres(Held<'a, Postgres>),
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &crate::db::Db {}
    impl Sealed for &mut crate::db::Tx {}
}

/// A connection to come. Boxed: with an opaque type here, callers cannot prove that their own futures are `Send`
/// (rust-lang/rust#100013).
type Connecting<'s> = Pin<Box<dyn Future<Output = Result<Session<'s>, StorageError>> + Send + 's>>;

/// What readers run on: `&Db` or `&mut Tx`.
pub trait Connect: sealed::Sealed + Send {
    #[doc(hidden)]
    fn session(&mut self) -> Connecting<'_>;
}

impl Connect for &Db {
    fn session(&mut self) -> Connecting<'_> {
        let pools = &self.0;
        Box::pin(async move {
            Ok(match pools {
                Pools::Sqlite { read, .. } => Session::Sqlite(Held::Pooled(read.acquire().await?)),
                Pools::Postgres(pool) => Session::Postgres(Held::Pooled(pool.acquire().await?)),
            })
        })
    }
}

impl Connect for &mut Tx {
    fn session(&mut self) -> Connecting<'_> {
        Box::pin(std::future::ready(Ok(match &mut self.0 {
            TxInner::Sqlite(tx) => Session::Sqlite(Held::Tx(&mut **tx)),
            TxInner::Postgres(tx) => Session::Postgres(Held::Tx(&mut **tx)),
        })))
    }
}

/// Runs a body on whatever database `$link` leads to. The body is type-checked once per driver.
macro_rules! on {
    ($link:expr, |$conn:ident| $body:expr) => {
        match $crate::session::Connect::session(&mut $link).await? {
            $crate::session::Session::Sqlite(mut held) => {
                let $conn = held.conn();
                $body
            }
            $crate::session::Session::Postgres(mut held) => {
                let $conn = held.conn();
                $body
            }
        }
    };
}
pub(crate) use on;
