//! Questions, passages and answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::document::{DocumentFormat, LineRange, PageRange};
use crate::generation::{AnswerBlock, Generation};
use crate::quality::AnswerSupport;

/// Which indexes are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetrievalMode {
    /// Both, fused by score; the dense one counts only where its model knows the question's script.
    #[default]
    Hybrid,
    /// Words only (BM25).
    Lexical,
    /// Vectors only.
    Dense,
}

fn default_passages() -> u32 {
    crate::limits::DEFAULT_PASSAGES
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    #[schema(example = "how do I reset the gateway?", min_length = 1, max_length = 4000)]
    pub query: String,
    /// Names or ids; absent or empty means all that the caller may read.
    #[serde(default)]
    #[schema(example = json!(["handbook"]), max_items = 100)]
    pub knowledge_bases: Vec<String>,
    #[serde(default)]
    pub mode: RetrievalMode,
    #[serde(default = "default_passages")]
    #[schema(minimum = 1, maximum = 200, default = 10)]
    pub limit: u32,
    /// Keep only the best passage of each document.
    #[serde(default)]
    pub distinct_documents: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    #[schema(example = "Как обновить прошивку шлюза?", min_length = 1, max_length = 4000)]
    pub question: String,
    /// Names or ids; absent or empty means all that the caller may read.
    #[serde(default)]
    #[schema(example = json!(["handbook"]), max_items = 100)]
    pub knowledge_bases: Vec<String>,
    #[serde(default)]
    pub mode: RetrievalMode,
    /// The questions of the conversation before this one, oldest first. A question that leans on them (`And on Windows?`)
    /// is made to stand alone before it is answered; `retrieval.question` shows how.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 8)]
    pub history: Vec<EarlierQuestion>,
}

/// A question to the chat model itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AiQueryRequest {
    #[schema(
        example = "What does HTTP status 409 mean?",
        min_length = 1,
        max_length = 4000
    )]
    pub question: String,
    /// The questions of the conversation before this one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 8)]
    pub history: Vec<EarlierQuestion>,
}

/// An answer without sources: what the chat model says, unchecked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AiAnswer {
    /// Markdown.
    pub text: String,
    pub language: AnswerLanguage,
    /// Always empty: the answer rests on no source.
    pub citations: Vec<Citation>,
    pub generation: Generation,
}

/// A question that was asked before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlierQuestion {
    /// As it was asked. Of a long one the first 400 characters count.
    #[schema(
        example = "Как установить агента на Linux?",
        min_length = 1,
        max_length = 4000
    )]
    pub question: String,
}

/// A piece of a document, exactly as it stands there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Passage {
    pub chunk_id: Uuid,
    pub knowledge_base_id: Uuid,
    pub knowledge_base: String,
    pub document_id: Uuid,
    pub document_path: String,
    pub document_title: String,
    pub document_format: DocumentFormat,
    pub source: String,
    /// Headings from the outermost to the innermost.
    pub heading_path: Vec<String>,
    pub lines: LineRange,
    /// In formats that have pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<PageRange>,
    /// Leads to exactly these lines of the text as Nexus has it.
    pub link: String,
    /// Leads to the place in the original: a permalink at the commit, a wiki's revision, a heading of a site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_link: Option<String>,
    pub text: String,
    /// What the passage was ranked by.
    pub score: f32,
    /// BM25, where the lexical index found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical_score: Option<f32>,
    /// Cosine, where the dense index found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense_score: Option<f32>,
    /// The reranker's score, where it put the passage into its place. Only those of one answer may be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerank_score: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// Best first.
    pub passages: Vec<Passage>,
    pub retrieval: Retrieval,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerLanguage {
    Ru,
    En,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// By which it can be asked for again; absent where answers are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The answer; `[1]` points at the citation of that number. Markdown where a chat model wrote it.
    pub text: String,
    /// The same in pieces, each with what it rests on.
    pub blocks: Vec<AnswerBlock>,
    /// How many blocks state something that rests on no citation.
    pub unsupported_blocks: u32,
    /// Whether the knowledge bases answer the question. If not, `text` says so, nothing is cited, and `nearest` shows what
    /// comes nearest to an answer.
    pub found: bool,
    pub language: AnswerLanguage,
    pub citations: Vec<Citation>,
    /// Up to three passages where nothing is an answer, best first, numbered for themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<Citation>,
    /// How well what was found holds the question, and what an answer takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<AnswerSupport>,
    pub retrieval: Retrieval,
    pub generation: Generation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Citation {
    /// The number in the text, from 1.
    pub number: u32,
    /// The exact words, byte for byte as in the document.
    pub quote: String,
    pub quote_lines: LineRange,
    /// Leads to exactly these lines.
    pub link: String,
    /// The passage around the quote.
    pub passage: Passage,
}

/// What one index did for a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SideStatus {
    Ran,
    /// The request's mode left it out.
    NotAsked,
    /// No embedding model is loaded: retrieval is lexical only.
    NotConfigured,
    /// The model does not know the question's script.
    ScriptUnknown,
    /// It failed and the other one answered; `reason` says why.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SideReport {
    pub status: SideStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many passages it proposed.
    pub candidates: u32,
    /// Its best raw score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_score: Option<f32>,
    pub milliseconds: f64,
}

/// What the reranker did for a question. Unless it ran, the fused order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RerankStatus {
    Ran,
    /// One index alone was asked for, or there was nothing to put in order.
    NotAsked,
    /// No reranker is loaded.
    NotConfigured,
    /// The model does not know the question's script.
    ScriptUnknown,
    /// It took longer than it may.
    TimedOut,
    /// It failed; `reason` says why.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RerankReport {
    pub status: RerankStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many passages it was given.
    pub candidates: u32,
    pub milliseconds: f64,
}

/// Who made a question stand alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RewrittenBy {
    /// Rules, with words of the conversation and no others.
    Rules,
    /// The chat model.
    Model,
}

/// Why a question was left to the rules that the chat model was asked to rewrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RewriteFailure {
    /// The chat model is away, takes no request, or broke off.
    Unavailable,
    /// It took longer than it may.
    TimedOut,
    /// It said nothing.
    Empty,
    TooLong,
    /// It wrote more than one line.
    ManyLines,
    /// It would not, or its provider held the text back.
    Refused,
    /// What it wrote has nothing to do with the conversation.
    Unrelated,
}

/// How the passages were found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Retrieval {
    pub mode: RetrievalMode,
    /// What was searched for and answered, where it is not what was asked: the question as it stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Who made that of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewritten_by: Option<RewrittenBy>,
    /// Why the chat model did not rewrite the question although it was asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite_failure: Option<RewriteFailure>,
    pub lexical: SideReport,
    pub dense: SideReport,
    pub rerank: RerankReport,
    /// Share of the lexical score in the fused one (0 to 1), where both sides ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical_weight: Option<f32>,
    /// The embedding model, where one is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Time to embed the question, part of `total_milliseconds`.
    pub embedding_milliseconds: f64,
    pub total_milliseconds: f64,
}
