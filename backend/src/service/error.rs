//! What a use case fails with. Adapters' errors become "away" or "failed"; their causes stay attached for the log.

use nexus_domain::access::Denied;
use nexus_domain::{EmbedError, VectorError};
use nexus_rag::RagError;
use nexus_storage::StorageError;

use super::{Exceeded, Refusal};
use crate::uploads::UploadsError;

type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("a {what} named {name:?} exists already")]
    AlreadyExists { what: &'static str, name: String },
    /// The door does not open.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("one admin who is not blocked must remain")]
    LastAdmin,
    #[error("it has changed since the version that If-Match names; read it again")]
    PreconditionFailed,
    #[error(transparent)]
    Denied(Denied),
    #[error("{reason}")]
    Invalid { field: &'static str, reason: String },
    #[error("{0}")]
    TaskState(String),
    #[error("{0}")]
    GenerationState(String),
    #[error("another process serves this bot; its lease must end first")]
    BotLeaseHeld,
    #[error("the lease has ended, or somebody else was given this")]
    LeaseLost,
    #[error("{0}")]
    DeliveryState(&'static str),
    #[error("this Idempotency-Key was used before with a different request")]
    IdempotencyMismatch,
    #[error("a request with this Idempotency-Key is still being worked on")]
    IdempotencyInProgress,
    #[error("dense search needs an embedding model, and none is loaded")]
    NoEmbedder,
    #[error("this needs a chat model, and none is set up")]
    NoChatModel,
    #[error("the upload is larger than the {limit} bytes that are allowed")]
    TooLarge { limit: u64 },
    #[error("the upload broke off: {0}")]
    Interrupted(String),
    #[error("{} limit of {} is reached for {}", .0.period(), .0.amount(), .0.whom())]
    QuotaExceeded(Exceeded),
    #[error("{0}")]
    Busy(String),
    #[error("no room is left for uploads")]
    NoSpace,
    /// Trying again later may help.
    #[error("away")]
    Unavailable(#[source] Cause),
    /// A defect, or a machine that fails.
    #[error("failed")]
    Internal(#[source] Cause),
}

impl ServiceError {
    pub(crate) fn invalid(field: &'static str, reason: impl ToString) -> Self {
        Self::Invalid {
            field,
            reason: reason.to_string(),
        }
    }
}

impl From<Denied> for ServiceError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        if error.is_temporary() {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl From<VectorError> for ServiceError {
    fn from(error: VectorError) -> Self {
        match error {
            VectorError::Unavailable(_) => Self::Unavailable(error.into()),
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<EmbedError> for ServiceError {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Unavailable(_) | EmbedError::Refused(_) => Self::Unavailable(error.into()),
            EmbedError::Failed(_) => Self::Internal(error.into()),
        }
    }
}

impl From<RagError> for ServiceError {
    fn from(error: RagError) -> Self {
        match error {
            RagError::NoEmbedder => Self::NoEmbedder,
            RagError::Vectors(error) => error.into(),
            RagError::Embed(error) => error.into(),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<UploadsError> for ServiceError {
    fn from(error: UploadsError) -> Self {
        match error {
            UploadsError::NoSpace => Self::NoSpace,
            UploadsError::Unavailable(_) => Self::Unavailable(error.into()),
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<std::io::Error> for ServiceError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::NoSpace,
            _ => Self::Internal(error.into()),
        }
    }
}
