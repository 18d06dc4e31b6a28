//! Where a statement runs: on a connection of a pool, or inside a transaction.
//!
//! Readers are written once over [`Connect`] and serve both; writers exist for `&mut Tx` alone.

use std::future::Future;
use std::ops::DerefMut;
use std::pin::Pin;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;

use crate::db::{Db, Pools, Tx, TxInner};
use crate::error::StorageError;
use crate::lent::Lent;

/// A connection that goes back to where it came from, or that of a transaction.
#[derive(Debug)]
pub(crate) enum Held<'a, C: DerefMut> {
    Own(C),
    Tx(&'a mut C::Target),
}

impl<C: DerefMut> Held<'_, C> {
    pub(crate) fn conn(&mut self) -> &mut C::Target {
        match self {
            Self::Own(own) => own,
            Self::Tx(conn) => conn,
        }
    }
}

impl Held<'_, Lent> {
    /// What was to be done with it has been done, without an error.
    pub(crate) fn settled(self) {
        if let Self::Own(lent) = self {
            lent.settled();
        }
    }
}

#[derive(Debug)]
pub struct Session<'a>(pub(crate) Which<'a>);

#[derive(Debug)]
pub(crate) enum Which<'a> {
    Sqlite(Held<'a, Lent>),
    Postgres(Held<'a, PoolConnection<Postgres>>),
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
            Ok(Session(match pools {
                Pools::Sqlite { read, .. } => Which::Sqlite(Held::Own(read.lend().await?)),
                Pools::Postgres(pool) => Which::Postgres(Held::Own(pool.acquire().await?)),
            }))
        })
    }
}

impl Connect for &mut Tx {
    fn session(&mut self) -> Connecting<'_> {
        Box::pin(std::future::ready(Ok(Session(match &mut self.0 {
            TxInner::Sqlite(tx) => Which::Sqlite(Held::Tx(&mut **tx)),
            TxInner::Postgres(tx) => Which::Postgres(Held::Tx(&mut **tx)),
        }))))
    }
}

/// Runs a body on whatever database `$link` leads to. The body is type-checked once per driver.
macro_rules! on {
    ($link:expr, |$conn:ident| $body:expr) => {
        match $crate::session::Connect::session(&mut $link).await?.0 {
            $crate::session::Which::Sqlite(mut held) => {
                let $conn = held.conn();
                let done = $body;
                held.settled();
                done
            }
            // The pool looks for itself at what comes back.
            $crate::session::Which::Postgres(mut held) => {
                let $conn = held.conn();
                $body
            }
        }
    };
}
pub(crate) use on;
