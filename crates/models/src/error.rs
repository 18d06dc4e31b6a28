//! What can go wrong between a models folder or an address and a working model, in sentences for the person who runs Nexus.

use std::path::PathBuf;

/// Why no model could be made.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not what it should be: {reason}")]
    Invalid { path: PathBuf, reason: String },
    #[error("the model folder {folder} is incomplete: {file} is missing")]
    Incomplete { folder: PathBuf, file: String },
    #[error("{folder} holds several models ({}): keep one, or name one in manifest.json", .names.join(", "))]
    Ambiguous { folder: PathBuf, names: Vec<String> },
    #[error("{folder} is no model that is known here: add a nexus-model.json that describes it")]
    Unknown { folder: PathBuf },
    #[error(
        "there is a model at {folder}, but no ONNX Runtime library to run it: run `make models` or name one"
    )]
    NoRuntime { folder: PathBuf },
    #[error("ONNX Runtime cannot be loaded from {path}: {reason}")]
    Runtime { path: PathBuf, reason: String },
    #[error("the model {model} cannot be loaded: {reason}")]
    Load { model: String, reason: String },
    #[error("the model {model} runs, but its output is wrong: {reason}")]
    Output { model: String, reason: String },
    /// Weights, tokenizer or runtime are not those that the stored reference was computed with.
    #[error(
        "the model {model} does not reproduce its reference vector: cosine {cosine:.5}, at least {at_least} expected"
    )]
    ReferenceMismatch {
        model: String,
        cosine: f32,
        at_least: f32,
    },
    #[error("the model {model} does not reproduce its reference score: {score:.3}, {expected:.3} expected")]
    ScoreMismatch {
        model: String,
        score: f32,
        expected: f32,
    },
    /// A runtime may take a precision for a hint and compute in fp32 all the same.
    #[error("the model {model} was to run in {precision}, but its vectors are those of fp32")]
    PrecisionIgnored { model: String, precision: &'static str },
    #[error("the model cannot be downloaded: {0}")]
    Download(String),
    #[error("the HTTP client for a remote model cannot be made")]
    HttpClient(#[source] reqwest::Error),
    #[error("the key of the chat model holds what no HTTP header may hold")]
    ChatKey,
}

impl ModelError {
    /// The cause in words that everybody may read: without places on this machine.
    pub(crate) const fn in_public(&self) -> &'static str {
        match self {
            Self::Output { .. } | Self::ReferenceMismatch { .. } => {
                "does not reproduce the vectors of the model"
            }
            Self::PrecisionIgnored { .. } => "runs as fp32",
            _ => "cannot be loaded",
        }
    }

    pub(crate) fn invalid(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::Invalid {
            path: path.into(),
            reason: reason.to_string(),
        }
    }
}

/// Reads a file whole, with its path in the error.
pub(crate) fn read(path: &std::path::Path) -> Result<Vec<u8>, ModelError> {
    std::fs::read(path).map_err(|source| ModelError::Read {
        path: path.to_owned(),
        source,
    })
}
