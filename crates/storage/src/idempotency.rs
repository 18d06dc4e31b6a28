//! Idempotency keys: a creating request that comes again gets the answer that it got the first time.

use nexus_domain::{ContentHash, Timestamp};
use sqlx::FromRow;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::on;
use crate::sql::statements;
use crate::types::{At, check_text, hash, number};

statements! {
    INSERT = "INSERT INTO idempotency_keys (caller, key, fingerprint, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (caller, key) DO NOTHING";
    // A process that died in the middle leaves its key open.
    TAKE_OVER = "UPDATE idempotency_keys SET created_at = $4
        WHERE caller = $1 AND key = $2 AND fingerprint = $3 AND status IS NULL AND created_at < $5";
    FIND = "SELECT fingerprint, status, body FROM idempotency_keys WHERE caller = $1 AND key = $2";
    COMPLETE = "UPDATE idempotency_keys SET status = $3, body = $4 WHERE caller = $1 AND key = $2 AND status IS NULL";
    ABANDON = "DELETE FROM idempotency_keys WHERE caller = $1 AND key = $2 AND status IS NULL";
    DELETE_OLDER = "DELETE FROM idempotency_keys WHERE created_at < $1";
}

/// What to do with a request that carries an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The first of its key: do it, then complete or abandon the key.
    New,
    /// The first one has not ended yet.
    InProgress,
    /// It was done: give this answer again.
    Replay { status: u16, body: String },
    /// The key was used for another request.
    Mismatch,
}

#[derive(FromRow)]
struct Row {
    fingerprint: Vec<u8>,
    status: Option<i64>,
    body: Option<String>,
}

#[derive(Debug)]
pub struct Idempotency<C>(pub(crate) C);

impl Idempotency<&mut Tx> {
    /// Takes a key for a request with this fingerprint (a hash of method, path and body). Keys that were begun before
    /// `stale_before` and never ended are taken over.
    pub async fn begin(
        &mut self,
        caller: &str,
        key: &str,
        fingerprint: &ContentHash,
        now: Timestamp,
        stale_before: Timestamp,
    ) -> Result<Begun, StorageError> {
        check_text(caller, "the caller")?;
        check_text(key, "the idempotency key")?;
        let print = fingerprint.as_bytes().as_slice();
        let (taken, row): (u64, Option<Row>) = on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(caller)
                .bind(key)
                .bind(print)
                .bind(At(now));
            let mut taken = insert.execute(&mut *c).await?.rows_affected();
            if taken == 0 {
                let update = sqlx::query(TAKE_OVER)
                    .bind(caller)
                    .bind(key)
                    .bind(print)
                    .bind(At(now));
                taken = update
                    .bind(At(stale_before))
                    .execute(&mut *c)
                    .await?
                    .rows_affected();
            }
            let row = sqlx::query_as(FIND)
                .bind(caller)
                .bind(key)
                .fetch_optional(&mut *c)
                .await?;
            (taken, row)
        });
        match row {
            _ if taken == 1 => Ok(Begun::New),
            Some(row) => row.begun(fingerprint),
            // Abandoned between two statements: the next try will have it.
            None => Ok(Begun::InProgress),
        }
    }

    /// Stores the answer. `false` if the key was not open.
    pub async fn complete(
        &mut self,
        caller: &str,
        key: &str,
        status: u16,
        body: &str,
    ) -> Result<bool, StorageError> {
        check_text(body, "the body of the answer")?;
        let completed = on!(self.0, |c| {
            let update = sqlx::query(COMPLETE)
                .bind(caller)
                .bind(key)
                .bind(i64::from(status))
                .bind(body);
            update.execute(c).await?.rows_affected()
        });
        Ok(completed == 1)
    }

    /// Gives the key back: the request failed and may be tried again. `false` if the key was not open.
    pub async fn abandon(&mut self, caller: &str, key: &str) -> Result<bool, StorageError> {
        let abandoned = on!(self.0, |c| sqlx::query(ABANDON)
            .bind(caller)
            .bind(key)
            .execute(c)
            .await?
            .rows_affected());
        Ok(abandoned == 1)
    }

    /// Forgets keys that were begun before `before`; how many.
    pub async fn delete_older_than(&mut self, before: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_OLDER)
            .bind(At(before))
            .execute(c)
            .await?
            .rows_affected()))
    }
}

impl Row {
    fn begun(self, fingerprint: &ContentHash) -> Result<Begun, StorageError> {
        if hash(&self.fingerprint)? != *fingerprint {
            return Ok(Begun::Mismatch);
        }
        match (self.status, self.body) {
            (Some(status), Some(body)) => Ok(Begun::Replay {
                status: number(status, "status of an answer")?,
                body,
            }),
            _ => Ok(Begun::InProgress),
        }
    }
}
