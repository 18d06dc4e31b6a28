//! Repositories of this machine, read where they lie.

use std::ffi::OsStr;
use std::path::Path;

use git2::{ErrorCode, Oid, Repository, RepositoryOpenFlags};

use super::objects::Objects;
use super::refs::Branches;
use crate::SourceError;

/// With a work tree or without; folders above are not searched.
pub(super) fn open(path: &Path) -> Result<Repository, SourceError> {
    let none: [&OsStr; 0] = [];
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, none).map_err(|error| match error.code() {
        ErrorCode::NotFound => SourceError::refused("not_found", "no git repository lies in this folder"),
        ErrorCode::Owner => SourceError::refused(
            "access_denied",
            "the repository belongs to another user of this machine than Nexus runs as",
        ),
        _ => broken(&error),
    })
}

/// The newest commit of the branch, or of the one that `HEAD` names.
pub(super) fn head(repository: &Repository, branch: Option<&str>) -> Result<Oid, SourceError> {
    let name = branch.map_or("HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
    match repository.find_reference(&name).and_then(|found| found.resolve()) {
        Ok(found) => {
            let commit = found.peel_to_commit().map_err(|error| broken(&error))?;
            Ok(commit.id())
        }
        Err(error) if error.code() == ErrorCode::NotFound => {
            let mut branches = Branches::default();
            let mut found = repository
                .references_glob("refs/heads/*")
                .map_err(|error| broken(&error))?;
            for name in found.names().flatten() {
                branches.add(name.strip_prefix("refs/heads/").unwrap_or(name));
            }
            Err(branches.lacks(branch))
        }
        Err(error) => Err(broken(&error)),
    }
}

pub(super) fn objects(repository: &Repository) -> Result<Objects, SourceError> {
    Objects::open(&repository.commondir().join("objects"), None)
        .map_err(|error| SourceError::refused("invalid_source", error.to_string()))
}

fn broken(error: &git2::Error) -> SourceError {
    let why = format!("the repository cannot be read: {}", error.message());
    SourceError::refused("invalid_source", why)
}
