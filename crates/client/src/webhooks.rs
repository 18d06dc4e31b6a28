//! Outgoing webhooks: addresses that the server tells of events.

use nexus_api::{CreateWebhook, IssuedWebhook, Page, UpdateWebhook, Webhook, WebhookDelivery};
use reqwest::Method;
use uuid::Uuid;

use crate::error::ClientError;
use crate::request::{Client, TIMEOUT};

impl Client {
    /// A page of webhooks, newest first.
    pub async fn webhooks(&self, cursor: Option<&str>) -> Result<Page<Webhook>, ClientError> {
        self.get("/webhooks", &[("cursor", cursor)]).await
    }

    pub async fn webhook(&self, id: Uuid) -> Result<Webhook, ClientError> {
        self.get(&path(id), &()).await
    }

    /// What it answers is the only place that shows the secret. Sent once: a second attempt would make a second webhook.
    pub async fn create_webhook(&self, body: &CreateWebhook) -> Result<IssuedWebhook, ClientError> {
        let request = self.request(Method::POST, "/webhooks").json(body);
        let response = self.send_once(request.timeout(TIMEOUT)).await?;
        self.read(response).await
    }

    pub async fn update_webhook(&self, id: Uuid, body: &UpdateWebhook) -> Result<Webhook, ClientError> {
        let request = self.request(Method::PATCH, &path(id)).json(body);
        let response = self.send_once(request.timeout(TIMEOUT)).await?;
        self.read(response).await
    }

    /// Deletes it with what it was still to be told.
    pub async fn delete_webhook(&self, id: Uuid) -> Result<(), ClientError> {
        self.send_empty(Method::DELETE, &path(id)).await
    }

    /// A page of what a webhook is told or was, newest first.
    pub async fn webhook_deliveries(
        &self,
        id: Uuid,
        cursor: Option<&str>,
    ) -> Result<Page<WebhookDelivery>, ClientError> {
        self.get(&format!("{}/deliveries", path(id)), &[("cursor", cursor)])
            .await
    }

    /// Sends a delivery again that was given up.
    pub async fn retry_webhook_delivery(
        &self,
        id: Uuid,
        delivery: Uuid,
    ) -> Result<WebhookDelivery, ClientError> {
        let path = format!("{}/deliveries/{delivery}/retry", path(id));
        let response = self
            .send_once(self.request(Method::POST, &path).timeout(TIMEOUT))
            .await?;
        self.read(response).await
    }
}

fn path(webhook: Uuid) -> String {
    format!("/webhooks/{webhook}")
}
