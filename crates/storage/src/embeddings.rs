//! The embedding cache: a vector is computed once per (model, content), whatever documents hold the text.

use std::collections::HashMap;

use nexus_domain::ContentHash;
use nexus_domain::probe::trace;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ROWS, ids_in, padded, statements, tuples};
use crate::types::{hash, limit};

const INSERT: &str = "INSERT INTO embeddings (model, content_hash, vector) VALUES ";
const IF_NEW: &str = " ON CONFLICT (content_hash, model) DO NOTHING";

statements! {
    GET = ids_in!("SELECT content_hash, vector FROM embeddings WHERE content_hash IN ", " AND model = $65");
    FORGET = ids_in!("DELETE FROM embeddings WHERE content_hash IN ",
        " AND NOT EXISTS (SELECT 1 FROM chunks c WHERE c.content_hash = embeddings.content_hash) RETURNING content_hash");
    FORGET_MODEL = "DELETE FROM embeddings WHERE model = $1 AND content_hash IN (
        SELECT content_hash FROM embeddings WHERE model = $1 LIMIT $2)";
    PUT = tuples!(INSERT, 1, 3, IF_NEW);
    PUT_ROWS = tuples!(INSERT, ROWS, 3, IF_NEW);
}

#[derive(Debug)]
pub struct Embeddings<C>(pub(crate) C);

impl<C: Connect> Embeddings<C> {
    /// The known vectors among these contents.
    pub async fn get_many(
        &mut self,
        model: &str,
        hashes: &[ContentHash],
    ) -> Result<HashMap<ContentHash, Vec<f32>>, StorageError> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(self.0, |c| {
            let mut rows = Vec::with_capacity(hashes.len());
            for batch in hashes.chunks(IDS) {
                let mut select = sqlx::query_as(GET);
                for hash in padded(batch) {
                    select = select.bind(hash.as_bytes().as_slice());
                }
                rows.append(&mut select.bind(model).fetch_all(&mut *c).await?);
            }
            rows
        });
        rows.into_iter()
            .map(|(key, vector)| Ok((hash(&key)?, floats(&vector)?)))
            .collect()
    }
}

impl Embeddings<&mut Tx> {
    /// Removes the vectors of those contents that no chunk has any more.
    pub(crate) async fn forget(&mut self, mut contents: Vec<Vec<u8>>) -> Result<(), StorageError> {
        contents.sort_unstable();
        contents.dedup();
        let forgotten: Vec<Vec<u8>> = on!(self.0, |c| {
            let mut forgotten = Vec::new();
            for batch in contents.chunks(IDS) {
                let mut delete = sqlx::query_scalar(FORGET);
                for content in padded(batch) {
                    delete = delete.bind(content.as_slice());
                }
                forgotten.append(&mut delete.fetch_all(&mut *c).await?);
            }
            forgotten
        });
        for content in forgotten {
            let content = hash(&content)?;
            trace(|| format!("forgotten {content}"));
        }
        Ok(())
    }

    /// Removes up to `rows` vectors of a model. How many went.
    pub async fn forget_model(&mut self, model: &str, rows: usize) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(FORGET_MODEL)
            .bind(model)
            .bind(limit(rows))
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Remembers vectors; those that are known already stay as they are.
    pub async fn put_many(
        &mut self,
        model: &str,
        vectors: &[(ContentHash, Vec<f32>)],
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let (full, rest) = vectors.as_chunks::<ROWS>();
            for rows in full {
                let mut insert = sqlx::query(PUT_ROWS);
                for (key, vector) in rows {
                    insert = insert
                        .bind(model)
                        .bind(key.as_bytes().as_slice())
                        .bind(bytes(vector));
                }
                insert.execute(&mut *c).await?;
            }
            for (key, vector) in rest {
                let insert = sqlx::query(PUT)
                    .bind(model)
                    .bind(key.as_bytes().as_slice())
                    .bind(bytes(vector));
                insert.execute(&mut *c).await?;
            }
        });
        Ok(())
    }
}

/// Little-endian `f32`s, one after the other.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> Result<Vec<f32>, StorageError> {
    let (values, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(StorageError::corrupt(format_args!(
            "an embedding of {} bytes",
            bytes.len()
        )));
    }
    Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
}
