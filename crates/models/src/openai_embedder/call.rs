//! One call of the API: what is sent, how much of an answer is read, and what each kind of failure means.
//!
//! The request is async-openai's type; the call is not its client's. That one repeats calls by itself, reads answers of any
//! size, logs the server's words, and does not tell `Retry-After`.

use std::time::Duration;

use async_openai::types::embeddings::{CreateEmbeddingRequest, EmbeddingInput, EncodingFormat};
use nexus_domain::{CallLog, CallOutcome, ChatUsage, EmbedError, OpenCall};
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::answer::{self, Embedded};
use super::options::OpenAiOptions;
use crate::length::estimated_tokens;

/// A number as JSON has at most so many bytes; a longer answer is none.
const BYTES_PER_NUMBER: usize = 32;
/// What an answer holds besides numbers, and the most that is read of an error.
const OTHER_BYTES: usize = 64 * 1024;
/// Longest vector that is believed.
const MAX_DIMENSION: usize = 8_192;
/// Longest `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there are no vectors. The words are for everybody: no address, no key, nothing that the API wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Later it may work.
    #[error("{reason}")]
    Away {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// Fewer texts may work.
    #[error("a text is too long for it")]
    TooLarge,
    /// Somebody has to mend something.
    #[error("{0}")]
    Refused(String),
    /// It would answer the same again.
    #[error("{0}")]
    Wrong(String),
}

impl CallError {
    pub(super) fn away(reason: impl Into<String>) -> Self {
        Self::Away {
            reason: reason.into(),
            retry_after: None,
        }
    }

    pub(super) fn into_embed(self) -> EmbedError {
        let words = format!("the embeddings API: {self}");
        match self {
            Self::Away { .. } => EmbedError::Unavailable(words),
            Self::Refused(_) => EmbedError::Refused(words),
            Self::TooLarge | Self::Wrong(_) => EmbedError::Failed(words),
        }
    }
}

/// The API's address and how to ask it.
#[derive(Debug)]
pub(super) struct Api {
    client: reqwest::Client,
    url: Url,
    key: Option<SecretString>,
    model: String,
    /// As calls name it.
    provider: String,
}

impl Api {
    pub(super) fn new(options: &OpenAiOptions) -> Result<Self, EmbedError> {
        let mut url = options.url.clone();
        url.path_segments_mut()
            .map_err(|()| EmbedError::Failed("the embeddings API's address has no path".to_owned()))?
            .pop_if_empty()
            .push("embeddings");
        let client = reqwest::Client::builder()
            .timeout(options.timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(options.timeout))
            // Texts and key go where the operator said, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("nexus/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| EmbedError::Failed(format!("no HTTPS client can be made: {error}")))?;
        Ok(Self {
            client,
            url,
            key: options.key.clone(),
            model: options.model.clone(),
            provider: options.host(),
        })
    }

    /// One unit vector per text, in order.
    pub(super) async fn embed(
        &self,
        texts: &[String],
        dimension: Option<usize>,
        calls: &CallLog,
    ) -> Result<Vec<Vec<f32>>, CallError> {
        let call = calls.open(&self.provider, &self.model);
        let usage = |prompt_tokens| ChatUsage {
            prompt_tokens,
            completion_tokens: 0,
        };
        let estimate: usize = texts.iter().map(|text| estimated_tokens(text)).sum();
        call.estimate(usage(u32::try_from(estimate).unwrap_or(u32::MAX)));
        let outcome = self.ask(texts, dimension, &call).await;
        match outcome {
            Ok(Embedded { vectors, tokens }) => {
                call.end(CallOutcome::Ok, tokens.map(usage));
                Ok(vectors)
            }
            Err(error) => {
                call.end(CallOutcome::Failed, None);
                Err(error)
            }
        }
    }

    async fn ask(
        &self,
        texts: &[String],
        dimension: Option<usize>,
        call: &OpenCall,
    ) -> Result<Embedded, CallError> {
        let body = CreateEmbeddingRequest {
            model: self.model.clone(),
            input: EmbeddingInput::StringArray(texts.to_vec()),
            encoding_format: Some(EncodingFormat::Float),
            user: None,
            dimensions: None,
        };
        let mut request = self.client.post(self.url.clone()).json(&body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret());
        }
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        call.begins();
        let room = texts.len() * dimension.unwrap_or(MAX_DIMENSION) * BYTES_PER_NUMBER + OTHER_BYTES;
        let bytes = read(response, room).await?;
        answer::embedded(&bytes, texts.len(), dimension, MAX_DIMENSION).map_err(CallError::Wrong)
    }
}

