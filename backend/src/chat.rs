//! The chat models that the settings name, put together for writing answers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nexus_domain::ChatModel;
use nexus_models::chat::{ChatEndpoint, ChatOptions, ChatRetries, ChatTimes, Fallback, OpenAiChat};
use nexus_rag::verify::Unverified;
use nexus_rag::{Manner, Writing, WritingSettings};

use crate::config::{ChatConfig, Config};

/// Wait before the second attempt, about.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What writes answers; `None` leaves them extractive. Nothing is connected to yet.
pub fn writing(config: &Config) -> anyhow::Result<Option<Writing>> {
    let chat = &config.chat;
    let mut models: Vec<Arc<dyn ChatModel>> = Vec::new();
    for chosen in chat.models() {
        tracing::info!(model = chosen.model, address = %chosen.base, "answers are written by a chat model");
        let endpoint = ChatEndpoint {
            base: chosen.base,
            key: chosen.key,
            model: chosen.model,
        };
        let model = OpenAiChat::new(&endpoint, options(chat))
            .with_context(|| format!("the chat model {} cannot be used", endpoint.model))?;
        models.push(Arc::new(model));
    }
    if models.is_empty() {
        return Ok(None);
    }
    let fallback = Fallback::new(models, Duration::from_secs(chat.rest_seconds));
    Ok(Some(Writing {
        model: Arc::new(fallback),
        settings: WritingSettings {
            context_tokens: chat.context_tokens,
            max_answer_tokens: chat.max_answer_tokens,
            temperature: chat.temperature(),
            unverified: match chat.unverified.as_str() {
                "drop" => Unverified::Drop,
                _ => Unverified::Mark,
            },
        },
        manner: Manner::default(),
    }))
}

fn options(chat: &ChatConfig) -> ChatOptions {
    ChatOptions {
        times: ChatTimes {
            connect: Duration::from_secs(chat.connect_seconds),
            first_token: Duration::from_secs(chat.first_token_seconds),
            between_tokens: Duration::from_secs(chat.between_tokens_seconds),
            total: Duration::from_secs(chat.total_seconds),
        },
        retries: ChatRetries {
            attempts: chat.attempts,
            total: Duration::from_secs(chat.retry_seconds),
            first_wait: FIRST_WAIT,
        },
    }
}
