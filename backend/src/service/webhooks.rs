//! Outgoing webhooks: whom we tell of events, and how that went.

use std::sync::Arc;

use nexus_auth::KeyRing;
use nexus_domain::webhook::MAX_WEBHOOKS;
use nexus_domain::{
    Access, Action, Clock, KbId, TargetKind, Webhook, WebhookDelivery, WebhookDeliveryId, WebhookEvent,
    WebhookId,
};
use nexus_sources::Guard;
use nexus_storage::Db;
use secrecy::SecretString;
use url::Url;

use super::ServiceError;
use super::api_keys::known_kbs;
use super::audit::Change;
use super::secrets::WebhookSecret;

/// Longest address, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// Tells people and secret scanners what this is.
const SECRET_PREFIX: &str = "nxw_";

#[derive(Clone, Debug)]
pub struct Webhooks {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<KeyRing>,
    pub guard: Guard,
}

#[derive(Debug)]
pub struct NewWebhook {
    pub url: String,
    pub events: Vec<WebhookEvent>,
    pub kbs: Option<Vec<KbId>>,
    pub enabled: bool,
}

/// What changes; `None` stays as it is.
#[derive(Debug, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub events: Option<Vec<WebhookEvent>>,
    pub kbs: Option<Option<Vec<KbId>>>,
    pub enabled: Option<bool>,
}

impl Webhooks {
    /// Newest first, older than `before`.
    pub async fn list(&self, before: Option<WebhookId>, limit: usize) -> Result<Vec<Webhook>, ServiceError> {
        Ok(self.db.webhooks().list(before, limit).await?)
    }

    pub async fn get(&self, id: WebhookId) -> Result<Webhook, ServiceError> {
        let found = self.db.webhooks().get(id).await?;
        found.ok_or(ServiceError::NotFound("webhook"))
    }

    /// A new webhook and what its deliveries are signed with; this is the only time that it is shown.
    pub async fn create(
        &self,
        access: &Access,
        new: NewWebhook,
    ) -> Result<(SecretString, Webhook), ServiceError> {
        let now = self.clock.now();
        let webhook = Webhook {
            id: WebhookId::new(now),
            url: self.checked_url(&new.url)?,
            events: checked_events(new.events)?,
            kbs: known_kbs(&self.db, new.kbs).await?,
            enabled: new.enabled,
            created_at: now,
            updated_at: now,
        };
        let secret = nexus_auth::secrets::random_token(SECRET_PREFIX);
        let sealed = WebhookSecret::Outgoing(webhook.id).seal(&self.keys, &secret)?;
        let mut tx = self.db.begin().await?;
        if tx.webhooks().count().await? >= MAX_WEBHOOKS {
            let reason = format!("there are {MAX_WEBHOOKS} webhooks already, and there may be no more");
            return Err(ServiceError::invalid("url", reason));
        }
        tx.webhooks().insert(&webhook, &sealed).await?;
        described(Action::WebhookCreate, &webhook)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok((secret, webhook))
    }

    pub async fn update(
        &self,
        access: &Access,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Webhook, ServiceError> {
        let url = change.url.map(|url| self.checked_url(&url)).transpose()?;
        let events = change.events.map(checked_events).transpose()?;
        let kbs = match change.kbs {
            Some(kbs) => Some(known_kbs(&self.db, kbs).await?),
            None => None,
        };
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let webhook = tx.webhooks().lock(id).await?;
        let webhook = webhook.ok_or(ServiceError::NotFound("webhook"))?;
        let webhook = Webhook {
            url: url.unwrap_or(webhook.url),
            events: events.unwrap_or(webhook.events),
            kbs: kbs.unwrap_or(webhook.kbs),
            enabled: change.enabled.unwrap_or(webhook.enabled),
            updated_at: now,
            ..webhook
        };
        tx.webhooks().update(&webhook).await?;
        described(Action::WebhookUpdate, &webhook)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(webhook)
    }

    /// What it was still to be told goes with it.
    pub async fn delete(&self, access: &Access, id: WebhookId) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.webhooks().delete(id).await? {
            return Err(ServiceError::NotFound("webhook"));
        }
        Change::new(Action::WebhookDelete, TargetKind::Webhook, id)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// What it is told or was, newest first, older than `before`.
    pub async fn deliveries(
        &self,
        id: WebhookId,
        before: Option<WebhookDeliveryId>,
        limit: usize,
    ) -> Result<Vec<WebhookDelivery>, ServiceError> {
        let webhook = self.get(id).await?;
        Ok(self
            .db
            .webhook_deliveries()
            .list(webhook.id, before, limit)
            .await?)
    }

    /// Sends a dead letter again.
    pub async fn retry(
        &self,
        access: &Access,
        id: WebhookId,
        delivery: WebhookDeliveryId,
    ) -> Result<WebhookDelivery, ServiceError> {
        let webhook = self.get(id).await?;
        let found = self.db.webhook_deliveries().get(delivery).await?;
        if found.is_none_or(|found| found.webhook_id != webhook.id) {
            return Err(ServiceError::NotFound("delivery"));
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let again = tx.webhook_deliveries().retry(webhook.id, delivery, now).await?;
        let again = again.ok_or(ServiceError::DeliveryState(
            "only a delivery that was given up is sent again by hand",
        ))?;
        Change::new(Action::WebhookRetry, TargetKind::WebhookDelivery, delivery)
            .of_kb(again.kb_id)
            .with("webhook", webhook.id.to_string())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(again)
    }

    fn checked_url(&self, text: &str) -> Result<String, ServiceError> {
        let refuse = |reason: String| ServiceError::invalid("url", reason);
        let text = text.trim();
        if text.len() > MAX_URL_BYTES {
            return Err(refuse(format!("an address takes at most {MAX_URL_BYTES} bytes")));
        }
        let url = Url::parse(text).map_err(|error| refuse(format!("this is no address: {error}")))?;
        self.guard
            .check(&url)
            .map_err(|error| refuse(error.to_string()))?;
        Ok(url.into())
    }
}

/// Each once, in the order of their kinds.
fn checked_events(mut events: Vec<WebhookEvent>) -> Result<Vec<WebhookEvent>, ServiceError> {
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        let reason = "say of which events the webhook is told";
        return Err(ServiceError::invalid("events", reason));
    }
    Ok(events)
}

/// Only the host of its address: what follows may be a secret of the receiver.
fn described(action: Action, webhook: &Webhook) -> Change {
    let events: Vec<&str> = webhook.events.iter().map(|event| event.as_str()).collect();
    let url = Url::parse(&webhook.url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let kbs = webhook.kbs.as_ref();
    Change::new(action, TargetKind::Webhook, webhook.id)
        .with("host", host)
        .with("events", events)
        .with_some(
            "knowledge_bases",
            kbs.map(|kbs| kbs.iter().map(ToString::to_string).collect::<Vec<_>>()),
        )
        .with("enabled", webhook.enabled)
}
