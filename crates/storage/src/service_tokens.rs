//! Tokens that bots call this API with. A token's text is derived from its row and a key of the operator's; it never
//! reaches this crate.

use nexus_domain::{BotId, ServiceTokenId, Timestamp};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text};

/// The columns of [`TokenColumns`], for statements that join others.
macro_rules! token_columns {
    () => {
        "service_tokens.id AS token_id, service_tokens.bot_id, service_tokens.name AS token_name,
         service_tokens.created_at AS token_created_at, service_tokens.expires_at, service_tokens.revoked_at"
    };
}
pub(crate) use token_columns;

statements! {
    FIND = concat!("SELECT ", token_columns!(), " FROM service_tokens WHERE id = $1");
    LIST = concat!("SELECT ", token_columns!(), " FROM service_tokens WHERE bot_id = $1 ORDER BY id DESC LIMIT 1000");
    INSERT = "INSERT INTO service_tokens (id, bot_id, name, created_at, expires_at, revoked_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    REVOKE = "UPDATE service_tokens SET revoked_at = $3 WHERE id = $1 AND bot_id = $2 AND revoked_at IS NULL";
}

/// A token, live or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTokenRow {
    pub id: ServiceTokenId,
    pub bot_id: BotId,
    pub name: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

#[derive(FromRow)]
pub(crate) struct TokenColumns {
    token_id: Uuid,
    bot_id: Uuid,
    token_name: String,
    token_created_at: At,
    expires_at: At,
    revoked_at: Option<At>,
}

impl From<TokenColumns> for ServiceTokenRow {
    fn from(row: TokenColumns) -> Self {
        Self {
            id: ServiceTokenId::from_uuid(row.token_id),
            bot_id: BotId::from_uuid(row.bot_id),
            name: row.token_name,
            created_at: row.token_created_at.0,
            expires_at: row.expires_at.0,
            revoked_at: row.revoked_at.map(|at| at.0),
        }
    }
}

#[derive(Debug)]
pub struct ServiceTokens<C>(pub(crate) C);

impl<C: Connect> ServiceTokens<C> {
    /// The token, live or not.
    pub async fn find(&mut self, id: ServiceTokenId) -> Result<Option<ServiceTokenRow>, StorageError> {
        let row: Option<TokenColumns> = on!(self.0, |c| sqlx::query_as(FIND)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        Ok(row.map(Into::into))
    }

    /// The bot's tokens, live or not, newest first; at most 1,000.
    pub async fn list(&mut self, bot: BotId) -> Result<Vec<ServiceTokenRow>, StorageError> {
        let rows: Vec<TokenColumns> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(bot.as_uuid())
            .fetch_all(c)
            .await?);
        Ok(rows.into_iter().map(Into::into).collect())
    }
}

impl ServiceTokens<&mut Tx> {
    /// [`StorageError::ReferenceViolation`] if there is no such bot.
    pub async fn insert(&mut self, token: &ServiceTokenRow) -> Result<(), StorageError> {
        check_text(&token.name, "the name of the token")?;
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(token.id.as_uuid())
                .bind(token.bot_id.as_uuid())
                .bind(&token.name);
            let insert = insert.bind(At(token.created_at)).bind(At(token.expires_at));
            insert
                .bind(token.revoked_at.map(At))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// `false` if the bot has no such token, or it was revoked before.
    pub async fn revoke(
        &mut self,
        bot: BotId,
        id: ServiceTokenId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let revoked = on!(self.0, |c| {
            let update = sqlx::query(REVOKE).bind(id.as_uuid()).bind(bot.as_uuid());
            update.bind(At(now)).execute(c).await?.rows_affected()
        });
        Ok(revoked == 1)
    }
}
