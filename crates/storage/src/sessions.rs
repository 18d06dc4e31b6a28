//! Sign-ins of people. A session's token is derived from its row; it never reaches this crate.

use nexus_domain::{BotId, SessionId, Timestamp, UserId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, hash, limit};

/// The columns of [`SessionColumns`], for statements that join others.
macro_rules! session_columns {
    () => {
        "sessions.id AS session_id, sessions.user_id, sessions.bot_id, sessions.method, sessions.csrf_hash,
         sessions.created_at AS session_created_at, sessions.expires_at, sessions.revoked_at"
    };
}
pub(crate) use session_columns;

statements! {
    FIND = concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1");
    INSERT = "INSERT INTO sessions (id, user_id, bot_id, method, csrf_hash, created_at, expires_at, revoked_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    REVOKE = "UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    REVOKE_OF_USER = "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL";
    DELETE_EXPIRED = "DELETE FROM sessions
        WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
}

/// A session, live or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub id: SessionId,
    pub user_id: UserId,
    /// The bot that the session was begun inside of.
    pub bot_id: Option<BotId>,
    /// How the person signed in.
    pub method: String,
    /// Hash of the secret that a page sends along with each change; only browsers have one.
    pub csrf_hash: Option<[u8; 32]>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

#[derive(FromRow)]
pub(crate) struct SessionColumns {
    session_id: Uuid,
    user_id: Uuid,
    bot_id: Option<Uuid>,
    method: String,
    csrf_hash: Option<Vec<u8>>,
    session_created_at: At,
    expires_at: At,
    revoked_at: Option<At>,
}

impl TryFrom<SessionColumns> for SessionRow {
    type Error = StorageError;

    fn try_from(row: SessionColumns) -> Result<Self, StorageError> {
        let csrf_hash = row.csrf_hash.as_deref().map(hash).transpose()?;
        Ok(Self {
            id: SessionId::from_uuid(row.session_id),
            user_id: UserId::from_uuid(row.user_id),
            bot_id: row.bot_id.map(BotId::from_uuid),
            method: row.method,
            csrf_hash: csrf_hash.map(|hash| *hash.as_bytes()),
            created_at: row.session_created_at.0,
            expires_at: row.expires_at.0,
            revoked_at: row.revoked_at.map(|at| at.0),
        })
    }
}

#[derive(Debug)]
pub struct Sessions<C>(pub(crate) C);

impl<C: Connect> Sessions<C> {
    /// The session, live or not.
    pub async fn find(&mut self, id: SessionId) -> Result<Option<SessionRow>, StorageError> {
        let row: Option<SessionColumns> = on!(self.0, |c| sqlx::query_as(FIND)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }
}

impl Sessions<&mut Tx> {
    /// [`StorageError::ReferenceViolation`] if there is no such person or bot.
    pub async fn insert(&mut self, session: &SessionRow) -> Result<(), StorageError> {
        check_text(&session.method, "the method")?;
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(session.id.as_uuid())
                .bind(session.user_id.as_uuid())
                .bind(session.bot_id.map(BotId::as_uuid));
            let insert = insert
                .bind(&session.method)
                .bind(session.csrf_hash.as_ref().map(<[u8; 32]>::as_slice));
            let insert = insert.bind(At(session.created_at)).bind(At(session.expires_at));
            insert
                .bind(session.revoked_at.map(At))
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// `false` if there is no such session, or it was revoked before.
    pub async fn revoke(&mut self, id: SessionId, now: Timestamp) -> Result<bool, StorageError> {
        Ok(self.revoke_by(REVOKE, id.as_uuid(), now).await? == 1)
    }

    /// Ends all sessions of a person; how many.
    pub async fn revoke_of_user(&mut self, user: UserId, now: Timestamp) -> Result<u64, StorageError> {
        self.revoke_by(REVOKE_OF_USER, user.as_uuid(), now).await
    }

    async fn revoke_by(&mut self, sql: &'static str, id: Uuid, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| {
            let update = sqlx::query(sql).bind(id).bind(At(now));
            update.execute(c).await?.rows_affected()
        }))
    }

    /// Forgets up to `rows` sessions that expired before `before`; how many.
    pub async fn delete_expired(&mut self, before: Timestamp, rows: usize) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| {
            let delete = sqlx::query(DELETE_EXPIRED).bind(At(before)).bind(limit(rows));
            delete.execute(c).await?.rows_affected()
        }))
    }
}
