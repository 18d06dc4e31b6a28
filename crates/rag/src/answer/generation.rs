//! How an answer's text came about, for people and for the answer's row.

use std::borrow::Cow;

use nexus_domain::{ChatError, ChatUsage, Cost};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationStatus {
    /// A chat model wrote it from the sources, or said that they hold no answer.
    Written,
    /// It was put together from quotes: no chat model was asked.
    Extractive,
    /// A chat model was asked and its text could not be used: the answer is extractive.
    Failed,
    /// A chat model wrote it without any source.
    Unsourced,
}

/// Why a chat model was not asked, or why its text was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GenerationReason {
    /// There is no chat model.
    NotConfigured,
    /// There is nothing to write from.
    NothingFound,
    /// The model is away, or failed a moment ago.
    Unavailable,
    RateLimited,
    TimedOut,
    RefusedKey,
    BadRequest,
    /// The text ended in the middle.
    BrokenOff,
    /// The provider held the text back.
    Filtered,
    /// The text rests on none of the sources.
    Uncited,
}

impl GenerationReason {
    /// Whether the model has judged nothing: asked at another time, it may.
    pub const fn is_outage(self) -> bool {
        match self {
            Self::Unavailable
            | Self::RateLimited
            | Self::TimedOut
            | Self::RefusedKey
            | Self::BadRequest
            | Self::BrokenOff => true,
            Self::NotConfigured | Self::NothingFound | Self::Filtered | Self::Uncited => false,
        }
    }
}

impl From<&ChatError> for GenerationReason {
    fn from(error: &ChatError) -> Self {
        match error {
            ChatError::Unavailable(_) => Self::Unavailable,
            ChatError::RateLimited { .. } => Self::RateLimited,
            ChatError::TimedOut(_) => Self::TimedOut,
            ChatError::RefusedKey => Self::RefusedKey,
            ChatError::BadRequest(_) => Self::BadRequest,
        }
    }
}

/// What of an answer was not made for this question, but is that of an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cached {
    #[default]
    None,
    /// What the chat model wrote: it had been given the same to read.
    Text,
    /// All of it: nothing has changed since.
    Answer,
}

/// Times are wall-clock microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    pub status: GenerationStatus,
    pub reason: Option<GenerationReason>,
    /// The chat model that began to answer.
    pub model: Option<String>,
    /// The words that it was asked with.
    pub prompt_version: Option<Cow<'static, str>>,
    /// What the provider says that it cost, the rewriting of the question included.
    pub usage: Option<ChatUsage>,
    /// A model began to answer, or was given up, and what that cost is not known.
    pub uncounted: bool,
    /// The text ended at the limit of tokens.
    pub truncated: bool,
    /// Numbers that the model cited and that no source has; they were taken out.
    pub invented_citations: usize,
    /// From the question to the model to the end of its answer; 0 if none was asked.
    pub micros: u64,
    pub first_token_micros: Option<u64>,
    pub cached: Cached,
    /// What its calls cost; whoever knows prices says so.
    pub cost: Option<Cost>,
}

impl Generation {
    /// Of an answer that no model was asked for.
    pub(super) const fn extractive(reason: GenerationReason) -> Self {
        Self {
            status: GenerationStatus::Extractive,
            reason: Some(reason),
            model: None,
            prompt_version: None,
            usage: None,
            uncounted: false,
            truncated: false,
            invented_citations: 0,
            micros: 0,
            first_token_micros: None,
            cached: Cached::None,
            cost: None,
        }
    }

    /// The same with what was spent before.
    pub(super) fn including(mut self, before: Spent) -> Self {
        self.uncounted |= before.uncounted;
        self.usage = match (self.usage, before.usage) {
            (Some(one), Some(other)) => Some(one.plus(other)),
            (one, other) => one.or(other),
        };
        self
    }
}

/// What a call of a model took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) usage: Option<ChatUsage>,
    /// It took something, and nobody says how much.
    pub(super) uncounted: bool,
}
