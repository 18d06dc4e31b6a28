//! Webhooks, to and from the contract.

use nexus_api as api;
use nexus_domain as domain;

use crate::http::error::ApiError;
use crate::service::{Heard, NewWebhook, Told, ToldContent, WebhookChange};

const fn event(event: domain::WebhookEvent) -> api::WebhookEvent {
    match event {
        domain::WebhookEvent::TaskEnded => api::WebhookEvent::TaskEnded,
        domain::WebhookEvent::KnowledgeBaseChanged => api::WebhookEvent::KnowledgeBaseChanged,
        domain::WebhookEvent::QuestionRefused => api::WebhookEvent::QuestionRefused,
        domain::WebhookEvent::FeedbackGiven => api::WebhookEvent::FeedbackGiven,
    }
}

const fn event_from(event: api::WebhookEvent) -> domain::WebhookEvent {
    match event {
        api::WebhookEvent::TaskEnded => domain::WebhookEvent::TaskEnded,
        api::WebhookEvent::KnowledgeBaseChanged => domain::WebhookEvent::KnowledgeBaseChanged,
        api::WebhookEvent::QuestionRefused => domain::WebhookEvent::QuestionRefused,
        api::WebhookEvent::FeedbackGiven => domain::WebhookEvent::FeedbackGiven,
    }
}

fn events_from(events: Vec<api::WebhookEvent>) -> Vec<domain::WebhookEvent> {
    events.into_iter().map(event_from).collect()
}

fn kbs_from(kbs: Vec<uuid::Uuid>) -> Vec<domain::KbId> {
    kbs.into_iter().map(domain::KbId::from_uuid).collect()
}

pub fn webhook(webhook: domain::Webhook) -> api::Webhook {
    let kbs = webhook.kbs;
    api::Webhook {
        id: webhook.id.as_uuid(),
        url: webhook.url,
        events: webhook.events.into_iter().map(event).collect(),
        knowledge_bases: kbs.map(|kbs| kbs.into_iter().map(domain::KbId::as_uuid).collect()),
        enabled: webhook.enabled,
        created_at: webhook.created_at.to_datetime(),
        updated_at: webhook.updated_at.to_datetime(),
    }
}

pub fn new_webhook(body: api::CreateWebhook) -> NewWebhook {
    NewWebhook {
        url: body.url,
        events: events_from(body.events),
        kbs: body.knowledge_bases.map(kbs_from),
        enabled: body.enabled,
    }
}

pub fn webhook_change(body: api::UpdateWebhook) -> WebhookChange {
    WebhookChange {
        url: body.url,
        events: body.events.map(events_from),
        kbs: body.knowledge_bases.map(|kbs| kbs.map(kbs_from)),
        enabled: body.enabled,
    }
}

pub fn delivery(delivery: domain::WebhookDelivery) -> api::WebhookDelivery {
    api::WebhookDelivery {
        id: delivery.id.as_uuid(),
        event: event(delivery.event),
        knowledge_base_id: delivery.kb_id.map(domain::KbId::as_uuid),
        state: match delivery.state {
            domain::WebhookDeliveryState::Pending => api::WebhookDeliveryState::Pending,
            domain::WebhookDeliveryState::Delivered => api::WebhookDeliveryState::Delivered,
            domain::WebhookDeliveryState::Dead => api::WebhookDeliveryState::Dead,
        },
        attempts: delivery.attempts,
        next_attempt_at: delivery.due_at.map(domain::Timestamp::to_datetime),
        last_status: delivery.last_status,
        last_error: delivery.last_error,
        created_at: delivery.created_at.to_datetime(),
        updated_at: delivery.updated_at.to_datetime(),
    }
}

pub fn incoming(webhook: domain::IncomingWebhook) -> api::IncomingWebhook {
    api::IncomingWebhook {
        id: webhook.id.as_uuid(),
        knowledge_base_id: webhook.kb_id.as_uuid(),
        name: webhook.name,
        created_at: webhook.created_at.to_datetime(),
        used_at: webhook.used_at.map(domain::Timestamp::to_datetime),
    }
}

pub fn told(action: api::WebhookAction) -> Result<Told, ApiError> {
    let id = |document: Option<uuid::Uuid>| document.map(domain::DocumentId::from_uuid);
    Ok(match action {
        api::WebhookAction::Invalidate {
            source,
            document,
            path_prefix,
        } => Told::Invalidate {
            source,
            document: id(document),
            path_prefix,
        },
        api::WebhookAction::Resync { source } => Told::Resync { source },
        api::WebhookAction::Upsert {
            source,
            path,
            content,
            content_base64,
        } => Told::Upsert {
            source,
            path,
            content: match (content, content_base64) {
                (Some(text), None) => ToldContent::Text(text),
                (None, Some(text)) => ToldContent::Base64(text),
                _ => {
                    let reason = "send the document in content or in content_base64, and not in both";
                    return Err(ApiError::invalid("content", reason));
                }
            },
        },
        api::WebhookAction::Delete {
            source,
            path,
            document,
        } => Told::Delete {
            source,
            path,
            document: id(document),
        },
    })
}

pub fn heard(heard: Heard) -> api::WebhookHeard {
    api::WebhookHeard {
        knowledge_base_id: heard.kb_id.as_uuid(),
        repeated: heard.repeated,
        revision: heard.revision,
        task_id: heard.task_id.map(domain::TaskId::as_uuid),
        source_id: heard.source_id.map(domain::SourceId::as_uuid),
        documents: heard.documents,
    }
}
