//! Signed requests and sign-ins that were seen: each counts once, in whatever process it comes.

use nexus_domain::Timestamp;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::on;
use crate::sql::statements;
use crate::types::{At, limit};

statements! {
    FIRST_USE = "INSERT INTO seen_proofs (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    DELETE_EXPIRED = "DELETE FROM seen_proofs
        WHERE digest IN (SELECT digest FROM seen_proofs WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
}

#[derive(Debug)]
pub struct Proofs<C>(pub(crate) C);

impl Proofs<&mut Tx> {
    /// Notes a proof by its hash; `false` if it was seen. After `expires_at` the proof itself is out of date, and may
    /// be forgotten.
    pub async fn first_use(
        &mut self,
        digest: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<bool, StorageError> {
        let noted = on!(self.0, |c| {
            let insert = sqlx::query(FIRST_USE).bind(digest.as_slice());
            insert.bind(At(expires_at)).execute(c).await?.rows_affected()
        });
        Ok(noted == 1)
    }

    /// Forgets up to `rows` proofs that are out of date; how many.
    pub async fn delete_expired(&mut self, now: Timestamp, rows: usize) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| {
            let delete = sqlx::query(DELETE_EXPIRED).bind(At(now)).bind(limit(rows));
            delete.execute(c).await?.rows_affected()
        }))
    }
}
