//! The admin's first API key, and what a key is. Only a hash of a key is stored; the key itself is shown once.

use std::path::Path;
use std::sync::Arc;

use nexus_domain::{ApiKeyId, Clock, ContentHash, Role, Scopes};
use nexus_storage::{ApiKeyRow, Db};
use secrecy::{ExposeSecret as _, SecretString};

use super::ServiceError;

/// Tells people and secret scanners what this is.
const KEY_PREFIX: &str = "nxk_";
/// Name of the key that `NEXUS_ADMIN_KEY` sets.
pub(super) const FROM_SETTINGS: &str = "settings";
/// Name of the key that the first start makes.
const FIRST_START: &str = "first start";

#[derive(Clone, Debug)]
pub struct Credentials {
    db: Db,
    clock: Arc<dyn Clock>,
}

/// A key that was just made: the only moment at which it can be shown.
#[derive(Debug)]
pub struct IssuedKey(pub SecretString);

impl Credentials {
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Makes sure that an admin key exists. With a key in the settings, that one is valid and keys that earlier settings
    /// named are not any more. Without, the first start makes one and writes it to `key_file`.
    pub async fn ensure_admin_key(
        &self,
        configured: &SecretString,
        key_file: &Path,
    ) -> Result<Option<IssuedKey>, ServiceError> {
        if configured.expose_secret().is_empty() {
            let mut tx = self.db.begin().await?;
            tx.api_keys().delete_named_except(FROM_SETTINGS, b"").await?;
            tx.commit().await?;
            return self.ensure_first_key(key_file).await;
        }
        let hash = hash(configured.expose_secret());
        let mut tx = self.db.begin().await?;
        tx.api_keys()
            .delete_named_except(FROM_SETTINGS, hash.as_bytes())
            .await?;
        if tx.api_keys().is_revoked(hash.as_bytes()).await? {
            tracing::warn!("the key of NEXUS_ADMIN_KEY was revoked and opens nothing: choose another one");
        } else if tx.api_keys().find_by_hash(hash.as_bytes()).await?.is_none() {
            tx.api_keys().insert(&self.row(FROM_SETTINGS, hash)).await?;
        }
        tx.commit().await?;
        Ok(None)
    }

    async fn ensure_first_key(&self, key_file: &Path) -> Result<Option<IssuedKey>, ServiceError> {
        if self.db.api_keys().count().await? > 0 {
            return Ok(None);
        }
        let key = new_key();
        crate::private_file::write(key_file, key.expose_secret())?;
        let mut tx = self.db.begin().await?;
        tx.api_keys()
            .insert(&self.row(FIRST_START, hash(key.expose_secret())))
            .await?;
        tx.commit().await?;
        Ok(Some(IssuedKey(key)))
    }

    fn row(&self, name: &str, hash: ContentHash) -> ApiKeyRow {
        let now = self.clock.now();
        ApiKeyRow {
            id: ApiKeyId::new(now),
            key_hash: *hash.as_bytes(),
            name: name.to_owned(),
            role: Role::Admin,
            scopes: Scopes::ALL,
            kbs: None,
            addresses: Vec::new(),
            created_at: now,
            expires_at: None,
        }
    }
}

pub(super) fn new_key() -> SecretString {
    nexus_auth::secrets::random_token(KEY_PREFIX)
}

/// A key is 256 random bits, or chosen by an operator who knows what it opens: a fast hash is enough, and looking a
/// hash up in an index tells an attacker nothing about the key.
pub(super) fn hash(key: &str) -> ContentHash {
    ContentHash::of(key.as_bytes())
}
