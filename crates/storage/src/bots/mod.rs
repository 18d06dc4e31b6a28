//! Bots. A deleted one disappears at once and its code is free; its row stays, because others name it. [`write`] is
//! what is changed of them, [`secrets`] their two secrets, which are sealed before they come here.

mod secrets;
mod write;

#[cfg(feature = "testing")]
pub(crate) const ALL_STATEMENTS: [&[&str]; 3] = [STATEMENTS, write::STATEMENTS, secrets::STATEMENTS];

use nexus_domain::bot::BotError;
use nexus_domain::{Bot, BotId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, from_json, limit, word};

/// The columns of [`BotColumns`], for statements that join others.
macro_rules! bot_columns {
    () => {
        "bots.id, bots.code, bots.name, bots.description, bots.version, bots.is_active, bots.telegram_bot_id,
         bots.telegram_token IS NOT NULL AS has_telegram_token, bots.signing_secret IS NOT NULL AS signs_requests,
         bots.addresses, bots.max_role, bots.default_kbs, bots.texts, bots.settings, bots.quotas, bots.person_quotas,
         bots.time_zone, bots.last_error, bots.last_error_at, bots.created_at, bots.updated_at"
    };
}
pub(crate) use bot_columns;

statements! {
    GET = concat!("SELECT ", bot_columns!(), " FROM bots WHERE id = $1 AND deleted_at IS NULL");
    BY_CODE = concat!("SELECT ", bot_columns!(), " FROM bots WHERE code = $1 AND deleted_at IS NULL");
    LIST = concat!("SELECT ", bot_columns!(), " FROM bots
        WHERE deleted_at IS NULL AND code > $1 ORDER BY code LIMIT $2");
}

#[derive(FromRow)]
pub(crate) struct BotColumns {
    id: Uuid,
    code: String,
    name: String,
    description: Option<String>,
    version: String,
    is_active: bool,
    telegram_bot_id: Option<i64>,
    has_telegram_token: bool,
    signs_requests: bool,
    addresses: String,
    max_role: String,
    default_kbs: String,
    texts: String,
    settings: String,
    quotas: String,
    person_quotas: String,
    time_zone: String,
    last_error: Option<String>,
    last_error_at: Option<At>,
    created_at: At,
    updated_at: At,
}

impl TryFrom<BotColumns> for Bot {
    type Error = StorageError;

    fn try_from(row: BotColumns) -> Result<Self, StorageError> {
        let last_error = row.last_error.zip(row.last_error_at);
        Ok(Self {
            id: BotId::from_uuid(row.id),
            code: row.code,
            name: row.name,
            description: row.description,
            version: row.version,
            is_active: row.is_active,
            telegram_bot_id: row.telegram_bot_id,
            has_telegram_token: row.has_telegram_token,
            signs_requests: row.signs_requests,
            addresses: from_json(&row.addresses, "addresses of a bot")?,
            max_role: word(&row.max_role)?,
            default_kbs: from_json(&row.default_kbs, "knowledge bases of a bot")?,
            texts: from_json(&row.texts, "texts of a bot")?,
            settings: from_json(&row.settings, "settings of a bot")?,
            quotas: from_json(&row.quotas, "quotas of a bot")?,
            person_quotas: from_json(&row.person_quotas, "quotas of a bot's people")?,
            time_zone: word(&row.time_zone)?,
            last_error: last_error.map(|(message, at)| BotError { message, at: at.0 }),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

#[derive(Debug)]
pub struct Bots<C>(pub(crate) C);

impl<C: Connect> Bots<C> {
    pub async fn get(&mut self, id: BotId) -> Result<Option<Bot>, StorageError> {
        let row: Option<BotColumns> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    pub async fn by_code(&mut self, code: &str) -> Result<Option<Bot>, StorageError> {
        if check_text(code, "the code").is_err() {
            return Ok(None);
        }
        let row: Option<BotColumns> = on!(self.0, |c| sqlx::query_as(BY_CODE)
            .bind(code)
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Live bots by code, after the code `after`.
    pub async fn list(&mut self, after: Option<&str>, rows: usize) -> Result<Vec<Bot>, StorageError> {
        let after = after.unwrap_or_default();
        check_text(after, "the code to start after")?;
        let rows: Vec<BotColumns> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(after)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
