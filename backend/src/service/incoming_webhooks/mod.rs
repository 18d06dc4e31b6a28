//! Incoming webhooks: who may tell us that a knowledge base must change. Whoever signs with a webhook's secret may do what
//! its maker may do now, in its knowledge base alone, and each delivery counts once.

use std::sync::Arc;

use nexus_auth::KeyRing;
use nexus_auth::signed_delivery::Claimed;
use nexus_auth::signed_request::RequestError;
use nexus_domain::webhook::MAX_INCOMING_WEBHOOKS;
use nexus_domain::{
    Access, Action, Caller, Clock, IncomingWebhook, IncomingWebhookId, KbId, KbRole, KnowledgeBase, Maker,
    Origin, Scope, SourceId, TargetKind, TaskId,
};
use nexus_ingest::Limits;
use nexus_storage::{Db, Received};
use secrecy::SecretString;

use super::audit::Change;
use super::door::seconds;
use super::secrets::WebhookSecret;
use super::{Door, Ingestion, Refusal, ServiceError, Sources, checks};
use crate::worker::Queue;

mod told;

pub use told::{Content, Told};

const MAX_NAME_CHARS: usize = 64;
/// Tells people and secret scanners what this is.
const SECRET_PREFIX: &str = "nxi_";

#[derive(Clone, Debug)]
pub struct IncomingWebhooks {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<KeyRing>,
    pub door: Door,
    pub queue: Queue,
    pub ingestion: Ingestion,
    pub sources: Sources,
    pub limits: Limits,
}

/// A delivery that is rightly signed, and not yet read.
#[derive(Debug)]
pub struct Signed {
    webhook: IncomingWebhook,
    delivery: String,
    access: Access,
}

/// What came of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub kb_id: KbId,
    /// It has come before, and nothing was done.
    pub repeated: bool,
    /// The knowledge base's revision, where this has raised it.
    pub revision: Option<i64>,
    pub source_id: Option<SourceId>,
    pub task_id: Option<TaskId>,
    /// Documents that were named as out of date, where they were counted.
    pub documents: Option<u64>,
}

impl IncomingWebhooks {
    /// Those of a knowledge base, newest first, older than `before`.
    pub async fn list(
        &self,
        kb: &KnowledgeBase,
        before: Option<IncomingWebhookId>,
        limit: usize,
    ) -> Result<Vec<IncomingWebhook>, ServiceError> {
        Ok(self.db.incoming_webhooks().list(kb.id, before, limit).await?)
    }

    /// A new webhook of a knowledge base and its secret; this is the only time that it is shown.
    pub async fn create(
        &self,
        access: &Access,
        kb: &KnowledgeBase,
        name: &str,
    ) -> Result<(SecretString, IncomingWebhook), ServiceError> {
        // Nobody gives others what they do not hold themselves.
        access.require_in(kb.id, KbRole::Editor, Scope::Ingest)?;
        let maker = match access.caller() {
            Caller::Person(person) => Maker::Person(person.user),
            Caller::ApiKey(key) => Maker::ApiKey(*key),
            Caller::Bot(_) | Caller::Public => {
                return Err(nexus_domain::access::Denied::KbRole(KbRole::Owner).into());
            }
        };
        let now = self.clock.now();
        let webhook = IncomingWebhook {
            id: IncomingWebhookId::new(now),
            kb_id: kb.id,
            name: checks::line("name", name, MAX_NAME_CHARS)?,
            maker,
            created_at: now,
            used_at: None,
        };
        let secret = nexus_auth::secrets::random_token(SECRET_PREFIX);
        let sealed = WebhookSecret::Incoming(webhook.id).seal(&self.keys, &secret)?;
        let mut tx = self.db.begin().await?;
        if tx.incoming_webhooks().count(kb.id).await? >= MAX_INCOMING_WEBHOOKS {
            let reason =
                format!("the knowledge base has {MAX_INCOMING_WEBHOOKS} webhooks, and may have no more");
            return Err(ServiceError::invalid("name", reason));
        }
        tx.incoming_webhooks().insert(&webhook, &sealed).await?;
        Change::new(
            Action::IncomingWebhookCreate,
            TargetKind::IncomingWebhook,
            webhook.id,
        )
        .of_kb(Some(kb.id))
        .with("name", webhook.name.as_str())
        .record(&mut tx, access, now)
        .await?;
        tx.commit().await?;
        Ok((secret, webhook))
    }

    pub async fn delete(
        &self,
        access: &Access,
        kb: &KnowledgeBase,
        id: IncomingWebhookId,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.incoming_webhooks().delete(kb.id, id).await? {
            return Err(ServiceError::NotFound("webhook"));
        }
        Change::new(Action::IncomingWebhookDelete, TargetKind::IncomingWebhook, id)
            .of_kb(Some(kb.id))
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Proves a delivery by its headers and its body, and finds out what it may do. A webhook that is not there looks like a
    /// wrong signature.
    pub async fn verify(
        &self,
        id: IncomingWebhookId,
        claimed: &Claimed<'_>,
        body: &[u8],
        origin: Origin,
    ) -> Result<Signed, ServiceError> {
        let unknown = || Refusal::Signature(RequestError::Mismatch);
        let sealed = self.db.incoming_webhooks().sealed_secret(id).await?;
        let secret = WebhookSecret::Incoming(id).open(&self.keys, &sealed.ok_or_else(unknown)?)?;
        claimed
            .verify(&secret, body, seconds(&*self.clock))
            .map_err(Refusal::Signature)?;
        let webhook = self.db.incoming_webhooks().get(id).await?;
        let webhook = webhook.ok_or_else(unknown)?;
        let access = self.door.of_webhook(&webhook, origin).await?;
        access.require_in(webhook.kb_id, KbRole::Editor, Scope::Ingest)?;
        Ok(Signed {
            webhook,
            delivery: claimed.delivery.to_owned(),
            access,
        })
    }

    /// Does what a delivery asks for. Its id, the new revision and the task are written in one transaction.
    pub async fn hear(&self, signed: Signed, told: Told) -> Result<Heard, ServiceError> {
        let mut stored = self.db.incoming_webhooks();
        if let Some(before) = stored.received(signed.webhook.id, &signed.delivery).await? {
            return Ok(repeated(signed.webhook.kb_id, before));
        }
        let heard = match told {
            Told::Invalidate {
                source,
                document,
                path_prefix,
            } => self.invalidate(&signed, source, document, path_prefix).await,
            Told::Resync { source } => self.resync(&signed, &source).await,
            Told::Upsert {
                source,
                path,
                content,
            } => self.upsert(&signed, source, &path, content).await,
            Told::Delete {
                source,
                path,
                document,
            } => self.remove(&signed, source, path, document).await,
        };
        match heard {
            // Two came at once, and the other one was first.
            Ok(None) => {
                let mut stored = self.db.incoming_webhooks();
                let before = stored.received(signed.webhook.id, &signed.delivery).await?;
                Ok(repeated(signed.webhook.kb_id, before.unwrap_or_default()))
            }
            Ok(Some(heard)) => {
                self.queue.wake();
                Ok(heard)
            }
            Err(error) => Err(error),
        }
    }
}

const fn repeated(kb_id: KbId, before: Received) -> Heard {
    Heard {
        kb_id,
        repeated: true,
        revision: None,
        source_id: before.source,
        task_id: before.task,
        documents: None,
    }
}
