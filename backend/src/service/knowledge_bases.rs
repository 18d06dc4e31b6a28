//! Knowledge bases: making, finding, changing, deleting.

use std::collections::BTreeMap;
use std::sync::Arc;

use nexus_domain::knowledge_base::{MAX_DESCRIPTION_CHARS, parse_name};
use nexus_domain::{
    Access, Action, Clock, ContentHash, GenerationId, KbFilter, KbId, KbRole, KnowledgeBase, Quotas,
    TargetKind, TaskPayload, Timestamp, Visibility,
};
use nexus_storage::{Db, KbChange, KbStats, Tx};

use super::ServiceError;
use super::audit::Change;
use super::checks::{self, taken};
use crate::worker::Queue;

/// A knowledge base and its size.
#[derive(Clone, Debug)]
pub struct KbOverview {
    pub kb: KnowledgeBase,
    pub stats: KbStats,
}

/// The knowledge bases that a request asks.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub filter: KbFilter,
    /// The daily limits of those that have some.
    pub limited: BTreeMap<KbId, Quotas>,
}

impl Chosen {
    /// Those that the caller sees.
    fn of(access: &Access, kbs: impl IntoIterator<Item = (KbId, Quotas)>) -> Self {
        let mut limited: BTreeMap<_, _> = kbs.into_iter().collect();
        let filter = access.filter(limited.keys().copied());
        limited.retain(|kb, quotas| *quotas != Quotas::default() && filter.contains(*kb));
        Self { filter, limited }
    }

    /// The same without one of them.
    #[must_use]
    pub fn without(mut self, access: &Access, kb: KbId) -> Self {
        self.filter = access.filter(self.filter.kbs().filter(|other| *other != kb));
        self.limited.remove(&kb);
        self
    }
}

/// What changes; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct KbUpdate {
    pub name: Option<String>,
    pub description: Option<String>,
    pub visibility: Option<Visibility>,
    pub quotas: Option<Quotas>,
}

#[derive(Clone, Debug)]
pub struct KnowledgeBases {
    db: Db,
    clock: Arc<dyn Clock>,
    queue: Queue,
}

impl KnowledgeBases {
    pub fn new(db: Db, clock: Arc<dyn Clock>, queue: Queue) -> Self {
        Self { db, clock, queue }
    }

    pub async fn get(&self, access: &Access, id: KbId) -> Result<KnowledgeBase, ServiceError> {
        let kb = self.db.knowledge_bases().get(id).await?;
        kb.filter(|kb| access.sees(kb.id))
            .ok_or(ServiceError::NotFound("knowledge base"))
    }

    pub async fn find(&self, access: &Access, name: &str) -> Result<Option<KbOverview>, ServiceError> {
        match self.db.knowledge_bases().get_by_name(name.trim()).await? {
            Some(kb) if access.sees(kb.id) => self.overview(kb).await.map(Some),
            _ => Ok(None),
        }
    }

    pub async fn overview(&self, kb: KnowledgeBase) -> Result<KbOverview, ServiceError> {
        // Coverage is that of the vectors which questions are put to.
        let active = self.db.generations().active().await?;
        let generation = active.map_or(GenerationId::NONE, |active| active.id);
        let stats = self.db.knowledge_bases().stats(kb.id, generation).await?;
        Ok(KbOverview { kb, stats })
    }

