//! Webhooks of sources: their secrets, and what one starts.

use nexus_auth::webhook::{WebhookCheck, WebhookProof};
use nexus_domain::{Access, Action, Source, SourceId, TargetKind};
use secrecy::SecretString;

use super::{Sources, SyncOptions, SyncStarted};
use crate::service::ServiceError;
use crate::service::audit::Change;
use crate::service::secrets::SourceSecret;

/// Tells people and secret scanners what this is.
const WEBHOOK_PREFIX: &str = "nxh_";

/// A webhook that was called for a source which has one; what it says of itself is still to be compared.
#[derive(Debug)]
pub struct CalledWebhook {
    source: SourceId,
    check: WebhookCheck,
}

impl CalledWebhook {
    /// Takes the next piece of the body, which nobody keeps.
    pub fn read(&mut self, piece: &[u8]) {
        self.check.update(piece);
    }
}

impl Sources {
    /// A new secret for webhooks of the source; an earlier one is good for nothing any more.
    pub async fn issue_webhook(
        &self,
        access: &Access,
        source: &Source,
    ) -> Result<SecretString, ServiceError> {
        if !source.kind.is_remote() {
            let reason = "a source that is uploaded has no webhook";
            return Err(ServiceError::TaskState(reason.to_owned()));
        }
        let secret = nexus_auth::secrets::random_token(WEBHOOK_PREFIX);
        let sealed = SourceSecret::Webhook.seal(&self.keys, source.id, &secret)?;
        self.set_webhook(access, source, Some(&sealed)).await?;
        Ok(secret)
    }

    pub async fn remove_webhook(&self, access: &Access, source: &Source) -> Result<(), ServiceError> {
        self.set_webhook(access, source, None).await
    }

    async fn set_webhook(
        &self,
        access: &Access,
        source: &Source,
        sealed: Option<&str>,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let action = match sealed {
            Some(_) => Action::SourceSecretSet,
            None => Action::SourceSecretRemove,
        };
        let mut tx = self.db.begin().await?;
        tx.sources().set_webhook_secret(source.id, sealed, now).await?;
        Change::new(action, TargetKind::Source, source.id)
            .of_kb(Some(source.kb_id))
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Looks for the source before anything of the body is read. Whatever is wrong is answered alike, here and by
    /// [`webhook`](Self::webhook).
    pub async fn called(&self, id: SourceId, proof: WebhookProof<'_>) -> Result<CalledWebhook, ServiceError> {
        let sealed = self.db.sources().sealed_webhook_secret(id).await?;
        let secret = SourceSecret::Webhook.open(&self.keys, id, &sealed.ok_or_else(unknown)?)?;
        let check = WebhookCheck::new(&secret, proof).ok_or_else(unknown)?;
        Ok(CalledWebhook { source: id, check })
    }

    /// The whole body was read: starts a sync if it is signed with the source's secret.
    pub async fn webhook(&self, called: CalledWebhook, trace_id: &str) -> Result<SyncStarted, ServiceError> {
        let id = called.source;
        if !called.check.verifies() {
            return Err(unknown());
        }
        let source = self.db.sources().get(id).await?.ok_or_else(unknown)?;
        if self.db.knowledge_bases().get(source.kb_id).await?.is_none() {
            return Err(unknown());
        }
        let mut tx = self.db.begin().await?;
        let task_id = self
            .enqueue(&mut tx, &source, SyncOptions::default(), trace_id)
            .await?;
        tx.commit().await?;
        self.queue.wake();
        Ok(SyncStarted {
            task_id,
            kb_id: source.kb_id,
            source_id: id,
        })
    }
}

fn unknown() -> ServiceError {
    ServiceError::NotFound("webhook")
}
