//! The two secrets of a bot: its token for Telegram and the key that its requests are signed with. They come and go
//! sealed; nothing here can read them.

use nexus_domain::{BotId, Timestamp};
use sqlx::types::Uuid;

use super::Bots;
use crate::db::Tx;
use crate::dialect::LOCK_SEALED;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text};

statements! {
    TELEGRAM_TOKEN = "SELECT telegram_token FROM bots WHERE id = $1 AND deleted_at IS NULL";
    SIGNING_SECRET = "SELECT signing_secret FROM bots WHERE id = $1 AND deleted_at IS NULL";
    SET_TELEGRAM_TOKEN = "UPDATE bots SET telegram_token = $2, telegram_bot_id = COALESCE($3, telegram_bot_id), updated_at = $4
        WHERE id = $1 AND deleted_at IS NULL";
    SET_SIGNING_SECRET = "UPDATE bots SET signing_secret = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL";
    // Nothing that people see has changed, so the time of the last change stays.
    RESEAL = "UPDATE bots SET telegram_token = COALESCE($2, telegram_token),
            signing_secret = COALESCE($3, signing_secret)
        WHERE id = $1 AND deleted_at IS NULL";
}

impl<C: Connect> Bots<C> {
    /// `None` if there is no such bot, or it has no token.
    pub async fn sealed_telegram_token(&mut self, id: BotId) -> Result<Option<String>, StorageError> {
        self.sealed(TELEGRAM_TOKEN, id).await
    }

    /// `None` if there is no such bot, or its requests are not signed.
    pub async fn sealed_signing_secret(&mut self, id: BotId) -> Result<Option<String>, StorageError> {
        self.sealed(SIGNING_SECRET, id).await
    }

    async fn sealed(&mut self, sql: &'static str, id: BotId) -> Result<Option<String>, StorageError> {
        let secret: Option<Option<String>> = on!(self.0, |c| sqlx::query_scalar(sql)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        Ok(secret.flatten())
    }
}

impl Bots<&mut Tx> {
    /// Keeps a sealed token with the id that the bot has at Telegram, or removes the token; the id stays known. `false` if
    /// there is no such bot.
    pub async fn set_telegram_token(
        &mut self,
        id: BotId,
        sealed: Option<(&str, i64)>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let (token, telegram_bot_id) = sealed.unzip();
        check_text(token.unwrap_or_default(), "the sealed token")?;
        let updated = on!(self.0, |c| {
            let update = sqlx::query(SET_TELEGRAM_TOKEN)
                .bind(id.as_uuid())
                .bind(token)
                .bind(telegram_bot_id);
            update.bind(At(now)).execute(c).await?.rows_affected()
        });
        Ok(updated == 1)
    }

    /// Keeps a sealed secret, from when on the bot's requests are signed, or removes it. `false` if there is no such bot.
    pub async fn set_signing_secret(
        &mut self,
        id: BotId,
        sealed: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        check_text(sealed.unwrap_or_default(), "the sealed secret")?;
        let updated = on!(self.0, |c| {
            let update = sqlx::query(SET_SIGNING_SECRET).bind(id.as_uuid()).bind(sealed);
            update.bind(At(now)).execute(c).await?.rows_affected()
        });
        Ok(updated == 1)
    }

    /// What is sealed: bot, token and signing secret. Nobody else changes it until this transaction ends.
    pub async fn sealed_values(
        &mut self,
    ) -> Result<Vec<(BotId, Option<String>, Option<String>)>, StorageError> {
        let lock = LOCK_SEALED.on(self.0.kind());
        let rows: Vec<(Uuid, Option<String>, Option<String>)> =
            on!(self.0, |c| sqlx::query_as(lock).fetch_all(c).await?);
        Ok(rows
            .into_iter()
            .map(|(id, token, secret)| (BotId::from_uuid(id), token, secret))
            .collect())
    }

    /// The same secrets under another key; `None` leaves one as it is.
    pub async fn reseal(
        &mut self,
        id: BotId,
        telegram_token: Option<&str>,
        signing_secret: Option<&str>,
    ) -> Result<(), StorageError> {
        for sealed in [telegram_token, signing_secret] {
            check_text(sealed.unwrap_or_default(), "the sealed value")?;
        }
        on!(self.0, |c| {
            let update = sqlx::query(RESEAL).bind(id.as_uuid());
            update
                .bind(telegram_token)
                .bind(signing_secret)
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }
}
