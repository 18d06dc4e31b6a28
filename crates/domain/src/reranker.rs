//! The port to a reranking model: a cross-encoder, which reads question and passage together.

use async_trait::async_trait;

use crate::script::Script;

/// What is known of a model before it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerankerInfo {
    /// The model's name.
    pub model: String,
    /// Scripts that the model was trained on; its scores say nothing about questions in others.
    pub scripts: Vec<Script>,
    /// What runs it, for people: "ONNX Runtime 1.31, fp32".
    pub runtime: String,
}

impl RerankerInfo {
    /// Whether the model's opinion of a question in this script counts. A text without letters is anybody's.
    pub fn knows(&self, script: Script) -> bool {
        script == Script::None || self.scripts.contains(&script)
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum RerankError {
    /// Trying again later may help.
    #[error("the reranker is not available: {0}")]
    Unavailable(String),
    /// Trying again will not help.
    #[error("the reranker failed: {0}")]
    Failed(String),
}

/// Tells how well passages answer a question. Implementations bound their own queue and never block the async runtime;
/// a caller that stops waiting stops the work.
#[async_trait]
pub trait Reranker: Send + Sync + std::fmt::Debug {
    fn info(&self) -> &RerankerInfo;

    /// One score per passage, in order, larger is better. Scores of one call may be compared, and no others. What
    /// reaches beyond the model's window is not read.
    async fn rerank(&self, question: String, passages: Vec<String>) -> Result<Vec<f32>, RerankError>;
}
