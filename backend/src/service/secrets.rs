//! Secrets of others that are kept here, sealed under the operator's key. Each is bound to its row and column, so that a
//! sealed value means nothing elsewhere.

use nexus_auth::KeyRing;
use nexus_domain::{BotId, IncomingWebhookId, SourceId, WebhookId};
use nexus_storage::{Db, SealedSource};
use secrecy::SecretString;

use super::ServiceError;

pub(super) const TELEGRAM_TOKEN: &str = "telegram_token";
pub(super) const SIGNING_SECRET: &str = "signing_secret";
const CREDENTIAL: &str = "credential";
const WEBHOOK_SECRET: &str = "webhook_secret";

/// Name of the settings row that tells whether the key is still the same, and what it seals.
const CHECK: &str = "secret_key_check";
const CHECKED: &str = "nexus";

pub(super) fn seal(
    keys: &KeyRing,
    secret: &SecretString,
    bot: BotId,
    column: &str,
) -> Result<String, ServiceError> {
    keys.seal(secret, &context(bot, column))
        .map_err(|error| ServiceError::Internal(error.into()))
}

pub(super) fn open(
    keys: &KeyRing,
    sealed: &str,
    bot: BotId,
    column: &str,
) -> Result<SecretString, ServiceError> {
    keys.open(sealed, &context(bot, column))
        .map_err(|error| ServiceError::Internal(error.into()))
}

fn context(bot: BotId, column: &str) -> String {
    format!("bots/{bot}/{column}")
}

/// A secret of a source.
#[derive(Clone, Copy, Debug)]
pub enum SourceSecret {
    /// What proves to the source that it may be read.
    Credential,
    /// What webhooks of the source are signed with.
    Webhook,
}

impl SourceSecret {
    fn context(self, source: SourceId) -> String {
        let column = match self {
            Self::Credential => CREDENTIAL,
            Self::Webhook => WEBHOOK_SECRET,
        };
        format!("sources/{source}/{column}")
    }

    pub fn seal(
        self,
        keys: &KeyRing,
        source: SourceId,
        secret: &SecretString,
    ) -> Result<String, ServiceError> {
        let sealed = keys.seal(secret, &self.context(source));
        sealed.map_err(|error| ServiceError::Internal(error.into()))
    }

    pub fn open(self, keys: &KeyRing, source: SourceId, sealed: &str) -> Result<SecretString, ServiceError> {
        let opened = keys.open(sealed, &self.context(source));
        opened.map_err(|error| ServiceError::Internal(error.into()))
    }
}

/// What a webhook's deliveries are signed with.
#[derive(Clone, Copy, Debug)]
pub enum WebhookSecret {
    Outgoing(WebhookId),
    Incoming(IncomingWebhookId),
}

impl WebhookSecret {
    fn context(self) -> String {
        match self {
            Self::Outgoing(id) => format!("webhooks/{id}/secret"),
            Self::Incoming(id) => format!("incoming_webhooks/{id}/secret"),
        }
    }

    pub fn seal(self, keys: &KeyRing, secret: &SecretString) -> Result<String, ServiceError> {
        let sealed = keys.seal(secret, &self.context());
        sealed.map_err(|error| ServiceError::Internal(error.into()))
    }

    pub fn open(self, keys: &KeyRing, sealed: &str) -> Result<SecretString, ServiceError> {
        let opened = keys.open(sealed, &self.context());
        opened.map_err(|error| ServiceError::Internal(error.into()))
    }

    fn again(self, keys: &KeyRing, sealed: &str) -> Result<String, ServiceError> {
        self.seal(keys, &self.open(keys, sealed)?)
    }
}

/// Fails if the database was used under a secret key that is not given any more; seals anew what an earlier key sealed.
pub async fn check_keys(db: &Db, keys: &KeyRing) -> anyhow::Result<()> {
    let stored = db.settings().get(CHECK).await?;
    if let Some(sealed) = &stored {
        keys.open(sealed, CHECK).map_err(|_| {
            anyhow::anyhow!(
                "the secret key is not the one that this database was used with: set NEXUS_SECRET_KEY to it, or name it in \
                 NEXUS_SECRET_KEYS_PREVIOUS"
            )
        })?;
        if !keys.needs_resealing(sealed) {
            return Ok(());
        }
    }
    let mut tx = db.begin().await?;
    for (bot, token, secret) in tx.bots().sealed_values().await? {
        let again = |sealed: Option<String>, column: &str| {
            sealed
                .map(|sealed| seal(keys, &open(keys, &sealed, bot, column)?, bot, column))
                .transpose()
        };
        let (token, secret) = (again(token, TELEGRAM_TOKEN)?, again(secret, SIGNING_SECRET)?);
        tx.bots().reseal(bot, token.as_deref(), secret.as_deref()).await?;
    }
    for sealed in tx.sources().sealed_values().await? {
        let again = |of: SourceSecret, value: Option<String>| {
            value
                .map(|value| of.seal(keys, sealed.id, &of.open(keys, sealed.id, &value)?))
                .transpose()
        };
        let resealed = SealedSource {
            id: sealed.id,
            credential: again(SourceSecret::Credential, sealed.credential)?,
            webhook_secret: again(SourceSecret::Webhook, sealed.webhook_secret)?,
        };
        tx.sources().reseal(&resealed).await?;
    }
    for (id, sealed) in tx.webhooks().sealed_values().await? {
        let again = WebhookSecret::Outgoing(id).again(keys, &sealed)?;
        tx.webhooks().reseal(id, &again).await?;
    }
    for (id, sealed) in tx.incoming_webhooks().sealed_values().await? {
        let again = WebhookSecret::Incoming(id).again(keys, &sealed)?;
        tx.incoming_webhooks().reseal(id, &again).await?;
    }
    let check = keys.seal(&CHECKED.into(), CHECK)?;
    tx.settings().set(CHECK, &check).await?;
    tx.commit().await?;
    Ok(())
}
