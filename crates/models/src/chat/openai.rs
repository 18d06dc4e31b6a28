//! The only file that names `async-openai`: from a request of the port to the pieces of a streamed chat completion.
//!
//! Its own types are left out ("byot"), for providers differ in what they leave out; its own retries are replaced by a
//! service that sends once, so that one layer alone retries.

use async_openai::Client;
use async_openai::config::Config;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use nexus_domain::{ChatError, ChatFinish, ChatRequest, ChatRole, ChatUsage};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::options::ChatEndpoint;
use super::transport;
use crate::error::ModelError;

/// What one event of the stream says.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) finish: Option<ChatFinish>,
    pub(super) usage: Option<ChatUsage>,
}

pub(super) type Pieces = BoxStream<'static, Result<Piece, ChatError>>;

/// One model at one address.
#[derive(Debug)]
pub(super) struct Api {
    client: Client<Address>,
    model: String,
    /// OpenAI's own newer models take the limit by its new name only, most others know the old one only.
    is_openai: bool,
}

impl Api {
    pub(super) fn new(endpoint: &ChatEndpoint, http: reqwest::Client) -> Result<Self, ModelError> {
        let replaced = http.clone();
        let service = tower::service_fn(move |factory: HttpRequestFactory| {
            let http = http.clone();
            async move {
                let request = factory.build().await?;
                let sent = transport::send(&http, request).await;
                sent.map_err(|error| OpenAIError::Boxed(error.into()))
            }
        });
        Ok(Self {
            client: Client::build(replaced, Address::new(endpoint)?).with_http_service(service),
            model: endpoint.model.clone(),
            is_openai: endpoint.base.host_str() == Some("api.openai.com"),
        })
    }

    /// Sends the request; the answer's pieces follow as they come. Dropping them cancels it.
    pub(super) async fn open(&self, request: &ChatRequest) -> Result<Pieces, ChatError> {
        let chat = self.client.chat();
        let events = chat.create_stream_byot::<_, Event>(self.body(request));
        let events = events.await.map_err(failed)?;
        Ok(events.map(|event| event.map_err(failed)?.piece()).boxed())
    }

    fn body<'a>(&'a self, request: &'a ChatRequest) -> Body<'a> {
        let message = |message: &'a nexus_domain::ChatMessage| Message {
            role: match message.role {
                ChatRole::System => "system",
                ChatRole::User => "user",
                ChatRole::Assistant => "assistant",
            },
            content: &message.text,
        };
        Body {
            model: &self.model,
            messages: request.messages.iter().map(message).collect(),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            max_tokens: (!self.is_openai).then_some(request.max_tokens),
            max_completion_tokens: self.is_openai.then_some(request.max_tokens),
            temperature: request.temperature,
        }
    }
}

/// Causes of a failed stream are not repeated: they may quote what the model said.
fn failed(error: OpenAIError) -> ChatError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<ChatError>() {
            Ok(error) => *error,
            Err(_) => ChatError::Unavailable("the request could not be sent".to_owned()),
        },
        OpenAIError::JSONDeserialize(..) => ChatError::Unavailable("its answer cannot be read".to_owned()),
        OpenAIError::StreamError(_) => ChatError::Unavailable("its answer broke off".to_owned()),
        OpenAIError::InvalidArgument(_) => ChatError::BadRequest("it cannot be written as JSON".to_owned()),
        _ => ChatError::Unavailable("the connection broke off".to_owned()),
    }
}

/// Base address and key. Nothing is taken from the environment.
#[derive(Clone, Debug)]
struct Address {
    base: String,
    key: SecretString,
    headers: HeaderMap,
}

impl Address {
    fn new(endpoint: &ChatEndpoint) -> Result<Self, ModelError> {
        let mut headers = HeaderMap::new();
        let key = endpoint.key.expose_secret();
        if !key.is_empty() {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ModelError::ChatKey)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            base: endpoint.base.as_str().trim_end_matches('/').to_owned(),
            key: endpoint.key.clone(),
            headers,
        })
    }
}

impl Config for Address {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// An event of the stream, with what is needed of it; everything may be missing.
#[derive(Debug, Deserialize)]
struct Event {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

impl Event {
    fn piece(self) -> Result<Piece, ChatError> {
        if self.error.is_some() {
            return Err(ChatError::Unavailable("it reported an error".to_owned()));
        }
        // One answer was asked for.
        let choice = self.choices.into_iter().flatten().next();
        let (delta, finish) = choice.map_or((None, None), |choice| (choice.delta, choice.finish_reason));
        Ok(Piece {
            text: delta.and_then(|delta| delta.content).unwrap_or_default(),
            finish: finish.map(|reason| match reason.as_str() {
                "stop" => ChatFinish::Stop,
                "length" => ChatFinish::Length,
                "content_filter" => ChatFinish::Filtered,
                _ => ChatFinish::Other,
            }),
            // Half of it tells nothing: what is left out was not free.
            usage: self.usage.and_then(|usage| {
                Some(ChatUsage {
                    prompt_tokens: usage.prompt_tokens?,
                    completion_tokens: usage.completion_tokens?,
                })
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_without_both_counts_is_not_known() {
        let usage = |event: &str| {
            let event: Event = serde_json::from_str(event).unwrap();
            event.piece().unwrap().usage
        };
        for half in ["{}", r#"{"prompt_tokens": 3}"#, r#"{"completion_tokens": 2}"#] {
            assert_eq!(usage(&format!(r#"{{"usage": {half}}}"#)), None, "{half}");
        }
        let told = ChatUsage {
            prompt_tokens: 3,
            completion_tokens: 0,
        };
        let whole = r#"{"usage": {"prompt_tokens": 3, "completion_tokens": 0}}"#;
        assert_eq!(usage(whole), Some(told));
    }
}
