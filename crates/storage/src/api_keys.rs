//! API keys. Only the hash of a secret is stored; its text never reaches this crate.

use nexus_domain::{ApiKeyId, Role, Timestamp};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, hash};

statements! {
    FIND = "SELECT id, name, key_hash, role, created_at FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL";
    COUNT = "SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL";
    INSERT = "INSERT INTO api_keys (id, name, key_hash, role, created_at) VALUES ($1, $2, $3, $4, $5)";
    DELETE_NAMED_EXCEPT = "DELETE FROM api_keys WHERE name = $1 AND key_hash <> $2";
    REVOKE = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
}

/// A key that is not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub name: String,
    /// Hash of the secret, which is random and long: a fast hash will do.
    pub key_hash: [u8; 32],
    pub role: Role,
    pub created_at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    key_hash: Vec<u8>,
    role: String,
    created_at: At,
}

impl TryFrom<Row> for ApiKeyRow {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        Ok(Self {
            id: ApiKeyId::from_uuid(row.id),
            name: row.name,
            key_hash: *hash(&row.key_hash)?.as_bytes(),
            role: parse_role(&row.role)?,
            created_at: row.created_at.0,
        })
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Editor => "editor",
        Role::Admin => "admin",
    }
}

fn parse_role(text: &str) -> Result<Role, StorageError> {
    [Role::Reader, Role::Editor, Role::Admin]
        .into_iter()
        .find(|role| role_name(*role) == text)
        .ok_or_else(|| StorageError::corrupt(format_args!("unknown role {text:?}")))
}

#[derive(Debug)]
pub struct ApiKeys<C>(pub(crate) C);

impl<C: Connect> ApiKeys<C> {
    /// The key with this hash, unless it is revoked.
    pub async fn find_by_hash(&mut self, key_hash: &[u8; 32]) -> Result<Option<ApiKeyRow>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(FIND)
            .bind(key_hash.as_slice())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// How many keys are not revoked.
    pub async fn count(&mut self) -> Result<u64, StorageError> {
        let count: i64 = on!(self.0, |c| sqlx::query_scalar(COUNT).fetch_one(c).await?);
        Ok(count.unsigned_abs())
    }
}

impl ApiKeys<&mut Tx> {
    /// [`StorageError::UniqueViolation`] if a key (revoked or not) has this hash.
    pub async fn insert(&mut self, key: &ApiKeyRow) -> Result<(), StorageError> {
        check_text(&key.name, "the name of the key")?;
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(key.id.as_uuid())
                .bind(&key.name)
                .bind(key.key_hash.as_slice());
            insert
                .bind(role_name(key.role))
                .bind(At(key.created_at))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// Deletes the keys of this name that have another hash (with an empty one, all of them); how many.
    pub async fn delete_named_except(&mut self, name: &str, key_hash: &[u8]) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| {
            let delete = sqlx::query(DELETE_NAMED_EXCEPT).bind(name).bind(key_hash);
            delete.execute(c).await?.rows_affected()
        }))
    }

    /// `false` if there is no such key, or it was revoked before.
    pub async fn revoke(&mut self, id: ApiKeyId, now: Timestamp) -> Result<bool, StorageError> {
        let revoked = on!(self.0, |c| {
            sqlx::query(REVOKE)
                .bind(id.as_uuid())
                .bind(At(now))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(revoked == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_back_from_their_names() {
        for role in [Role::Reader, Role::Editor, Role::Admin] {
            assert_eq!(parse_role(role_name(role)).unwrap(), role);
        }
        assert!(matches!(parse_role("owner"), Err(StorageError::Corrupt { .. })));
    }
}