/// Reads an answer that is not longer than this.
async fn read(mut response: Response, room: usize) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if bytes.len() + part.len() > room {
            return Err(CallError::Wrong("its answer is too long".to_owned()));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

fn unreachable(error: &reqwest::Error) -> CallError {
    tracing::debug!("a call of the embeddings API failed");
    CallError::away(if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "it cannot be reached"
    } else {
        "the connection broke"
    })
}

/// What a status means. Of the body only a code word is used.
async fn refusal(response: Response) -> CallError {
    let status = response.status();
    let retry_after = retry_after(&response);
    let fault = Fault::of(&read(response, OTHER_BYTES).await.unwrap_or_default());
    let told = match &fault.word {
        Some(word) => format!("{} ({word})", status.as_u16()),
        None => status.as_u16().to_string(),
    };
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => CallError::TooLarge,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if fault.is_about_size => {
            CallError::TooLarge
        }
        StatusCode::TOO_MANY_REQUESTS if fault.word.as_deref() == Some("insufficient_quota") => {
            CallError::Refused(format!("the account has no quota left: {told}"))
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            CallError::Refused(format!("it refuses the key (NEXUS_EMBEDDINGS_KEY): {told}"))
        }
        StatusCode::PAYMENT_REQUIRED => CallError::Refused(format!("the account wants to be paid: {told}")),
        StatusCode::NOT_FOUND => CallError::Refused(format!(
            "it knows no such address or model (NEXUS_EMBEDDINGS_URL, NEXUS_EMBEDDINGS_MODEL): {told}"
        )),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            CallError::Away {
                reason: format!("it asks to wait: {told}"),
                retry_after,
            }
        }
        status if status.is_server_error() => CallError::Away {
            reason: format!("it failed: {told}"),
            retry_after,
        },
        status if status.is_redirection() => CallError::Refused(format!(
            "it sends elsewhere, which is not followed (NEXUS_EMBEDDINGS_URL): {told}"
        )),
        _ => CallError::Wrong(format!("it does not take the call: {told}")),
    }
}

/// Seconds; the date form (RFC 9110, 10.2.3) is rare with such APIs and counts as not said.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds: f64 = text.trim().parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(wait.min(MAX_RETRY_AFTER))
}

/// What can be used of an error's body.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fault {
    word: Option<String>,
    is_about_size: bool,
}

#[derive(Deserialize)]
struct Body {
    error: BodyError,
}

#[derive(Deserialize)]
struct BodyError {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default, rename = "type")]
    kind: serde_json::Value,
    #[serde(default)]
    message: serde_json::Value,
}

impl Fault {
    fn of(bytes: &[u8]) -> Self {
        let Ok(Body { error }) = serde_json::from_slice(bytes) else {
            return Self::default();
        };
        let word = [&error.code, &error.kind].into_iter().find_map(|value| {
            let word = value.as_str()?;
            let is_word = (1..=64).contains(&word.len())
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            is_word.then(|| word.to_owned())
        });
        let message = error.message.as_str().unwrap_or_default().to_lowercase();
        // Every provider has its own words for it.
        let is_about_size = [
            "too large",
            "too many",
            "too long",
            "maximum",
            "exceed",
            "batch size",
        ]
        .iter()
        .any(|sign| message.contains(sign));
        Self { word, is_about_size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_error_only_a_code_word_is_believed() {
        let fault = |text: &str| Fault::of(text.as_bytes());
        let known = fault(
            r#"{"error":{"message":"Incorrect key sk-12","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        );
        assert_eq!(known.word.as_deref(), Some("invalid_api_key"));
        assert!(!known.is_about_size);
        let long = fault(r#"{"error":{"message":"Too many inputs: maximum is 8","code":400,"type":"bad"}}"#);
        assert!(long.is_about_size);
        assert_eq!(long.word.as_deref(), Some("bad"));
        for odd in ["", "<html>", r#"{"error":"no"}"#, r#"{"error":{"code":"<b>"}}"#] {
            assert_eq!(fault(odd), Fault::default(), "{odd}");
        }
    }
}
