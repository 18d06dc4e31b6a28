//! What is changed of a bot. Its secrets have statements of their own: see [`super::secrets`].

use nexus_domain::bot::BotError;
use nexus_domain::{Bot, BotId, Timestamp};

use super::{BotColumns, Bots, bot_columns};
use crate::db::Tx;
use crate::dialect::LOCK_BOT;
use crate::error::StorageError;
use crate::session::on;
use crate::sql::statements;
use crate::types::{At, check_text, displayable, to_json};

statements! {
    INSERT = "INSERT INTO bots (id, code, name, description, version, addresses, max_role, default_kbs, texts, settings,
            quotas, person_quotas, time_zone, is_active, telegram_bot_id, telegram_token, last_error, last_error_at,
            created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
    UPDATE = "UPDATE bots SET code = $2, name = $3, description = $4, version = $5, addresses = $6, max_role = $7,
            default_kbs = $8, texts = $9, settings = $10, quotas = $11, person_quotas = $12, time_zone = $13,
            updated_at = $14
        WHERE id = $1 AND deleted_at IS NULL";
    SET_ACTIVE = concat!("UPDATE bots SET is_active = $2, updated_at = $3
        WHERE id = $1 AND deleted_at IS NULL RETURNING ", bot_columns!());
    SET_ERROR = "UPDATE bots SET last_error = $2, last_error_at = $3 WHERE id = $1 AND deleted_at IS NULL";
    DELETE = "UPDATE bots SET deleted_at = $2, updated_at = $2, is_active = FALSE, telegram_token = NULL,
            signing_secret = NULL
        WHERE id = $1 AND deleted_at IS NULL";
    REVOKE_TOKENS = "UPDATE service_tokens SET revoked_at = $2 WHERE bot_id = $1 AND revoked_at IS NULL";
    REVOKE_SESSIONS = "UPDATE sessions SET revoked_at = $2 WHERE bot_id = $1 AND revoked_at IS NULL";
    CLOSE_KBS = "DELETE FROM kb_bots WHERE bot_id = $1";
    FORGET = "DELETE FROM conversations WHERE chat_id IN (SELECT id FROM chats WHERE bot_id = $1)";
    FORGET_STANDING = "DELETE FROM standing_questions WHERE bot_id = $1";
}

/// Longest message of an error that is kept, in bytes.
const MAX_ERROR_BYTES: usize = 4_096;

fn check(bot: &Bot) -> Result<(), StorageError> {
    for (text, what) in [
        (bot.code.as_str(), "the code"),
        (&bot.name, "the name"),
        (bot.description.as_deref().unwrap_or_default(), "the description"),
        (&bot.version, "the version"),
    ] {
        check_text(text, what)?;
    }
    Ok(())
}

fn message(error: &BotError) -> String {
    displayable(&error.message, MAX_ERROR_BYTES)
}

/// Binds what a bot's people can change, as `$1` to `$13`.
macro_rules! bind_plain {
    ($query:expr, $bot:expr) => {
        $query
            .bind($bot.id.as_uuid())
            .bind(&$bot.code)
            .bind(&$bot.name)
            .bind(&$bot.description)
            .bind(&$bot.version)
            .bind(to_json(&$bot.addresses))
            .bind($bot.max_role.as_str())
            .bind(to_json(&$bot.default_kbs))
            .bind(to_json(&$bot.texts))
            .bind(to_json(&$bot.settings))
            .bind(to_json(&$bot.quotas))
            .bind(to_json(&$bot.person_quotas))
            .bind($bot.time_zone.name())
    };
}

impl Bots<&mut Tx> {
    /// [`StorageError::UniqueViolation`] if a live one has this code. Whether it has a token says
    /// `sealed_telegram_token`, not the bot; it does not sign requests yet.
    pub async fn insert(
        &mut self,
        bot: &Bot,
        sealed_telegram_token: Option<&str>,
    ) -> Result<(), StorageError> {
        check(bot)?;
        let error = bot.last_error.as_ref();
        on!(self.0, |c| {
            let insert = bind_plain!(sqlx::query(INSERT), bot);
            let insert = insert
                .bind(bot.is_active)
                .bind(bot.telegram_bot_id)
                .bind(sealed_telegram_token);
            let insert = insert
                .bind(error.map(message))
                .bind(error.map(|error| At(error.at)));
            insert
                .bind(At(bot.created_at))
                .bind(At(bot.updated_at))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// The bot, which nobody else changes until this transaction ends.
    pub async fn lock(&mut self, id: BotId) -> Result<Option<Bot>, StorageError> {
        let lock = LOCK_BOT.on(self.0.kind());
        let row: Option<BotColumns> = on!(self.0, |c| sqlx::query_as(lock)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Writes what people can change, and `updated_at`; not whether it is active, nor its secrets, nor its error.
    /// `false` if there is none. [`StorageError::UniqueViolation`] if the code is taken.
    pub async fn update(&mut self, bot: &Bot) -> Result<bool, StorageError> {
        check(bot)?;
        let updated = on!(self.0, |c| {
            let update = bind_plain!(sqlx::query(UPDATE), bot);
            update.bind(At(bot.updated_at)).execute(c).await?.rows_affected()
        });
        Ok(updated == 1)
    }

    /// The changed row; `None` if there is none.
    pub async fn set_active(
        &mut self,
        id: BotId,
        active: bool,
        now: Timestamp,
    ) -> Result<Option<Bot>, StorageError> {
        let row: Option<BotColumns> = on!(self.0, |c| {
            let update = sqlx::query_as(SET_ACTIVE).bind(id.as_uuid()).bind(active);
            update.bind(At(now)).fetch_optional(c).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// Remembers what went wrong last, or forgets it. `false` if there is no such bot.
    pub async fn set_error(&mut self, id: BotId, error: Option<&BotError>) -> Result<bool, StorageError> {
        let updated = on!(self.0, |c| {
            let update = sqlx::query(SET_ERROR).bind(id.as_uuid()).bind(error.map(message));
            update
                .bind(error.map(|error| At(error.at)))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(updated == 1)
    }

    /// Hides it and frees its code; its secrets are gone, its tokens and the sessions begun inside of it are revoked,
    /// no knowledge base is open to it, and what it was asked last is forgotten. `false` if there was none.
    pub async fn delete(&mut self, id: BotId, now: Timestamp) -> Result<bool, StorageError> {
        let (id, now) = (id.as_uuid(), At(now));
        let deleted = on!(self.0, |c| {
            let delete = sqlx::query(DELETE).bind(id).bind(now);
            let deleted = delete.execute(&mut *c).await?.rows_affected();
            if deleted == 1 {
                for revoke in [REVOKE_TOKENS, REVOKE_SESSIONS] {
                    sqlx::query(revoke).bind(id).bind(now).execute(&mut *c).await?;
                }
                for delete in [CLOSE_KBS, FORGET, FORGET_STANDING] {
                    sqlx::query(delete).bind(id).execute(&mut *c).await?;
                }
            }
            deleted
        });
        Ok(deleted == 1)
    }
}
