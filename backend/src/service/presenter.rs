//! How things look to those who fetch them: content is kept as the contract writes it, and only the boundary knows how.

use nexus_domain::{Content, Problem, Task};
use nexus_rag::{Answer, Retrieval};
use serde_json::Value;

use super::ServiceError;

/// What the boundary makes of an error.
#[derive(Clone, Debug)]
pub struct ShownError {
    pub code: &'static str,
    pub details: Option<Value>,
    pub retry_after_seconds: Option<u64>,
    /// For the log; never shown.
    pub cause: Option<String>,
}

/// The boundary's functions, put in by whoever puts the services together.
#[derive(Clone, Copy, Debug)]
pub struct Presenter {
    pub answer: fn(Answer) -> Value,
    pub passages: fn(Retrieval) -> Vec<Value>,
    pub task: fn(Task) -> Value,
    pub problem: fn(Problem) -> Value,
    pub error: fn(ServiceError) -> ShownError,
}

impl Presenter {
    /// `text`: what the bot's operator wants to be said first.
    pub fn error(&self, error: ServiceError, trace_id: &str, text: Option<String>) -> Content {
        let shown = (self.error)(error);
        if let Some(cause) = &shown.cause {
            tracing::error!(trace_id, code = shown.code, cause, "a reply failed");
        }
        Content::Error {
            code: shown.code.to_owned(),
            details: shown.details,
            retry_after_seconds: shown.retry_after_seconds,
            request_id: trace_id.to_owned(),
            text,
        }
    }

    /// A refusal that has no more to say than its code.
    pub fn refusal(&self, code: &str, trace_id: &str) -> Content {
        Content::Error {
            code: code.to_owned(),
            details: None,
            retry_after_seconds: None,
            request_id: trace_id.to_owned(),
            text: None,
        }
    }
}
