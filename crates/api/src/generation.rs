//! How an answer came about, what its statements rest on, and its text as it is written.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model_call::GenerationCost;

/// A sentence, list item, table row, heading or code block of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnswerBlock {
    /// Without numbers.
    pub text: String,
    /// Numbers of the citations that it rests on.
    pub citations: Vec<u32>,
    /// Whether it rests on a citation, or states nothing that would need one (a heading, an introduction). Show others
    /// as what the model says and no source confirms.
    pub supported: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationStatus {
    /// A chat model wrote the answer from the passages, or said that they hold none.
    Written,
    /// The answer is made of quotes; no chat model was asked, and `reason` says why.
    Extractive,
    /// A chat model was asked and its text could not be used; the answer is extractive, and `reason` says why.
    Failed,
    /// A chat model wrote the answer without any source: nothing of it is checked.
    Unsourced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationReason {
    /// No chat model is set up.
    NotConfigured,
    /// No passage was found to write from.
    NothingFound,
    /// The chat model is away, or failed a moment ago.
    Unavailable,
    /// The chat model takes no more requests for now.
    RateLimited,
    /// The chat model was too slow.
    TimedOut,
    /// The chat model refuses the server's key.
    RefusedKey,
    /// The chat model refuses the request, such as one that is too long for it.
    BadRequest,
    /// Its text ended in the middle.
    BrokenOff,
    /// Its provider held the text back.
    Filtered,
    /// Its text rests on none of the passages.
    Uncited,
}

/// Tokens of the chat model, as its provider counts them; those of the question's rewriting included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenUsage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

/// What of an answer was not made for this question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cached {
    #[default]
    None,
    /// What the chat model wrote: it had been given the same to read before. What was found is of now.
    Text,
    /// All of it: nothing has changed since it was given before.
    Answer,
}

/// How the text came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Generation {
    pub status: GenerationStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<GenerationReason>,
    /// The chat model that began to answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The version of the prompt that it was asked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// The text ended at the limit of tokens; its last sentence may lack its end.
    pub truncated: bool,
    /// Numbers that the model cited and that no passage has. They were taken out of the text.
    pub invented_citations: u32,
    /// From the request to the chat model to the end of its text; 0 if none was asked.
    pub milliseconds: f64,
    /// From the request to the chat model to its first word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_milliseconds: Option<f64>,
    /// Whether it comes out of the cache: then it took no tokens.
    #[serde(default)]
    pub cached: Cached,
    /// What the calls of models cost, the question's rewriting, its vector and failed attempts included; absent where none of
    /// them has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<GenerationCost>,
}

/// Data of the event `delta`: more text of an answer that is being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnswerDelta {
    /// Markdown; `[1]` is a number of the answer's citations.
    pub text: String,
    /// Numbers that stand here for the first time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub citations: Vec<DeltaCitation>,
}

/// A number, and the passage of the event `retrieval` that it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeltaCitation {
    pub number: u32,
    pub chunk_id: Uuid,
}
