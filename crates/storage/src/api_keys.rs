//! API keys. Only the hash of a secret is stored; its text never reaches this crate.

use ipnet::IpNet;
use nexus_domain::{ApiKeyId, KbId, Role, Scope, Scopes, Timestamp};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, from_json, hash, limit, to_json, word};

macro_rules! columns {
    () => {
        "id, name, key_hash, role, scopes, kbs, addresses, created_at, expires_at"
    };
}

statements! {
    GET = concat!("SELECT ", columns!(), " FROM api_keys WHERE id = $1 AND revoked_at IS NULL");
    FIND = concat!("SELECT ", columns!(), " FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL");
    LIST = concat!("SELECT ", columns!(), " FROM api_keys
        WHERE id < $1 AND revoked_at IS NULL ORDER BY id DESC LIMIT $2");
    COUNT = "SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL";
    INSERT = concat!("INSERT INTO api_keys (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    UPDATE = "UPDATE api_keys SET name = $2, role = $3, scopes = $4, kbs = $5, addresses = $6, expires_at = $7
        WHERE id = $1 AND revoked_at IS NULL";
    LOCK = concat!("UPDATE api_keys SET name = name WHERE id = $1 AND revoked_at IS NULL RETURNING ", columns!());
    REVOKED = "SELECT COUNT(*) FROM api_keys WHERE key_hash = $1 AND revoked_at IS NOT NULL";
    DELETE_NAMED_EXCEPT = "DELETE FROM api_keys WHERE name = $1 AND key_hash <> $2";
    REVOKE = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
}

/// A key that is not revoked. It may have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub name: String,
    /// Hash of the secret, which is random and long: a fast hash will do.
    pub key_hash: [u8; 32],
    pub role: Role,
    pub scopes: Scopes,
    /// The knowledge bases that it is narrowed to; `None` is all.
    pub kbs: Option<Vec<KbId>>,
    /// The networks that it may be used from; empty means any.
    pub addresses: Vec<IpNet>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    key_hash: Vec<u8>,
    role: String,
    scopes: String,
    kbs: Option<String>,
    addresses: String,
    created_at: At,
    expires_at: Option<At>,
}

impl TryFrom<Row> for ApiKeyRow {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let scopes: Vec<String> = from_json(&row.scopes, "scopes of a key")?;
        let kbs = row.kbs.as_deref();
        Ok(Self {
            id: ApiKeyId::from_uuid(row.id),
            name: row.name,
            key_hash: *hash(&row.key_hash)?.as_bytes(),
            role: word(&row.role)?,
            scopes: scopes
                .iter()
                .map(|scope| word::<Scope>(scope))
                .collect::<Result<_, _>>()?,
            kbs: kbs
                .map(|kbs| from_json(kbs, "knowledge bases of a key"))
                .transpose()?,
            addresses: from_json(&row.addresses, "addresses of a key")?,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|at| at.0),
        })
    }
}

fn scopes_json(scopes: Scopes) -> String {
    to_json(&scopes.iter().map(Scope::as_str).collect::<Vec<_>>())
}

#[derive(Debug)]
pub struct ApiKeys<C>(pub(crate) C);

impl<C: Connect> ApiKeys<C> {
    /// The key, unless it is revoked.
    pub async fn get(&mut self, id: ApiKeyId) -> Result<Option<ApiKeyRow>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Whether this was a key that somebody revoked.
    pub async fn is_revoked(&mut self, key_hash: &[u8; 32]) -> Result<bool, StorageError> {
        let revoked: i64 = on!(self.0, |c| sqlx::query_scalar(REVOKED)
            .bind(key_hash.as_slice())
            .fetch_one(c)
            .await?);
        Ok(revoked > 0)
    }

    /// The key with this hash, unless it is revoked. Whether it has expired is the caller's to say.
    pub async fn find_by_hash(&mut self, key_hash: &[u8; 32]) -> Result<Option<ApiKeyRow>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(FIND)
            .bind(key_hash.as_slice())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Keys that are not revoked, newest first, before the key `before`.
    pub async fn list(
        &mut self,
        before: Option<ApiKeyId>,
        rows: usize,
    ) -> Result<Vec<ApiKeyRow>, StorageError> {
        let before = before.map_or(Uuid::max(), ApiKeyId::as_uuid);
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(before)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
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
            let insert = insert.bind(key.role.as_str()).bind(scopes_json(key.scopes));
            let insert = insert
                .bind(key.kbs.as_ref().map(to_json))
                .bind(to_json(&key.addresses));
            insert
                .bind(At(key.created_at))
                .bind(key.expires_at.map(At))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// Writes the name and what narrows the key; `false` if there is none, or it is revoked.
    pub async fn update(&mut self, key: &ApiKeyRow) -> Result<bool, StorageError> {
        check_text(&key.name, "the name of the key")?;
        let updated = on!(self.0, |c| {
            let update = sqlx::query(UPDATE).bind(key.id.as_uuid()).bind(&key.name);
            let update = update.bind(key.role.as_str()).bind(scopes_json(key.scopes));
            let update = update
                .bind(key.kbs.as_ref().map(to_json))
                .bind(to_json(&key.addresses));
            update
                .bind(key.expires_at.map(At))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(updated == 1)
    }

    /// The key as it is, held until the transaction ends: who changes a part of it knows the rest.
    pub async fn lock(&mut self, id: ApiKeyId) -> Result<Option<ApiKeyRow>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(LOCK)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
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
