//! Sources of a knowledge base. Their secrets come and go sealed; nothing here can read them.

use nexus_domain::{KbId, Remote, Schedule, Source, SourceId, SourceKind, SyncState, TaskId, Timestamp};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::LOCK_SEALED_SOURCES;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, check_text, from_json, limit, number, to_json, word};

macro_rules! columns {
    () => {
        "s.id, s.kb_id, s.kind, s.name, s.remote, s.schedule, s.next_sync_at, s.sync_state, s.sync_task_id, s.synced_at,
         s.credential IS NOT NULL AS has_credential, s.webhook_secret IS NOT NULL AS has_webhook, s.created_at,
         s.updated_at"
    };
}
pub(crate) use columns as source_columns;

statements! {
    GET = concat!("SELECT ", columns!(), " FROM sources s WHERE s.id = $1 AND s.deleted_at IS NULL");
    FIND = concat!("SELECT ", columns!(), " FROM sources s
        WHERE s.kb_id = $1 AND s.kind = $2 AND s.name = $3 AND s.deleted_at IS NULL");
    LIST = concat!("SELECT ", columns!(), ",
            (SELECT COUNT(*) FROM documents d WHERE d.source_id = s.id AND d.deleted_at IS NULL) AS documents
        FROM sources s WHERE s.kb_id = $1 AND s.deleted_at IS NULL ORDER BY s.name, s.kind");
    OPEN_TASK = "SELECT t.id FROM sources s JOIN tasks t ON t.id = s.sync_task_id
        WHERE s.id = $1 AND s.deleted_at IS NULL AND t.state = 'queued'";
    // One row, so that nobody can move the source to another site between its address and its credential.
    WITH_CREDENTIAL = concat!("SELECT ", columns!(), ", s.credential FROM sources s
        WHERE s.id = $1 AND s.deleted_at IS NULL");
    DUE = concat!("SELECT ", columns!(), " FROM sources s
        JOIN knowledge_bases k ON k.id = s.kb_id AND k.deleted_at IS NULL
        WHERE s.next_sync_at <= $1 AND s.deleted_at IS NULL ORDER BY s.next_sync_at LIMIT $2");
    // A write that changes nothing: in PostgreSQL it keeps the row from being deleted until the transaction ends.
    HOLD = "UPDATE sources SET deleted_at = deleted_at WHERE id = $1 AND deleted_at IS NULL";
    HOLD_NAMED = "UPDATE sources SET deleted_at = deleted_at
        WHERE kb_id = $1 AND kind = $2 AND name = $3 AND deleted_at IS NULL";
    INSERT = "INSERT INTO sources (id, kb_id, kind, name, remote, schedule, next_sync_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (kb_id, kind, name) WHERE deleted_at IS NULL DO NOTHING";
    SET_REMOTE = "UPDATE sources SET remote = $2, sync_state = NULL, updated_at = $3
        WHERE id = $1 AND deleted_at IS NULL";
    // Another site may call another content by the same name.
    FORGET_FINGERPRINTS = "UPDATE documents SET fingerprint = NULL WHERE source_id = $1 AND fingerprint IS NOT NULL";
    SET_SCHEDULE = "UPDATE sources SET schedule = $2, next_sync_at = $3, updated_at = $4
        WHERE id = $1 AND deleted_at IS NULL";
    TAKE_DUE = "UPDATE sources SET next_sync_at = $3 WHERE id = $1 AND next_sync_at = $2 AND deleted_at IS NULL";
    SET_TASK = "UPDATE sources SET sync_task_id = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL";
    SYNCED = "UPDATE sources SET sync_state = $2, synced_at = $3, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL";
    SET_CREDENTIAL = "UPDATE sources SET credential = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL";
    WEBHOOK_SECRET = "SELECT webhook_secret FROM sources WHERE id = $1 AND deleted_at IS NULL";
    SET_WEBHOOK_SECRET = "UPDATE sources SET webhook_secret = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL";
    // Nothing that people see has changed, so the time of the last change stays.
    RESEAL = "UPDATE sources SET credential = COALESCE($2, credential),
            webhook_secret = COALESCE($3, webhook_secret)
        WHERE id = $1 AND deleted_at IS NULL";
    DELETE = "UPDATE sources SET deleted_at = $2, updated_at = $2, credential = NULL, webhook_secret = NULL,
            next_sync_at = NULL
        WHERE id = $1 AND deleted_at IS NULL";
    FORGET_DELETED = "DELETE FROM sources WHERE deleted_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.source_id = sources.id)";
}

#[derive(FromRow)]
pub(crate) struct SourceRow {
    id: Uuid,
    kb_id: Uuid,
    kind: String,
    name: String,
    remote: Option<String>,
    schedule: Option<String>,
    next_sync_at: Option<At>,
    sync_state: Option<String>,
    sync_task_id: Option<Uuid>,
    synced_at: Option<At>,
    has_credential: bool,
    has_webhook: bool,
    created_at: At,
    updated_at: At,
}

impl TryFrom<SourceRow> for Source {
    type Error = StorageError;

    fn try_from(row: SourceRow) -> Result<Self, StorageError> {
        let remote = row.remote.as_deref();
        let schedule = row.schedule.as_deref();
        Ok(Self {
            id: SourceId::from_uuid(row.id),
            kb_id: KbId::from_uuid(row.kb_id),
            kind: word(&row.kind)?,
            name: row.name,
            remote: remote
                .map(|remote| from_json(remote, "settings of a source"))
                .transpose()?,
            schedule: schedule
                .map(|schedule| from_json(schedule, "schedule of a source"))
                .transpose()?,
            next_sync_at: row.next_sync_at.map(|at| at.0),
            sync: SyncState {
                state: row.sync_state,
                task: row.sync_task_id.map(TaskId::from_uuid),
                synced_at: row.synced_at.map(|at| at.0),
            },
            has_credential: row.has_credential,
            has_webhook: row.has_webhook,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

/// A source and how many live documents came from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSummary {
    pub source: Source,
    pub documents: u64,
}

#[derive(FromRow)]
struct SummaryRow {
    #[sqlx(flatten)]
    source: SourceRow,
    documents: i64,
}

#[derive(FromRow)]
struct CredentialRow {
    #[sqlx(flatten)]
    source: SourceRow,
    credential: Option<String>,
}

/// The sealed secrets of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSource {
    pub id: SourceId,
    pub credential: Option<String>,
    pub webhook_secret: Option<String>,
}

#[derive(Debug)]
pub struct Sources<C>(pub(crate) C);

impl<C: Connect> Sources<C> {
    pub async fn get(&mut self, id: SourceId) -> Result<Option<Source>, StorageError> {
        let row: Option<SourceRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// All sources of a knowledge base, by name.
    pub async fn list(&mut self, kb: KbId) -> Result<Vec<SourceSummary>, StorageError> {
        let rows: Vec<SummaryRow> = on!(self.0, |c| sqlx::query_as(LIST)
            .bind(kb.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter()
            .map(|row| {
                let documents = number(row.documents, "count of documents")?;
                Ok(SourceSummary {
                    source: row.source.try_into()?,
                    documents,
                })
            })
            .collect()
    }

    /// Sources whose schedule wants them by now, the longest waiting first.
    pub async fn due(&mut self, now: Timestamp, rows: usize) -> Result<Vec<Source>, StorageError> {
        let rows: Vec<SourceRow> = on!(self.0, |c| sqlx::query_as(DUE)
            .bind(At(now))
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The task that is to read the source, as long as it has not begun.
    pub async fn waiting_task(&mut self, id: SourceId) -> Result<Option<TaskId>, StorageError> {
        let task: Option<Uuid> = on!(self.0, |c| sqlx::query_scalar(OPEN_TASK)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        Ok(task.map(TaskId::from_uuid))
    }

    /// A source together with what proves to it that it may be read, sealed: the credential is the one of this address.
    pub async fn with_credential(
        &mut self,
        id: SourceId,
    ) -> Result<Option<(Source, Option<String>)>, StorageError> {
        let row: Option<CredentialRow> = on!(self.0, |c| sqlx::query_as(WITH_CREDENTIAL)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(|row| Ok((row.source.try_into()?, row.credential)))
            .transpose()
    }

    /// The live source of this kind and name.
    pub async fn find(
        &mut self,
        kb: KbId,
        kind: SourceKind,
        name: &str,
    ) -> Result<Option<Source>, StorageError> {
        check_text(name, "the source's name")?;
        let row: Option<SourceRow> = on!(self.0, |c| sqlx::query_as(FIND)
            .bind(kb.as_uuid())
            .bind(kind.as_str())
            .bind(name)
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// What the source's webhooks are signed with, sealed; `None` if it has none.
    pub async fn sealed_webhook_secret(&mut self, id: SourceId) -> Result<Option<String>, StorageError> {
        let secret: Option<Option<String>> = on!(self.0, |c| sqlx::query_scalar(WEBHOOK_SECRET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        Ok(secret.flatten())
    }
}

impl Sources<&mut Tx> {
    /// The source with the candidate's knowledge base, kind and name: the stored one, or the candidate, stored now.
    /// Callers that race get the same one, one after the other: nobody else changes it before this transaction ends.
    pub async fn find_or_create(&mut self, candidate: &Source) -> Result<Source, StorageError> {
        check_text(&candidate.name, "the source's name")?;
        let (kb, kind) = (candidate.kb_id.as_uuid(), candidate.kind.as_str());
        let row: SourceRow = on!(self.0, |c| {
            let insert = sqlx::query(INSERT)
                .bind(candidate.id.as_uuid())
                .bind(kb)
                .bind(kind)
                .bind(&candidate.name)
                .bind(candidate.remote.as_ref().map(to_json::<Remote>))
                .bind(candidate.schedule.as_ref().map(to_json::<Schedule>))
                .bind(candidate.next_sync_at.map(At))
                .bind(At(candidate.created_at))
                .bind(At(candidate.updated_at));
            insert.execute(&mut *c).await?;
            sqlx::query(HOLD_NAMED)
                .bind(kb)
                .bind(kind)
                .bind(&candidate.name)
                .execute(&mut *c)
                .await?;
            sqlx::query_as(FIND)
                .bind(kb)
                .bind(kind)
                .bind(&candidate.name)
                .fetch_one(&mut *c)
                .await?
        });
        row.try_into()
    }

    /// Other settings: what was read under the old ones has no state any more.
    pub async fn set_remote(
        &mut self,
        id: SourceId,
        remote: &Remote,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            sqlx::query(SET_REMOTE)
                .bind(id.as_uuid())
                .bind(to_json(remote))
                .bind(At(now))
                .execute(&mut *c)
                .await?;
            sqlx::query(FORGET_FINGERPRINTS)
                .bind(id.as_uuid())
                .execute(&mut *c)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    pub async fn set_schedule(
        &mut self,
        id: SourceId,
        schedule: Option<(&Schedule, Timestamp)>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let (schedule, next) = schedule.unzip();
        on!(self.0, |c| sqlx::query(SET_SCHEDULE)
            .bind(id.as_uuid())
            .bind(schedule.map(to_json))
            .bind(next.map(At))
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Moves a due source on to its next time; `false` if somebody else was first.
    pub async fn take_due(
        &mut self,
        id: SourceId,
        due: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<bool, StorageError> {
        let taken = on!(self.0, |c| sqlx::query(TAKE_DUE)
            .bind(id.as_uuid())
            .bind(At(due))
            .bind(next.map(At))
            .execute(c)
            .await?
            .rows_affected());
        Ok(taken == 1)
    }

    /// Whether the source is there; if so, nobody can delete it before this transaction ends. Belongs into every transaction
    /// that shows documents of it.
    pub async fn hold(&mut self, id: SourceId) -> Result<bool, StorageError> {
        let held = on!(self.0, |c| sqlx::query(HOLD)
            .bind(id.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(held == 1)
    }

    /// Notes the task that is to read the source.
    pub async fn set_task(&mut self, id: SourceId, task: TaskId, now: Timestamp) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(SET_TASK)
            .bind(id.as_uuid())
            .bind(task.as_uuid())
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Notes that the source was read whole, and what it called its state.
    pub async fn synced(
        &mut self,
        id: SourceId,
        state: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        check_text(state.unwrap_or_default(), "the state of a source")?;
        on!(self.0, |c| sqlx::query(SYNCED)
            .bind(id.as_uuid())
            .bind(state)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    pub async fn set_credential(
        &mut self,
        id: SourceId,
        sealed: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.set_sealed(SET_CREDENTIAL, id, sealed, now).await
    }

    pub async fn set_webhook_secret(
        &mut self,
        id: SourceId,
        sealed: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        self.set_sealed(SET_WEBHOOK_SECRET, id, sealed, now).await
    }

    async fn set_sealed(
        &mut self,
        sql: &'static str,
        id: SourceId,
        sealed: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        check_text(sealed.unwrap_or_default(), "the sealed secret")?;
        on!(self.0, |c| sqlx::query(sql)
            .bind(id.as_uuid())
            .bind(sealed)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// All that is sealed. Nobody else changes it until this transaction ends.
    pub async fn sealed_values(&mut self) -> Result<Vec<SealedSource>, StorageError> {
        let lock = LOCK_SEALED_SOURCES.on(self.0.kind());
        let rows: Vec<(Uuid, Option<String>, Option<String>)> =
            on!(self.0, |c| sqlx::query_as(lock).fetch_all(c).await?);
        Ok(rows
            .into_iter()
            .map(|(id, credential, webhook_secret)| SealedSource {
                id: SourceId::from_uuid(id),
                credential,
                webhook_secret,
            })
            .collect())
    }

    /// The same secrets under another key; `None` leaves one as it is.
    pub async fn reseal(&mut self, sealed: &SealedSource) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(RESEAL)
            .bind(sealed.id.as_uuid())
            .bind(sealed.credential.as_deref())
            .bind(sealed.webhook_secret.as_deref())
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Deletes a source with its secrets; its documents are deleted apart. `false` if there was none.
    pub async fn delete(&mut self, id: SourceId, now: Timestamp) -> Result<bool, StorageError> {
        let deleted = on!(self.0, |c| sqlx::query(DELETE)
            .bind(id.as_uuid())
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(deleted == 1)
    }

    /// Removes the rows of deleted sources whose documents are swept.
    pub async fn forget_deleted(&mut self) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(FORGET_DELETED)
            .execute(c)
            .await?
            .rows_affected()))
    }
}
