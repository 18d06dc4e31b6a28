//! What the place of uploads fails with.

use std::io;

type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum UploadsError {
    #[error("no room is left for uploads")]
    NoSpace,
    /// Trying again later may help.
    #[error("the storage of uploads does not answer")]
    Unavailable(#[source] Cause),
    #[error("the upload is not in the storage")]
    Missing,
    /// It is there, and is not what was received.
    #[error("the upload in the storage is not what was received")]
    Damaged,
    #[error("the storage of uploads failed")]
    Failed(#[source] Cause),
}

impl From<io::Error> for UploadsError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => Self::NoSpace,
            // A folder on another machine that is away, or not mounted.
            Kind::NotFound
            | Kind::StaleNetworkFileHandle
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::NotConnected
            | Kind::TimedOut => Self::Unavailable(error.into()),
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<object_store::Error> for UploadsError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error;
        match error {
            Error::NotFound { .. } => Self::Missing,
            // No answer, an answer of 5xx, or credentials that an operator is about to mend.
            Error::Generic { .. } | Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Self::Unavailable(error.into())
            }
            _ => Self::Failed(error.into()),
        }
    }
}
