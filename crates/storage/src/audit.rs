//! The audit log. Entries are written in the transaction of what they tell of; none is ever changed.

use nexus_domain::{Action, AuditEntry, AuditId, BotId, KbId, Target, Timestamp};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, from_json, limit, to_json, word};

macro_rules! columns {
    () => {
        "id, at, actor_kind, actor_id, bot_id, action, target_kind, target_id, kb_id, details, address, trace_id"
    };
}

statements! {
    INSERT = concat!("INSERT INTO audit_log (", columns!(), ")
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)");
    LIST = concat!("SELECT ", columns!(), " FROM audit_log
        WHERE id < $1 AND (actor_id = $2 OR $2 IS NULL) AND (target_id = $3 OR $3 IS NULL)
            AND (kb_id = $4 OR $4 IS NULL) AND (action = $5 OR $5 IS NULL)
            AND (at >= $6 OR $6 IS NULL) AND (at < $7 OR $7 IS NULL)
        ORDER BY id DESC LIMIT $8");
}

/// Which entries to list; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub actor_id: Option<Uuid>,
    pub target_id: Option<String>,
    pub kb_id: Option<KbId>,
    pub action: Option<Action>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    at: At,
    actor_kind: String,
    actor_id: Option<Uuid>,
    bot_id: Option<Uuid>,
    action: String,
    target_kind: String,
    target_id: String,
    kb_id: Option<Uuid>,
    details: String,
    address: Option<String>,
    trace_id: String,
}

impl TryFrom<Row> for AuditEntry {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        Ok(Self {
            id: AuditId::from_uuid(row.id),
            at: row.at.0,
            actor_kind: word(&row.actor_kind)?,
            actor_id: row.actor_id,
            bot_id: row.bot_id.map(BotId::from_uuid),
            action: word(&row.action)?,
            target: Target {
                kind: word(&row.target_kind)?,
                id: row.target_id,
            },
            kb_id: row.kb_id.map(KbId::from_uuid),
            details: from_json(&row.details, "details of an audit entry")?,
            address: row.address,
            trace_id: row.trace_id,
        })
    }
}

#[derive(Debug)]
pub struct Audit<C>(pub(crate) C);

impl<C: Connect> Audit<C> {
    /// Entries, newest first, before the entry `before`.
    pub async fn list(
        &mut self,
        filter: &AuditFilter,
        before: Option<AuditId>,
        rows: usize,
    ) -> Result<Vec<AuditEntry>, StorageError> {
        let target = filter.target_id.as_deref();
        if target.is_some_and(|id| check_text(id, "the id").is_err()) {
            return Ok(Vec::new());
        }
        let before = before.map_or(Uuid::max(), AuditId::as_uuid);
        let rows: Vec<Row> = on!(self.0, |c| {
            let select = sqlx::query_as(LIST)
                .bind(before)
                .bind(filter.actor_id)
                .bind(target);
            let select = select
                .bind(filter.kb_id.map(KbId::as_uuid))
                .bind(filter.action.map(Action::as_str));
            let select = select.bind(filter.from.map(At)).bind(filter.until.map(At));
            select.bind(limit(rows)).fetch_all(c).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl Audit<&mut Tx> {
    pub async fn insert(&mut self, entry: &AuditEntry) -> Result<(), StorageError> {
        check_text(&entry.target.id, "the id of the target")?;
        check_text(&entry.trace_id, "the trace id")?;
        check_text(entry.address.as_deref().unwrap_or_default(), "the address")?;
        on!(self.0, |c| {
            let insert = sqlx::query(INSERT).bind(entry.id.as_uuid()).bind(At(entry.at));
            let insert = insert
                .bind(entry.actor_kind.as_str())
                .bind(entry.actor_id)
                .bind(entry.bot_id.map(BotId::as_uuid));
            let insert = insert
                .bind(entry.action.as_str())
                .bind(entry.target.kind.as_str())
                .bind(&entry.target.id);
            let insert = insert
                .bind(entry.kb_id.map(KbId::as_uuid))
                .bind(to_json(&entry.details));
            insert
                .bind(&entry.address)
                .bind(&entry.trace_id)
                .execute(c)
                .await?
                .rows_affected()
        });
        Ok(())
    }
}
