//! What rows say about a caller, in one statement each: these are asked at every request.

use nexus_domain::{Bot, BotId, KbId, KbRole, ServiceTokenId, SessionId, User, UserId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::bots::{BotColumns, bot_columns};
use crate::error::StorageError;
use crate::service_tokens::{ServiceTokenRow, TokenColumns, token_columns};
use crate::session::{Connect, on};
use crate::sessions::{SessionColumns, SessionRow, session_columns};
use crate::sql::statements;
use crate::types::word;
use crate::users::{UserColumns, user_columns};

statements! {
    GRANTS = "SELECT m.kb_id, m.role FROM kb_members m
            JOIN knowledge_bases k ON k.id = m.kb_id AND k.deleted_at IS NULL WHERE m.user_id = $1
        UNION ALL
        SELECT id, 'reader' FROM knowledge_bases WHERE visibility = 'everyone' AND deleted_at IS NULL
        UNION ALL
        SELECT b.kb_id, 'reader' FROM kb_bots b
            JOIN knowledge_bases k ON k.id = b.kb_id AND k.deleted_at IS NULL WHERE b.bot_id = $2";
    SESSION = concat!("SELECT ", session_columns!(), ", ", user_columns!(), ",
            bots.is_active AND bots.deleted_at IS NULL AS bot_is_active
        FROM sessions JOIN users ON users.id = sessions.user_id LEFT JOIN bots ON bots.id = sessions.bot_id
        WHERE sessions.id = $1");
    TOKEN = concat!("SELECT ", token_columns!(), ", ", bot_columns!(), "
        FROM service_tokens JOIN bots ON bots.id = service_tokens.bot_id AND bots.deleted_at IS NULL
        WHERE service_tokens.id = $1");
}

/// A session with whose it is. Whether it counts is the caller's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStanding {
    pub session: SessionRow,
    pub user: User,
    /// `None` if the session was not begun inside of a bot; a deleted bot is not active.
    pub bot_is_active: Option<bool>,
}

#[derive(FromRow)]
struct SessionStandingRow {
    #[sqlx(flatten)]
    session: SessionColumns,
    #[sqlx(flatten)]
    user: UserColumns,
    bot_is_active: Option<bool>,
}

/// A service token with whose it is. Whether it counts is the caller's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStanding {
    pub token: ServiceTokenRow,
    pub bot: Bot,
}

#[derive(FromRow)]
struct TokenStandingRow {
    #[sqlx(flatten)]
    token: TokenColumns,
    #[sqlx(flatten)]
    bot: BotColumns,
}

#[derive(Debug)]
pub struct Rights<C>(pub(crate) C);

impl<C: Connect> Rights<C> {
    /// The live knowledge bases that are opened to everyone, to the person and to the bot. One may come several times.
    pub async fn grants(
        &mut self,
        user: Option<UserId>,
        bot: Option<BotId>,
    ) -> Result<Vec<(KbId, KbRole)>, StorageError> {
        let rows: Vec<(Uuid, String)> = on!(self.0, |c| sqlx::query_as(GRANTS)
            .bind(user.map(UserId::as_uuid))
            .bind(bot.map(BotId::as_uuid))
            .fetch_all(c)
            .await?);
        rows.into_iter()
            .map(|(kb, role)| Ok((KbId::from_uuid(kb), word(&role)?)))
            .collect()
    }

    /// The session, live or not, and its person, blocked or not.
    pub async fn session(&mut self, id: SessionId) -> Result<Option<SessionStanding>, StorageError> {
        let row: Option<SessionStandingRow> = on!(self.0, |c| sqlx::query_as(SESSION)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(|row| {
            Ok(SessionStanding {
                session: row.session.try_into()?,
                user: row.user.try_into()?,
                bot_is_active: row.bot_is_active,
            })
        })
        .transpose()
    }

    /// The token, live or not, and its bot, active or not; `None` if the bot was deleted.
    pub async fn token(&mut self, id: ServiceTokenId) -> Result<Option<TokenStanding>, StorageError> {
        let row: Option<TokenStandingRow> = on!(self.0, |c| sqlx::query_as(TOKEN)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(|row| {
            Ok(TokenStanding {
                token: row.token.into(),
                bot: row.bot.try_into()?,
            })
        })
        .transpose()
    }
}
