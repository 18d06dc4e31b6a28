//! People. One row per Telegram id; their names follow what Telegram last said, their rights do not.

use nexus_domain::{Person, Quotas, Role, TelegramId, Timestamp, User, UserId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::LOCK_ADMINS;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, from_json, limit, to_json, word};

/// The columns of [`UserColumns`], for statements that join others.
macro_rules! user_columns {
    () => {
        "users.id, users.telegram_id, users.username, users.first_name, users.last_name, users.language_code,
         users.role, users.blocked, users.quotas, users.created_at, users.updated_at"
    };
}
pub(crate) use user_columns;

statements! {
    GET = concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1");
    BY_TELEGRAM_ID = concat!("SELECT ", user_columns!(), " FROM users WHERE telegram_id = $1");
    LIST = concat!("SELECT ", user_columns!(), " FROM users
        WHERE id < $1 AND (role = $2 OR $2 IS NULL) AND (blocked = $3 OR $3 IS NULL)
            AND (username = $4 OR $4 IS NULL) AND (telegram_id = $5 OR $5 IS NULL)
        ORDER BY id DESC LIMIT $6");
    UPSERT = concat!("INSERT INTO users (id, telegram_id, username, first_name, last_name, language_code, role, blocked,
            quotas, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'reader', FALSE, '{}', $7, $7)
        ON CONFLICT (telegram_id) DO UPDATE SET username = excluded.username, first_name = excluded.first_name,
            last_name = excluded.last_name, language_code = excluded.language_code, updated_at = excluded.updated_at
        RETURNING ", user_columns!());
    UPDATE = concat!("UPDATE users SET role = COALESCE($2, role), blocked = COALESCE($3, blocked),
            quotas = COALESCE($4, quotas), updated_at = $5
        WHERE id = $1 RETURNING ", user_columns!());
}

/// Which people to list; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    pub role: Option<Role>,
    pub blocked: Option<bool>,
    /// Exactly this one, without `@`.
    pub username: Option<String>,
    pub telegram_id: Option<TelegramId>,
}

/// What to change; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    pub role: Option<Role>,
    pub blocked: Option<bool>,
    pub quotas: Option<Quotas>,
}

#[derive(FromRow)]
pub(crate) struct UserColumns {
    id: Uuid,
    telegram_id: i64,
    username: Option<String>,
    first_name: String,
    last_name: Option<String>,
    language_code: Option<String>,
    role: String,
    blocked: bool,
    quotas: String,
    created_at: At,
    updated_at: At,
}

impl TryFrom<UserColumns> for User {
    type Error = StorageError;

    fn try_from(row: UserColumns) -> Result<Self, StorageError> {
        let telegram_id = TelegramId::new(row.telegram_id)
            .ok_or_else(|| StorageError::corrupt(format_args!("the Telegram id {}", row.telegram_id)))?;
        Ok(Self {
            id: UserId::from_uuid(row.id),
            person: Person {
                telegram_id,
                username: row.username,
                first_name: row.first_name,
                last_name: row.last_name,
                language_code: row.language_code,
            },
            role: word(&row.role)?,
            blocked: row.blocked,
            quotas: from_json(&row.quotas, "quotas of a person")?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

#[derive(Debug)]
pub struct Users<C>(pub(crate) C);

impl<C: Connect> Users<C> {
    pub async fn get(&mut self, id: UserId) -> Result<Option<User>, StorageError> {
        let row: Option<UserColumns> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    pub async fn by_telegram_id(&mut self, id: TelegramId) -> Result<Option<User>, StorageError> {
        let row: Option<UserColumns> = on!(self.0, |c| sqlx::query_as(BY_TELEGRAM_ID)
            .bind(id.get())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// People, newest first, before the person `before`.
    pub async fn list(
        &mut self,
        filter: &UserFilter,
        before: Option<UserId>,
        rows: usize,
    ) -> Result<Vec<User>, StorageError> {
        let username = filter.username.as_deref();
        if username.is_some_and(|name| check_text(name, "the username").is_err()) {
            return Ok(Vec::new());
        }
        let before = before.map_or(Uuid::max(), UserId::as_uuid);
        let rows: Vec<UserColumns> = on!(self.0, |c| {
            let select = sqlx::query_as(LIST)
                .bind(before)
                .bind(filter.role.map(Role::as_str));
            let select = select.bind(filter.blocked).bind(username);
            let select = select.bind(filter.telegram_id.map(TelegramId::get));
            select.bind(limit(rows)).fetch_all(c).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Users<&mut Tx> {
    /// The person's row, with the names that they have now, and whether it was made now: under the id `candidate`,
    /// as a reader. First messages that race make one row.
    pub async fn upsert(
        &mut self,
        person: &Person,
        candidate: UserId,
        now: Timestamp,
    ) -> Result<(User, bool), StorageError> {
        for text in [&person.username, &person.last_name, &person.language_code] {
            text.iter()
                .try_for_each(|text| check_text(text, "the person's data"))?;
        }
        check_text(&person.first_name, "the first name")?;
        let row: UserColumns = on!(self.0, |c| {
            let insert = sqlx::query_as(UPSERT)
                .bind(candidate.as_uuid())
                .bind(person.telegram_id.get());
            let insert = insert.bind(&person.username).bind(&person.first_name);
            let insert = insert.bind(&person.last_name).bind(&person.language_code);
            insert.bind(At(now)).fetch_one(c).await?
        });
        let user = User::try_from(row)?;
        let created = user.id == candidate;
        Ok((user, created))
    }

    /// The changed row; `None` if there is none.
    pub async fn update(
        &mut self,
        id: UserId,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<Option<User>, StorageError> {
        let row: Option<UserColumns> = on!(self.0, |c| {
            let update = sqlx::query_as(UPDATE)
                .bind(id.as_uuid())
                .bind(change.role.map(Role::as_str));
            let update = update
                .bind(change.blocked)
                .bind(change.quotas.as_ref().map(to_json));
            update.bind(At(now)).fetch_optional(c).await?
        });
        row.map(TryInto::try_into).transpose()
    }

    /// The admins who are not blocked. They stay so until this transaction ends: others who ask wait, so that two
    /// admins cannot both be the last but one.
    pub async fn lock_admins(&mut self) -> Result<Vec<UserId>, StorageError> {
        let lock = LOCK_ADMINS.on(self.0.kind());
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(lock).fetch_all(c).await?);
        Ok(ids.into_iter().map(UserId::from_uuid).collect())
    }
}
