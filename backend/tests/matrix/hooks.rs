//! Webhooks: an address that is told of events and turned off, and programs that tell of knowledge bases.

use std::time::Duration;

use nexus_domain::webhook::QuestionRefused;
use nexus_domain::{
    Clock as _, EventData, LeaseToken, Webhook, WebhookDeliveryState, WebhookEvent, WebhookId,
};
use nexus_storage::WebhookOutcome;
use reqwest::RequestBuilder;
use serde_json::json;

use crate::api::{hmac, text};
use crate::requests::Stage;
use crate::world::World;

const TOLD: &str = r#"{"action":"invalidate"}"#;

impl World {
    /// A program that may tell of a knowledge base, and what it signs with.
    pub async fn teller(&self, kb: &str) -> (String, String) {
        let path = format!("/knowledge-bases/{kb}/incoming-webhooks");
        let (status, issued) = self.operator.post(&path, &json!({"name": "n8n"})).await;
        assert_eq!(status, 201, "{issued}");
        (text(&issued["webhook"]["id"]), text(&issued["secret"]))
    }

    /// One of a knowledge base of its own.
    pub async fn fresh_teller(&self, stage: Stage) -> Stage {
        let kb = self
            .operator
            .knowledge_base(&format!("fresh-{}", self.next()))
            .await;
        let (teller, secret) = self.teller(&kb).await;
        Stage {
            webhook_secret: Some(secret),
            ..stage.on(teller)
        }
    }

    /// A delivery of an id of its own, as n8n signs it.
    pub fn told(&self, request: RequestBuilder, stage: &Stage) -> RequestBuilder {
        let (delivery, now) = (format!("cell-{}", self.next()), self.app.clock.now());
        let timestamp = now.as_micros() / 1_000_000;
        let request = request
            .header("content-type", "application/json")
            .header("x-nexus-webhook", &stage.id)
            .header("x-nexus-delivery", &delivery)
            .header("x-nexus-timestamp", timestamp.to_string())
            .body(TOLD);
        let secret = stage.webhook_secret.as_deref().unwrap_or("nobody's");
        let signed = format!("{timestamp}.{delivery}.{TOLD}");
        let tag = hex::encode(hmac(secret.as_bytes(), signed.as_bytes()));
        request.header("x-nexus-signature", format!("v1={tag}"))
    }

    pub async fn fresh_listener(&self, mut stage: Stage) -> Stage {
        (stage.id, stage.second) = self.webhook_with_dead_letter().await;
        stage
    }

    /// An address that is told nothing, and what it could not be told before. In one transaction: nobody sends it.
    pub async fn webhook_with_dead_letter(&self) -> (String, String) {
        let now = self.app.clock.now();
        let webhook = Webhook {
            id: WebhookId::new(now),
            url: "https://example.org/".to_owned(),
            events: vec![WebhookEvent::QuestionRefused],
            kbs: None,
            enabled: true,
            created_at: now,
            updated_at: now,
        };
        let event = EventData::QuestionRefused(QuestionRefused {
            question: "Where is the pump?".to_owned(),
            knowledge_base_ids: Vec::new(),
            bot_id: None,
            message_id: None,
        });
        let given_up = WebhookOutcome {
            state: WebhookDeliveryState::Dead,
            due_at: None,
            status: None,
            error: None,
        };
        let mut tx = self.db.begin().await.unwrap();
        tx.webhooks().insert(&webhook, "sealed").await.unwrap();
        tx.webhook_deliveries().publish(&event, now).await.unwrap();
        let (lease, token) = (Duration::from_secs(60), LeaseToken::new(now));
        let claimed = tx.webhook_deliveries().claim(now, lease, token).await.unwrap();
        let claimed = claimed.expect("it is told to nobody else");
        assert_eq!(claimed.delivery.webhook_id, webhook.id);
        tx.webhook_deliveries()
            .settle(&claimed, &given_up, now)
            .await
            .unwrap();
        let off = Webhook {
            enabled: false,
            ..webhook.clone()
        };
        tx.webhooks().update(&off).await.unwrap();
        tx.commit().await.unwrap();
        (webhook.id.to_string(), claimed.delivery.id.to_string())
    }
}
