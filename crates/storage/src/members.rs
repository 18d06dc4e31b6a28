//! Who may do what in which knowledge base, by name.

use nexus_domain::{KbId, KbRole, Timestamp, User, UserId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, limit, word};
use crate::users::{UserColumns, user_columns};

statements! {
    LIST = concat!("SELECT kb_members.role AS member_role, kb_members.created_at AS member_since, ", user_columns!(), "
        FROM kb_members JOIN users ON users.id = kb_members.user_id
        WHERE kb_members.kb_id = $1 AND kb_members.user_id > $2 ORDER BY kb_members.user_id LIMIT $3");
    OF_USER = "SELECT m.kb_id, m.role FROM kb_members m
        JOIN knowledge_bases k ON k.id = m.kb_id AND k.deleted_at IS NULL WHERE m.user_id = $1 ORDER BY m.kb_id";
    // Reads the role and locks its row, so that of two changes each knows what it changed.
    ROLE = "UPDATE kb_members SET role = role WHERE kb_id = $1 AND user_id = $2 RETURNING role";
    SET = "INSERT INTO kb_members (kb_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (user_id, kb_id) DO UPDATE SET role = excluded.role";
    REMOVE = "DELETE FROM kb_members WHERE kb_id = $1 AND user_id = $2 RETURNING role";
}

/// A member of a knowledge base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    pub user: User,
    pub role: KbRole,
    /// Since when the person is a member, in whatever role.
    pub created_at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    member_role: String,
    member_since: At,
    #[sqlx(flatten)]
    user: UserColumns,
}

impl TryFrom<Row> for MemberRow {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        Ok(Self {
            user: row.user.try_into()?,
            role: word(&row.member_role)?,
            created_at: row.member_since.0,
        })
    }
}

#[derive(Debug)]
pub struct Members<C>(pub(crate) C);

impl<C: Connect> Members<C> {
    /// Members of a knowledge base in the order of their ids, after the person `after`.
    pub async fn list(
        &mut self,
        kb: KbId,
        after: Option<UserId>,
        rows: usize,
    ) -> Result<Vec<MemberRow>, StorageError> {
        let after = after.map_or(Uuid::nil(), UserId::as_uuid);
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(kb.as_uuid())
            .bind(after)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The live knowledge bases that a person is a member of.
    pub async fn of_user(&mut self, user: UserId) -> Result<Vec<(KbId, KbRole)>, StorageError> {
        let rows: Vec<(Uuid, String)> = on!(self.0, |c| sqlx::query_as(OF_USER)
            .bind(user.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter()
            .map(|(kb, role)| Ok((KbId::from_uuid(kb), word(&role)?)))
            .collect()
    }
}

impl Members<&mut Tx> {
    /// Gives a person a role; the one that they had before. [`StorageError::ReferenceViolation`] if there is no such
    /// person or knowledge base.
    pub async fn set(
        &mut self,
        kb: KbId,
        user: UserId,
        role: KbRole,
        now: Timestamp,
    ) -> Result<Option<KbRole>, StorageError> {
        let (kb, user) = (kb.as_uuid(), user.as_uuid());
        let previous: Option<String> = on!(self.0, |c| {
            let find = sqlx::query_scalar(ROLE).bind(kb).bind(user);
            let previous = find.fetch_optional(&mut *c).await?;
            let set = sqlx::query(SET).bind(kb).bind(user).bind(role.as_str());
            set.bind(At(now)).execute(&mut *c).await?;
            previous
        });
        previous.as_deref().map(word).transpose()
    }

    /// Takes a person out; the role that they had, `None` if they had none.
    pub async fn remove(&mut self, kb: KbId, user: UserId) -> Result<Option<KbRole>, StorageError> {
        let previous: Option<String> = on!(self.0, |c| sqlx::query_scalar(REMOVE)
            .bind(kb.as_uuid())
            .bind(user.as_uuid())
            .fetch_optional(c)
            .await?);
        previous.as_deref().map(word).transpose()
    }
}
