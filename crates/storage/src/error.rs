//! What can go wrong between Nexus and its rows. Absence is no error: it is `None`, and the caller decides.

use std::path::PathBuf;

use nexus_domain::VersionId;
use sqlx::migrate::MigrateError;

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A row with this key exists. The name of a knowledge base, for one, may be taken.
    #[error("a row with this key exists already")]
    UniqueViolation(#[source] sqlx::Error),
    /// A row that this one refers to does not exist, or rows still refer to the one that was to go.
    #[error("a row that this one belongs to is gone")]
    ReferenceViolation(#[source] sqlx::Error),
    /// The database is away, busy or out of connections; trying again later may help.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// A newer Nexus has migrated this database.
    #[error("the database has schema {found}, this program knows {known}: use a newer program")]
    SchemaTooNew { found: i64, known: i64 },
    /// The database was not migrated yet.
    #[error("the database has schema {found}, this program needs {needed}: run its migrations")]
    SchemaTooOld { found: i64, needed: i64 },
    #[error("the database could not be migrated")]
    Migration(#[source] MigrateError),
    /// A stored value that this version cannot read.
    #[error("a stored value cannot be read: {what}")]
    Corrupt { what: String },
    /// A value that cannot be stored: one of the two databases would refuse or change it.
    #[error("a value cannot be stored: {what}")]
    Invalid { what: String },
    /// The version was retired, or was never written: its document cannot be switched to it.
    #[error("version {0} is not waiting to be switched on")]
    VersionNotPending(VersionId),
    /// An embedding model changed the length of its vectors without changing its name.
    #[error("model {model:?} is stored with dimension {stored}, not {given}")]
    DimensionChanged {
        model: String,
        stored: usize,
        given: usize,
    },
    /// The setting that names the database is wrong. Never holds the URL: it may contain a password.
    #[error("the database URL is invalid: {0}")]
    InvalidUrl(String),
    #[error("the folder of the database, {path}, could not be created")]
    CreateFolder { path: PathBuf, source: std::io::Error },
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl StorageError {
    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt {
            what: what.to_string(),
        }
    }

    pub(crate) fn invalid(what: impl std::fmt::Display) -> Self {
        Self::Invalid {
            what: what.to_string(),
        }
    }

    /// Whether the same call may succeed later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub const fn is_unique_violation(&self) -> bool {
        matches!(self, Self::UniqueViolation(_))
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::UniqueViolation(error),
            sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => {
                Self::ReferenceViolation(error)
            }
            sqlx::Error::Database(cause) if cause.code().is_some_and(|code| is_temporary(&code)) => {
                Self::Unavailable(error)
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::corrupt(&error),
            _ => Self::Database(error),
        }
    }
}

/// PostgreSQL: classes 08 (connection), 53 (resources), 57P (shutdown) and lost races (40001, 40P01, 55P03),
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>. SQLite: primary result codes BUSY (5), LOCKED (6)
/// and FULL (13) in the low byte, <https://www.sqlite.org/rescode.html>.
fn is_temporary(code: &str) -> bool {
    if code.len() == 5 && !code.starts_with("00") {
        return code.starts_with("08")
            || code.starts_with("53")
            || code.starts_with("57P")
            || matches!(code, "40001" | "40P01" | "55P03");
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13))
}

#[cfg(test)]
mod tests {
    use super::is_temporary;

    #[test]
    fn lost_races_and_lost_connections_may_be_tried_again() {
        for code in ["5", "6", "261", "517", "13", "08006", "57P01", "40P01", "53300"] {
            assert!(is_temporary(code), "{code}");
        }
        for code in ["1", "11", "2067", "23505", "42P01", "22021"] {
            assert!(!is_temporary(code), "{code}");
        }
    }
}
