//! Webhooks of both directions: events that are told, and deliveries that come.

mod attempts;
mod events;
mod received;
mod rows;

use std::time::Duration;

use nexus_domain::webhook::QuestionRefused;
use nexus_domain::{
    EventData, IncomingWebhook, IncomingWebhookId, KbId, Maker, Timestamp, UserId, Webhook, WebhookDelivery,
    WebhookDeliveryState, WebhookEvent, WebhookId,
};
use nexus_storage::{ClaimedDelivery, Db, WebhookOutcome};
use serde_json::Value;

use crate::support::{at, token};

const LEASE: Duration = Duration::from_secs(30);

fn webhook(events: &[WebhookEvent], kbs: Option<Vec<KbId>>) -> Webhook {
    Webhook {
        id: WebhookId::new(at(0)),
        url: "https://n8n.example.org/webhook/%D0%B1".to_owned(),
        events: events.to_vec(),
        kbs,
        enabled: true,
        created_at: at(0),
        updated_at: at(1),
    }
}

async fn subscribed(db: &Db, webhook: Webhook) -> Webhook {
    in_tx!(db, |tx| tx.webhooks().insert(&webhook, "sealed"));
    webhook
}

async fn to_all(db: &Db) -> Webhook {
    subscribed(db, webhook(WebhookEvent::ALL, None)).await
}

async fn told(db: &Db, webhook: &Webhook) -> Vec<WebhookDelivery> {
    db.webhook_deliveries().list(webhook.id, None, 99).await.unwrap()
}

async fn data(db: &Db, delivery: &WebhookDelivery) -> Value {
    let data = db.webhook_deliveries().data(delivery.id).await.unwrap();
    serde_json::from_str(&data.unwrap()).unwrap()
}

fn refused(kbs: &[KbId]) -> EventData {
    EventData::QuestionRefused(QuestionRefused {
        question: "Где «насос»?\0".to_owned(),
        knowledge_base_ids: kbs.to_vec(),
        bot_id: None,
        message_id: None,
    })
}

async fn publish(db: &Db, event: &EventData, seconds: i64) {
    in_tx!(db, |tx| tx.webhook_deliveries().publish(event, at(seconds)));
}

async fn claim(db: &Db, now: Timestamp) -> Option<ClaimedDelivery> {
    in_tx!(db, |tx| tx.webhook_deliveries().claim(now, LEASE, token()))
}

fn failed(due_at: Option<Timestamp>) -> WebhookOutcome {
    WebhookOutcome {
        state: match due_at {
            Some(_) => WebhookDeliveryState::Pending,
            None => WebhookDeliveryState::Dead,
        },
        due_at,
        status: Some(503),
        error: Some("answered 503\0".to_owned()),
    }
}

const ARRIVED: WebhookOutcome = WebhookOutcome {
    state: WebhookDeliveryState::Delivered,
    due_at: None,
    status: Some(204),
    error: None,
};

fn incoming(kb: KbId, seconds: i64) -> IncomingWebhook {
    IncomingWebhook {
        id: IncomingWebhookId::new(at(seconds)),
        kb_id: kb,
        name: "Вики".to_owned(),
        maker: Maker::Person(UserId::new(at(0))),
        created_at: at(seconds),
        used_at: None,
    }
}