    /// Knowledge bases in the order of their names, after `after`.
    pub async fn list(
        &self,
        access: &Access,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<KbOverview>, ServiceError> {
        let kbs = self.db.knowledge_bases();
        let page = match access.only() {
            None => {
                let mut kbs = kbs;
                kbs.list(after.as_deref(), limit).await?
            }
            Some(seen) => {
                let mut kbs = kbs;
                kbs.list_among(&seen, after.as_deref(), limit).await?
            }
        };
        let mut found = Vec::with_capacity(page.len());
        for kb in page {
            found.push(self.overview(kb).await?);
        }
        Ok(found)
    }

    /// Makes a knowledge base. The same key with the same name and description gives the same one again.
    pub async fn create(
        &self,
        access: &Access,
        name: &str,
        description: &str,
        visibility: Visibility,
        key: Option<String>,
    ) -> Result<KbOverview, ServiceError> {
        let now = self.clock.now();
        let kb = checked_new(name, description, visibility, now)?;
        let name = kb.name.clone();
        let mut tx = self.db.begin().await?;
        let key = key.as_deref().map(|key| super::ingestion::Idempotent {
            caller: super::ingestion::caller_key(access),
            key,
            fingerprint: ContentHash::of_parts([
                b"create knowledge base".as_slice(),
                kb.name.as_bytes(),
                kb.description.as_bytes(),
                visibility.as_str().as_bytes(),
            ]),
        });
        if let Some(key) = &key
            && let Some(made) = key.begin(&mut tx, now).await?
        {
            tx.commit().await?;
            let id = made
                .parse()
                .map_err(|_| ServiceError::NotFound("knowledge base"))?;
            return self.overview(self.get(access, id).await?).await;
        }
        insert(&mut tx, access, &kb).await?;
        Change::new(Action::KbCreate, TargetKind::KnowledgeBase, kb.id)
            .of_kb(Some(kb.id))
            .with("name", name.as_str())
            .with("visibility", visibility.as_str())
            .record(&mut tx, access, now)
            .await?;
        if let Some(key) = &key {
            key.complete(&mut tx, 201, &kb.id.to_string()).await?;
        }
        tx.commit().await?;
        self.overview(kb).await
    }

    pub async fn update(
        &self,
        access: &Access,
        kb: KnowledgeBase,
        update: KbUpdate,
    ) -> Result<KbOverview, ServiceError> {
        let name = update.name.as_deref().map(checked_name).transpose()?;
        let description = update
            .description
            .as_deref()
            .map(checked_description)
            .transpose()?;
        update
            .quotas
            .map(|quotas| checks::quotas("quotas", quotas))
            .transpose()?;
        let log = Change::new(Action::KbUpdate, TargetKind::KnowledgeBase, kb.id)
            .of_kb(Some(kb.id))
            .with_some("name", name.as_deref())
            .with_some("description", description.is_some().then_some(true))
            .with_some("visibility", update.visibility.map(Visibility::as_str))
            .with_some("quotas", update.quotas.map(super::people::quotas_json));
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let kb = tx.knowledge_bases().lock(kb.id).await?;
        let kb = kb.ok_or(ServiceError::NotFound("knowledge base"))?;
        let change = KbChange {
            name: name.unwrap_or(kb.name),
            description: description.unwrap_or(kb.description),
            visibility: update.visibility.unwrap_or(kb.visibility),
            quotas: update.quotas.unwrap_or(kb.quotas),
        };
        let changed = tx.knowledge_bases().update(kb.id, &change, now).await;
        let changed = changed.map_err(|error| taken(error, "knowledge base", &change.name))?;
        log.record(&mut tx, access, now).await?;
        tx.commit().await?;
        self.overview(changed.ok_or(ServiceError::NotFound("knowledge base"))?)
            .await
    }

    /// Gone for every reader at once: a hit without a live row is dropped. The sweep removes what is left.
    pub async fn delete(&self, access: &Access, kb: &KnowledgeBase) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        // Tasks before their knowledge base, as workers lock them.
        tx.tasks().cancel_of_kb(kb.id, now).await?;
        if !tx.knowledge_bases().delete(kb.id, now).await? {
            return Err(ServiceError::NotFound("knowledge base"));
        }
        Change::new(Action::KbDelete, TargetKind::KnowledgeBase, kb.id)
            .of_kb(Some(kb.id))
            .with("name", kb.name.as_str())
            .record(&mut tx, access, now)
            .await?;
        self.queue
            .enqueue_once(&mut tx, None, TaskPayload::Sweep, "")
            .await?;
        tx.commit().await?;
        self.queue.wake();
        Ok(())
    }

    /// The knowledge bases that a request names by name or id; all that the caller sees where it names none.
    pub async fn resolve(&self, access: &Access, wanted: &[String]) -> Result<Chosen, ServiceError> {
        if wanted.is_empty() {
            return Ok(Chosen::of(access, self.db.knowledge_bases().list_quotas().await?));
        }
        let mut kbs = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let kb = self.resolve_one(access, wanted).await?;
            kbs.push((kb.id, kb.quotas));
        }
        Ok(Chosen::of(access, kbs))
    }

    /// Those of some knowledge bases that are still there and that the caller sees.
    pub async fn among(&self, access: &Access, wanted: &[KbId]) -> Result<Chosen, ServiceError> {
        let live = self.db.knowledge_bases().list_quotas().await?;
        Ok(Chosen::of(
            access,
            live.into_iter().filter(|(kb, _)| wanted.contains(kb)),
        ))
    }

    /// The knowledge base of this name or id.
    pub async fn resolve_one(&self, access: &Access, wanted: &str) -> Result<KnowledgeBase, ServiceError> {
        let wanted = wanted.trim();
        let found = match wanted.parse() {
            Ok(id) => self.db.knowledge_bases().get(id).await?,
            Err(_) => self.db.knowledge_bases().get_by_name(wanted).await?,
        };
        found
            .filter(|kb| access.sees(kb.id))
            .ok_or(ServiceError::NotFound("knowledge base"))
    }
}

/// A knowledge base that is to be made.
pub(super) fn checked_new(
    name: &str,
    description: &str,
    visibility: Visibility,
    now: Timestamp,
) -> Result<KnowledgeBase, ServiceError> {
    Ok(KnowledgeBase {
        id: KbId::new(now),
        name: checked_name(name)?,
        description: checked_description(description)?,
        revision: 0,
        lexical_average_milli: 0,
        visibility,
        quotas: Quotas::default(),
        created_at: now,
        updated_at: now,
    })
}

/// Writes it; whoever makes it owns it.
pub(super) async fn insert(tx: &mut Tx, access: &Access, kb: &KnowledgeBase) -> Result<(), ServiceError> {
    tx.knowledge_bases()
        .insert(kb)
        .await
        .map_err(|error| taken(error, "knowledge base", &kb.name))?;
    if let Some(user) = access.caller().user() {
        tx.members()
            .set(kb.id, user, KbRole::Owner, kb.created_at)
            .await?;
    }
    Ok(())
}

fn checked_name(name: &str) -> Result<String, ServiceError> {
    let name = parse_name(name).map_err(|error| ServiceError::invalid("name", error))?;
    // A name that reads as an id would hide the knowledge base of that id.
    if name.parse::<KbId>().is_ok() {
        return Err(ServiceError::invalid("name", "a name cannot be a UUID"));
    }
    Ok(name)
}

fn checked_description(description: &str) -> Result<String, ServiceError> {
    if description.chars().count() > MAX_DESCRIPTION_CHARS || description.contains('\0') {
        let reason =
            format!("a description takes at most {MAX_DESCRIPTION_CHARS} characters, none of them NUL");
        return Err(ServiceError::invalid("description", reason));
    }
    Ok(description.to_owned())
}
