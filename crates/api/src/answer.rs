//! Answers that were given, to be asked for again, and the log of what was asked.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::chat::MessageFeedback;
use crate::document::{DocumentFormat, LineRange, PageRange};
use crate::generation::{AnswerBlock, Generation, GenerationStatus, TokenUsage};
use crate::rag::{AnswerLanguage, Citation, Retrieval};

/// Who asked: a person (and the bot that they came through), a bot for itself, or an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskedBy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<Uuid>,
}

/// A knowledge base as it was when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnowledgeBaseRevision {
    pub knowledge_base_id: Uuid,
    pub revision: i64,
}

/// A passage that an answer was made from, as it was then. What was deleted on purpose is gone, and says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContextPassage {
    /// Its place among the passages, from 1; by this number a model was given it.
    pub number: u32,
    pub chunk_id: Uuid,
    pub document_id: Uuid,
    pub knowledge_base_id: Uuid,
    /// Whether its text was deleted; then nothing follows.
    pub deleted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<DocumentFormat>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heading_path: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<LineRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<PageRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_link: Option<String>,
    /// Byte for byte as the answer was made from it.
    pub text: Option<String>,
}

/// An answer that was given, and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeptAnswer {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub asked_by: AskedBy,
    /// The message that gives it, where it was given in a chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Uuid>,
    pub question: String,
    /// What was looked for, where that was not the question itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<String>,
    /// The knowledge bases that were asked, and which revision each had at least.
    pub revisions: Vec<KnowledgeBaseRevision>,
    pub found: bool,
    pub language: AnswerLanguage,
    /// Whether text that the answer shows was deleted on purpose. Then what it said is gone, too.
    pub deleted: bool,
    pub text: Option<String>,
    pub blocks: Vec<AnswerBlock>,
    pub citations: Vec<Citation>,
    /// How the passages were found, and how long that took.
    pub retrieval: Retrieval,
    /// Model, version of the prompt, tokens and times.
    pub generation: Generation,
    /// The passages that it was made from, in the order in which a model is given them.
    pub context: Vec<ContextPassage>,
    /// BLAKE3 of all these passages as a model is given them, from when the answer was made.
    pub context_digest: String,
    /// Whether the passages that are kept still have this digest; absent where some of them were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_intact: Option<bool>,
    /// What the asker thinks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<MessageFeedback>,
    /// Under which the request or message that asked stands in logs and traces; absent for answers of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// What was asked, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LoggedQuery {
    pub answer_id: Uuid,
    pub at: DateTime<Utc>,
    pub asked_by: AskedBy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Uuid>,
    /// All that were asked.
    pub knowledge_base_ids: Vec<Uuid>,
    pub found: bool,
    pub language: AnswerLanguage,
    pub status: GenerationStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
    pub retrieval_milliseconds: f64,
    pub generation_milliseconds: f64,
    /// Whether what was answered is gone because its text was deleted.
    pub deleted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<MessageFeedback>,
    /// Only where it was asked for and the settings allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

/// Questions for the same thing that a knowledge base had no answer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KbGap {
    /// How often it was asked for.
    pub questions: u64,
    /// People who did, and bots and keys that did by themselves.
    pub askers: u64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    /// Of the questions, those whose askers were told the answer since, or asked again and got one.
    pub answered_since: u64,
    /// The oldest of the refusals.
    pub answer_id: Uuid,
    /// The newest of the questions, where it may be told and was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}
