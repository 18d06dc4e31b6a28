//! How a task ends when it does not succeed.

use std::time::Duration;

use nexus_domain::{EmbedError, Problem, TaskError, VectorError};
use nexus_storage::StorageError;

use crate::error_chain::chain;
use crate::uploads::UploadsError;

/// The code of a task whose texts the embedding provider does not take until somebody has mended something.
pub const EMBEDDING_REFUSED: &str = "embedding_refused";

/// Why a task's work stopped.
#[derive(Debug)]
pub enum Stopped {
    /// Trying again later may help.
    Retry(TaskError),
    /// Trying again will not help.
    Fail(TaskError),
    /// Something remote does not answer, for as long as it likes: the task waits, and no attempt is counted.
    Away {
        error: TaskError,
        /// How long it asked to be left alone.
        wait: Option<Duration>,
    },
    /// Asked to: cancelled, paused, or this process is ending.
    Asked,
    /// Another worker holds the task now.
    LeaseLost,
}

impl Stopped {
    /// The cause goes to the log, in the task's span; what the task carries is for people who may not know this machine.
    fn retry(code: &str, message: &str, error: &dyn std::error::Error) -> Self {
        tracing::error!(code, cause = chain(error), "the work of a task stopped");
        Self::Retry(TaskError {
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    pub fn internal(error: &dyn std::error::Error) -> Self {
        // A defect of ours may pass with a restart or an update, so it is tried again, a bounded number of times.
        let message = "something inside the server went wrong; its log has the cause under the task's id";
        Self::retry("internal", message, error)
    }

    fn unavailable(part: &str, error: &dyn std::error::Error) -> Self {
        Self::retry("unavailable", &format!("{part} does not answer"), error)
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
            Self::unavailable("the database", &error)
        } else {
            Self::internal(&error)
        }
    }
}

impl From<UploadsError> for Stopped {
    fn from(error: UploadsError) -> Self {
        match error {
            UploadsError::Unavailable(_) | UploadsError::NoSpace => {
                Self::unavailable("the storage of uploads", &error)
            }
            // A folder that is not mounted looks empty, so it may come back.
            UploadsError::Missing => Self::retry(
                "unavailable",
                "the uploaded file is not in the storage of uploads",
                &error,
            ),
            UploadsError::Damaged => Self::fail(
                "corrupt",
                "the uploaded file was changed in the storage of uploads",
            ),
            UploadsError::Failed(_) => Self::internal(&error),
        }
    }
}

impl From<VectorError> for Stopped {
    fn from(error: VectorError) -> Self {
        match error {
            VectorError::Unavailable(_) => Self::unavailable("the index", &error),
            _ => Self::internal(&error),
        }
    }
}

impl From<EmbedError> for Stopped {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Unavailable(_) => {
                tracing::warn!(cause = chain(&error), "the embedding model is away");
                Self::Away {
                    error: TaskError {
                        code: "unavailable".to_owned(),
                        message: "the embedding model does not answer; the task goes on when it does"
                            .to_owned(),
                    },
                    wait: None,
                }
            }
            EmbedError::Refused(_) => Self::fail(EMBEDDING_REFUSED, error.to_string()),
            EmbedError::Failed(_) => Self::internal(&error),
        }
    }
}
