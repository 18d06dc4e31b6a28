//! The port to a chat model: messages in, an answer out as it is written.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures::Stream;
use serde::{Deserialize, Serialize};

use crate::embedder::Condition;
use crate::model_call::CallLog;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatRole {
    /// The rules that the model works under.
    System,
    User,
    Assistant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    pub role: ChatRole,
    pub text: String,
}

impl ChatMessage {
    pub fn system(text: impl Into<String>) -> Self {
        Self {
            role: ChatRole::System,
            text: text.into(),
        }
    }

    pub fn user(text: impl Into<String>) -> Self {
        Self {
            role: ChatRole::User,
            text: text.into(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    pub messages: Vec<ChatMessage>,
    /// Tokens of the model that its answer may take.
    pub max_tokens: u32,
    /// 0 (always the likeliest word) to 2; `None` is the model's own.
    pub temperature: Option<f32>,
    /// Name of the model that is asked first, of several. A name that none of them has changes nothing.
    pub prefer: Option<String>,
    /// Where each attempt is noted.
    pub calls: CallLog,
}

/// What a call cost, in tokens of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatUsage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

impl ChatUsage {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
        }
    }

    /// In and out.
    pub fn tokens(self) -> u64 {
        u64::from(self.prompt_tokens) + u64::from(self.completion_tokens)
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatFinish {
    /// The model had said what it wanted.
    Stop,
    /// It ran into `max_tokens`: the last sentence may lack its end.
    Length,
    /// The provider held something back.
    Filtered,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatEnd {
    pub finish: ChatFinish,
    /// Where the provider tells.
    pub usage: Option<ChatUsage>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// More text; never empty.
    Delta(String),
    /// Nothing follows. A stream without it has broken off.
    End(ChatEnd),
}

pub type ChatStream = Pin<Box<dyn Stream<Item = Result<ChatEvent, ChatError>> + Send>>;

/// An answer that has begun: its first word is there. Dropping it cancels the call.
pub struct ChatReply {
    /// The model that answers, of several that may have been asked.
    pub model: String,
    pub events: ChatStream,
}

impl std::fmt::Debug for ChatReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatReply")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// Texts are for the log of the operator and hold nothing of what was asked or said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    #[error("the chat model is not available: {0}")]
    Unavailable(String),
    #[error("the chat model takes no more requests for now")]
    RateLimited {
        /// The wait that it asked for.
        retry_after: Option<Duration>,
    },
    #[error("the chat model is too slow: {0}")]
    TimedOut(String),
    #[error("the chat model refuses the key")]
    RefusedKey,
    #[error("the chat model refuses the request: {0}")]
    BadRequest(String),
}

impl ChatError {
    /// What went wrong, in words that everybody may read.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "it does not answer; the log says why",
            Self::RateLimited { .. } => "it takes no more requests for now",
            Self::TimedOut(_) => "it is too slow",
            Self::RefusedKey => "it refuses the key",
            Self::BadRequest(_) => "it refuses requests; the log says why",
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::RateLimited { .. } | Self::TimedOut(_) => true,
            Self::RefusedKey | Self::BadRequest(_) => false,
        }
    }
}

/// Writes text. Implementations bound time and size, and retry within a budget, but never once text was handed on.
#[async_trait]
pub trait ChatModel: Send + Sync + std::fmt::Debug {
    /// What the provider calls it.
    fn name(&self) -> &str;

    /// Asks, and waits for the first word.
    async fn chat(&self, request: ChatRequest) -> Result<ChatReply, ChatError>;

    /// How each model behind it does, by what became of the last request; asks nobody.
    fn conditions(&self) -> Vec<(String, Condition)> {
        vec![(self.name().to_owned(), Condition::Fine)]
    }
}
