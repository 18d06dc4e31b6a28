//! How a task ends when it does not succeed.

use nexus_domain::{EmbedError, Problem, TaskError, VectorError};
use nexus_storage::StorageError;

use crate::error_chain::chain;

/// Why a task's work stopped.
#[derive(Debug)]
pub enum Stopped {
    /// Trying again later may help.
    Retry(TaskError),
    /// Trying again will not help.
    Fail(TaskError),
    /// Asked to: cancelled, paused, or this process is ending.
    Asked,
    /// Another worker holds the task now.
    LeaseLost,
}

impl Stopped {
    fn retry(code: &str, error: &dyn std::error::Error) -> Self {
        Self::Retry(TaskError {
            code: code.to_owned(),
            message: chain(error),
        })
    }

    pub fn internal(error: &dyn std::error::Error) -> Self {
        // A defect of ours may pass with a restart or an update, so it is tried again, a bounded number of times.
        Self::retry("internal", error)
    }

    /// The upload itself is to blame.
    pub fn upload(problem: Problem) -> Self {
        Self::Fail(TaskError {
            code: problem.code.as_str().to_owned(),
            message: problem.message,
        })
    }

    pub fn fail(code: &str, message: impl Into<String>) -> Self {
        Self::Fail(TaskError {
            code: code.to_owned(),
            message: message.into(),
        })
    }
}

impl From<StorageError> for Stopped {
    fn from(error: StorageError) -> Self {
        if error.is_temporary() {
            Self::retry("unavailable", &error)
        } else {
            Self::internal(&error)
        }
    }
}

impl From<VectorError> for Stopped {
    fn from(error: VectorError) -> Self {
        match error {
            VectorError::Unavailable(_) => Self::retry("unavailable", &error),
            _ => Self::internal(&error),
        }
    }
}

impl From<EmbedError> for Stopped {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Unavailable(_) => Self::retry("unavailable", &error),
            EmbedError::Failed(_) => Self::internal(&error),
        }
    }
}
