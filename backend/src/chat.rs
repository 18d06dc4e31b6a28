//! The chat models that the settings name, put together for writing answers and for making questions stand alone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use nexus_domain::{CallLog, ChatModel, Prices};
use nexus_models::chat::{
    self as models, ChatEndpoint, ChatOptions, ChatRetries, ChatTimes, Fallback, OpenAiChat,
};
use nexus_rag::verify::Unverified;
use nexus_rag::{Manner, Rewriting, Writing, WritingSettings};

use crate::config::{ChatConfig, Config};
use crate::service::PriceList;

/// Wait before the second attempt, about.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What writes answers; `None` leaves them extractive. Nothing is connected to yet.
pub fn writing(config: &Config) -> anyhow::Result<Option<Writing>> {
    let chat = &config.chat;
    for chosen in chat.models() {
        tracing::info!(model = chosen.model, address = %chosen.base, "answers are written by a chat model");
    }
    let Some(model) = members(chat, options(chat))? else {
        return Ok(None);
    };
    Ok(Some(Writing {
        model,
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
        calls: CallLog::default(),
    }))
}

/// What the models cost. Budgets in money see none of those without a price: whoever sets budgets should know.
pub fn prices(config: &Config) -> anyhow::Result<PriceList> {
    let chosen = config.chat.models();
    let embedding = embedding_price(config)?;
    let has_prices = embedding.is_some() || chosen.iter().any(|model| model.prices.is_some());
    let mut prices = Vec::new();
    for model in chosen {
        match model.prices {
            Some(priced) => prices.push((models::provider(&model.base), model.model, priced)),
            None if has_prices => tracing::warn!(
                model = model.model,
                "this chat model has no price: budgets in money do not see it (setting NEXUS_CHAT_PROMPT_PRICE and those after it)"
            ),
            None => {}
        }
    }
    if has_prices && embedding.is_none() && asks_embeddings(config) {
        tracing::warn!(
            model = config.embeddings.model,
            "the embeddings API has no price: budgets in money do not see it, and what answers cost is not all (setting NEXUS_EMBEDDINGS_PRICE)"
        );
    }
    Ok(PriceList {
        currency: config.chat.currency()?,
        prices,
        embedding,
    })
}

fn asks_embeddings(config: &Config) -> bool {
    config.models.enabled && !config.embeddings.url.is_empty()
}

/// Provider and model of the embeddings API, where it has a price. Vectors have no words out.
fn embedding_price(config: &Config) -> anyhow::Result<Option<(String, String, Prices)>> {
    let (Some(prompt), true) = (config.embeddings.price()?, asks_embeddings(config)) else {
        return Ok(None);
    };
    let prices = Prices {
        prompt,
        completion: 0,
    };
    let options = config.embeddings.options()?;
    Ok(options.map(|options| (models::provider(&options.url), options.model, prices)))
}

/// What makes questions stand alone, where that is not left to rules. Asked once, for it has no time for more; and resting by
/// itself, so that a model that is too slow for this, or says nothing, still writes answers.
pub fn rewriting(config: &Config) -> anyhow::Result<Option<Rewriting>> {
    let chat = &config.chat;
    if chat.follow_ups != "model" {
        return Ok(None);
    }
    let time = Duration::from_secs(chat.follow_up_seconds);
    let ChatOptions { times, retries } = options(chat);
    let options = ChatOptions {
        times: ChatTimes {
            first_token: times.first_token.min(time),
            total: times.total.min(time),
            ..times
        },
        retries: ChatRetries {
            attempts: 1,
            ..retries
        },
    };
    let model = members(chat, options)?;
    Ok(model.map(|model| Rewriting {
        model,
        // Whoever comes too late tells so first, and rests.
        time: time + Duration::from_millis(500),
        temperature: chat.temperature(),
        prefer: None,
        calls: CallLog::default(),
    }))
}

fn members(chat: &ChatConfig, options: ChatOptions) -> anyhow::Result<Option<Arc<dyn ChatModel>>> {
    let mut models: Vec<Arc<dyn ChatModel>> = Vec::new();
    for chosen in chat.models() {
        let endpoint = ChatEndpoint {
            base: chosen.base,
            key: chosen.key,
            model: chosen.model,
        };
        let model = OpenAiChat::new(&endpoint, options)
            .with_context(|| format!("the chat model {} cannot be used", endpoint.model))?;
        models.push(Arc::new(model));
    }
    if models.is_empty() {
        return Ok(None);
    }
    let fallback = Fallback::new(models, Duration::from_secs(chat.rest_seconds));
    Ok(Some(Arc::new(fallback)))
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
