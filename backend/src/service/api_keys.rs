//! API keys for programs: n8n, scripts, whoever is no person and no bot.

use std::sync::Arc;

use nexus_domain::{Access, Action, ApiKeyId, Clock, KbId, Role, Scope, Scopes, TargetKind, Timestamp};
use nexus_storage::{ApiKeyRow, Db};
use secrecy::{ExposeSecret as _, SecretString};

use super::audit::Change;
use super::credentials::{FROM_SETTINGS, hash, new_key};
use super::{ServiceError, checks};

const MAX_NAME_CHARS: usize = 64;
const MAX_ADDRESSES: usize = 64;
const MAX_KBS: usize = 1_000;

#[derive(Clone, Debug)]
pub struct ApiKeys {
    db: Db,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
pub struct NewApiKey {
    pub name: String,
    pub role: Role,
    pub scopes: Scopes,
    pub kbs: Option<Vec<KbId>>,
    pub addresses: Vec<String>,
    pub expires_at: Option<Timestamp>,
}

/// What changes; `None` stays as it is.
#[derive(Debug, Default)]
pub struct ApiKeyChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub scopes: Option<Scopes>,
    pub kbs: Option<Option<Vec<KbId>>>,
    pub addresses: Option<Vec<String>>,
    pub expires_at: Option<Option<Timestamp>>,
}

impl ApiKeys {
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Newest first, older than `before`.
    pub async fn list(&self, before: Option<ApiKeyId>, limit: usize) -> Result<Vec<ApiKeyRow>, ServiceError> {
        Ok(self.db.api_keys().list(before, limit).await?)
    }

    pub async fn get(&self, id: ApiKeyId) -> Result<ApiKeyRow, ServiceError> {
        let row = self.db.api_keys().get(id).await?;
        row.ok_or(ServiceError::NotFound("API key"))
    }

    /// A new key; this is the only time that it is shown.
    pub async fn create(
        &self,
        access: &Access,
        new: NewApiKey,
    ) -> Result<(SecretString, ApiKeyRow), ServiceError> {
        let now = self.clock.now();
        let key = new_key();
        let row = ApiKeyRow {
            id: ApiKeyId::new(now),
            name: checked_name(&new.name)?,
            key_hash: *hash(key.expose_secret()).as_bytes(),
            role: new.role,
            scopes: within(access, new.scopes)?,
            kbs: known_kbs(&self.db, new.kbs).await?,
            addresses: checks::networks("addresses", &new.addresses, MAX_ADDRESSES)?,
            created_at: now,
            expires_at: self.checked_expiry(new.expires_at)?,
        };
        let mut tx = self.db.begin().await?;
        tx.api_keys().insert(&row).await?;
        described(
            Change::new(Action::ApiKeyCreate, TargetKind::ApiKey, row.id),
            &row,
        )
        .record(&mut tx, access, now)
        .await?;
        tx.commit().await?;
        Ok((key, row))
    }

    pub async fn update(
        &self,
        access: &Access,
        id: ApiKeyId,
        change: ApiKeyChange,
    ) -> Result<ApiKeyRow, ServiceError> {
        let kbs = match change.kbs {
            Some(kbs) => Some(known_kbs(&self.db, kbs).await?),
            None => None,
        };
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let row = tx.api_keys().lock(id).await?;
        let mut row = row.ok_or(ServiceError::NotFound("API key"))?;
        // Who may do less than a key may not change what holds it back.
        within(access, row.scopes)?;
        if let Some(name) = change.name {
            if row.name == FROM_SETTINGS {
                return Err(ServiceError::invalid(
                    "name",
                    "the key of the settings keeps its name",
                ));
            }
            row.name = checked_name(&name)?;
        }
        if let Some(role) = change.role {
            row.role = role;
        }
        if let Some(scopes) = change.scopes {
            row.scopes = within(access, scopes)?;
        }
        if let Some(kbs) = kbs {
            row.kbs = kbs;
        }
        if let Some(addresses) = change.addresses {
            row.addresses = checks::networks("addresses", &addresses, MAX_ADDRESSES)?;
        }
        if let Some(expires_at) = change.expires_at {
            row.expires_at = self.checked_expiry(expires_at)?;
        }
        if !tx.api_keys().update(&row).await? {
            return Err(ServiceError::NotFound("API key"));
        }
        described(Change::new(Action::ApiKeyUpdate, TargetKind::ApiKey, id), &row)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(row)
    }

    pub async fn revoke(&self, access: &Access, id: ApiKeyId) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.api_keys().revoke(id, now).await? {
            return Err(ServiceError::NotFound("API key"));
        }
        Change::new(Action::ApiKeyRevoke, TargetKind::ApiKey, id)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    fn checked_expiry(&self, at: Option<Timestamp>) -> Result<Option<Timestamp>, ServiceError> {
        match at {
            Some(at) if at <= self.clock.now() => {
                Err(ServiceError::invalid("expires_at", "this instant is past"))
            }
            at => Ok(at),
        }
    }
}

/// Fails unless the caller holds all scopes: for what would give somebody else more than a narrowed key holds itself.
pub(super) fn holds_everything(access: &Access) -> Result<(), ServiceError> {
    within(access, Scopes::ALL).map(drop)
}

/// What something is narrowed to, if all of it is there.
pub(super) async fn known_kbs(db: &Db, kbs: Option<Vec<KbId>>) -> Result<Option<Vec<KbId>>, ServiceError> {
    let Some(kbs) = kbs else { return Ok(None) };
    if kbs.len() > MAX_KBS {
        let reason = format!("at most {MAX_KBS} knowledge bases");
        return Err(ServiceError::invalid("knowledge_bases", reason));
    }
    for kb in &kbs {
        if db.knowledge_bases().get(*kb).await?.is_none() {
            let reason = format!("there is no knowledge base {kb}");
            return Err(ServiceError::invalid("knowledge_bases", reason));
        }
    }
    Ok(Some(kbs))
}

/// The key of the settings is known by its name.
fn checked_name(name: &str) -> Result<String, ServiceError> {
    let name = checks::line("name", name, MAX_NAME_CHARS)?;
    if name == FROM_SETTINGS {
        let reason = format!("{FROM_SETTINGS:?} is the name of the key that NEXUS_ADMIN_KEY sets");
        return Err(ServiceError::invalid("name", reason));
    }
    Ok(name)
}

/// Nobody gives a key more than they hold: a key for keys alone would otherwise make itself one for everything.
fn within(access: &Access, scopes: Scopes) -> Result<Scopes, ServiceError> {
    match scopes.iter().find(|scope| !access.scopes().contains(*scope)) {
        Some(scope) => Err(nexus_domain::access::Denied::Scope(scope).into()),
        None => Ok(scopes),
    }
}

fn described(change: Change, row: &ApiKeyRow) -> Change {
    let scopes: Vec<&str> = row.scopes.iter().map(Scope::as_str).collect();
    change
        .with("name", row.name.as_str())
        .with("role", row.role.as_str())
        .with("scopes", scopes)
        .with_some(
            "knowledge_bases",
            row.kbs
                .as_ref()
                .map(|kbs| kbs.iter().map(ToString::to_string).collect::<Vec<_>>()),
        )
        .with(
            "addresses",
            row.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        )
        .with_some(
            "expires_at",
            row.expires_at.map(|at| at.to_datetime().to_rfc3339()),
        )
}
