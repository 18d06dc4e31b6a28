//! Secrets of others that are kept here, sealed under the operator's key. Each is bound to its row and column, so that a
//! sealed value means nothing elsewhere.

use nexus_auth::KeyRing;
use nexus_domain::BotId;
use nexus_storage::Db;
use secrecy::SecretString;

use super::ServiceError;

pub(super) const TELEGRAM_TOKEN: &str = "telegram_token";
pub(super) const SIGNING_SECRET: &str = "signing_secret";

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
    let check = keys.seal(&CHECKED.into(), CHECK)?;
    tx.settings().set(CHECK, &check).await?;
    tx.commit().await?;
    Ok(())
}
