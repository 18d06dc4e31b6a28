//! The audit log. An entry is written in the transaction of the change that it tells of.

use std::sync::Arc;

use nexus_domain::{
    Access, Action, AuditEntry, AuditId, Caller, CallerKind, Clock, GenerationId, KbId, Scope, Target,
    TargetKind, Timestamp,
};
use nexus_storage::{AuditFilter, Db, Tx};
use serde_json::{Map, Value};

use super::ServiceError;

/// A change that is about to be written.
#[derive(Debug)]
pub(super) struct Change {
    action: Action,
    target: Target,
    kb: Option<KbId>,
    details: Map<String, Value>,
}

impl Change {
    pub(super) fn new(action: Action, kind: TargetKind, id: impl ToString) -> Self {
        Self {
            action,
            target: Target {
                kind,
                id: id.to_string(),
            },
            kb: None,
            details: Map::new(),
        }
    }

    /// In which knowledge base it happens.
    pub(super) fn of_kb(mut self, kb: Option<KbId>) -> Self {
        self.kb = kb;
        self
    }

    /// A field and its new value; never a secret, never a document's or question's text.
    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.details.insert(field.to_owned(), value.into());
        self
    }

    /// The same for a field that may stay as it is.
    pub(super) fn with_some(self, field: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Writes it down as done by this caller.
    pub(super) async fn record(
        self,
        tx: &mut Tx,
        access: &Access,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let actor_id = match access.caller() {
            Caller::Bot(caller) => Some(caller.bot.as_uuid()),
            Caller::Person(person) => Some(person.user.as_uuid()),
            Caller::ApiKey(id) => Some(id.as_uuid()),
            Caller::Public => None,
        };
        let entry = self.entry(access.caller().kind(), actor_id, access, now);
        Ok(tx.audit().insert(&entry).await?)
    }

    fn entry(
        self,
        actor_kind: CallerKind,
        actor_id: Option<uuid::Uuid>,
        access: &Access,
        now: Timestamp,
    ) -> AuditEntry {
        let origin = access.origin();
        AuditEntry {
            id: AuditId::new(now),
            at: now,
            actor_kind,
            actor_id,
            bot_id: access.caller().bot(),
            action: self.action,
            target: self.target,
            kb_id: self.kb,
            details: self.details,
            address: origin.address.map(|address| address.to_string()),
            trace_id: origin.trace_id.to_string(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Audit {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Audit {
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Generations belong to no transaction of a caller's own.
    pub async fn generation(
        &self,
        access: &Access,
        action: Action,
        id: GenerationId,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        Change::new(action, TargetKind::Generation, id.0)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Newest first, older than `before`.
    pub async fn list(
        &self,
        access: &Access,
        filter: &AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, ServiceError> {
        access.require(nexus_domain::Role::Admin, Scope::Logs)?;
        Ok(self.db.audit().list(filter, before, limit).await?)
    }
}
