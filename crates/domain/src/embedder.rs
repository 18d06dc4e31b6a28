//! The port to an embedding model.

use async_trait::async_trait;

use crate::model_call::CallLog;
use crate::script::Script;

/// What is known of a model before it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedderInfo {
    /// Names the vectors: model and everything that changes its output (prefixes, pooling). Vectors of equal names
    /// may be compared and cached together; those of different names never meet.
    pub model: String,
    /// Length of a vector.
    pub dimension: usize,
    /// Scripts that the model was trained on; its vectors say nothing about texts in others.
    pub scripts: Vec<Script>,
    /// What runs it, for people: "ONNX Runtime 1.31, fp32".
    pub runtime: String,
}

impl EmbedderInfo {
    /// Whether the model's opinion of a text in this script counts. A text without letters is anybody's.
    pub fn knows(&self, script: Script) -> bool {
        script == Script::None || self.scripts.contains(&script)
    }
}

/// How a model does, with a reason that everybody may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Fine,
    /// It works, but not as it was meant to.
    Fallback(String),
    /// It did not answer when it was asked last.
    Away(String),
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum EmbedError {
    /// Trying again later may help.
    #[error("the embedding model is not available: {0}")]
    Unavailable(String),
    /// Somebody has to mend the settings or the account first. The text says which, in words that everybody may read.
    #[error("the embedding model is refused: {0}")]
    Refused(String),
    /// Trying again will not help.
    #[error("the embedding model failed: {0}")]
    Failed(String),
}

/// Turns text into unit vectors. Implementations bound their own concurrency and never block the async runtime.
#[async_trait]
pub trait Embedder: Send + Sync + std::fmt::Debug {
    fn info(&self) -> &EmbedderInfo;

    /// How it does now.
    fn condition(&self) -> Condition {
        Condition::Fine
    }

    /// How many passages make one call worth its while. A caller that keeps what it got after each call loses no more than
    /// one call's vectors.
    fn passages_at_once(&self) -> usize {
        32
    }

    /// One vector per passage, in order. Long passages are cut by the model at its window.
    async fn embed_passages(&self, passages: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// The vector of a question.
    async fn embed_query(&self, query: String) -> Result<Vec<f32>, EmbedError>;

    /// [`Self::embed_passages`], noting what its provider was asked for. A model of this machine is nobody's call.
    async fn embed_passages_noting(
        &self,
        passages: Vec<String>,
        _calls: &CallLog,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.embed_passages(passages).await
    }

    /// [`Self::embed_query`], noting what its provider was asked for.
    async fn embed_query_noting(&self, query: String, _calls: &CallLog) -> Result<Vec<f32>, EmbedError> {
        self.embed_query(query).await
    }
}
