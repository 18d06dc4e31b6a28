//! Calls of models at their providers, what they took and what they cost. Money is a whole number of millionths of a currency's unit.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::AskedBy;
use crate::generation::TokenUsage;

/// Money, exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// Millionths of the unit: 2500000 USD-millionths are 2.50 USD.
    #[schema(example = 225)]
    pub amount_micros: u64,
    /// Three letters of ISO 4217.
    #[schema(example = "USD")]
    pub currency: String,
}

/// What an answer cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GenerationCost {
    /// Millionths of the unit, each call rounded up.
    #[schema(example = 225)]
    pub amount_micros: u64,
    #[schema(example = "USD")]
    pub currency: String,
    /// Whether that is all of it: every model that began to work on it has a price and told its tokens.
    pub complete: bool,
}

/// What a model was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelCallPurpose {
    /// To write an answer from passages.
    Answer,
    /// To make a question stand alone.
    Rewrite,
    /// To answer without passages.
    Chat,
    /// To make vectors: of a question, or of the passages of a knowledge base.
    Embedding,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelCallOutcome {
    Ok,
    /// The model, or the way to it, failed.
    Failed,
    /// Nobody waited for its end.
    Cut,
}

/// What calls are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelCallGroup {
    /// Days of UTC.
    Day,
    Model,
    Bot,
    User,
    Purpose,
}

/// What servers before `requests` meant.
const fn one() -> u64 {
    1
}

/// One attempt to get something from a model at a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelCall {
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    pub purpose: ModelCallPurpose,
    pub model: String,
    /// Host, and port where one is set, of the address that was called.
    #[schema(example = "api.openai.com")]
    pub provider: String,
    pub asked_by: AskedBy,
    /// The knowledge base that vectors were made for, where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_base_id: Option<Uuid>,
    /// How many requests it stands for: those that feed a knowledge base are summed up, all others stand alone.
    #[serde(default = "one")]
    #[schema(example = 1)]
    pub requests: u64,
    /// The kept answer that it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_id: Option<Uuid>,
    /// Absent where the provider did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    /// To its end or failure.
    pub milliseconds: f64,
    pub outcome: ModelCallOutcome,
    /// Absent where the model has no price or its tokens are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Amount>,
}

/// Calls together. Of what they are added up by, only that is set; it is absent where it is of nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelCallTotals {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-22")]
    pub day: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<ModelCallPurpose>,
    pub calls: u64,
    /// Of them, that did not come to their end.
    pub failed_or_cut: u64,
    /// Of them, whose tokens are not known.
    pub without_tokens: u64,
    /// Of them, whose price is not known.
    pub without_price: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Absent where none of them has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Amount>,
}

/// Groups of calls: newest days first, and else what cost most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelCallTotalsList {
    pub items: Vec<ModelCallTotals>,
    /// Whether there are more groups than these; narrow the time then.
    pub truncated: bool,
}
