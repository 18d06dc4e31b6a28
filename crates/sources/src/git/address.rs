//! What a git source asks for, looked at before anything is done with it.

use std::path::PathBuf;

use git2::Reference;
use nexus_domain::GitRemote;
use nexus_ingest::{Limits, normalise_path};
use url::Url;

use crate::{AddressRefused, Filter, Settings, SourceError};

/// Longest name of a branch, in bytes.
const MOST_BRANCH_BYTES: usize = 255;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// `http` or `https`, without a slash at the end.
    Smart(Url),
    /// A folder of this machine.
    Local(PathBuf),
}

/// A source's settings, valid.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) address: Address,
    pub(super) branch: Option<String>,
    /// Names of folders from the root; empty for the root itself.
    pub(super) folder: Vec<String>,
    pub(super) filter: Filter,
}

impl Wanted {
    pub(super) fn new(remote: &GitRemote, settings: &Settings, limits: &Limits) -> Result<Self, SourceError> {
        Ok(Self {
            address: address(remote.url.trim(), settings)?,
            branch: remote.branch.as_deref().map(branch).transpose()?,
            folder: remote
                .folder
                .as_deref()
                .map_or(Ok(Vec::new()), |name| folder(name, limits))?,
            filter: Filter::new(&remote.filter).map_err(|error| invalid(error.to_string()))?,
        })
    }
}

fn invalid(message: impl Into<String>) -> SourceError {
    SourceError::refused("invalid_source", message)
}

/// Addresses that were refused are not repeated: what a person pastes may hold a password.
fn address(text: &str, settings: &Settings) -> Result<Address, SourceError> {
    if is_ssh(text) {
        return Err(invalid(
            "repositories are not fetched by ssh; give the https address, and a token if the repository is private",
        ));
    }
    let mut url = Url::parse(text).map_err(|_| invalid("the address of the repository is not a URL"))?;
    match url.scheme() {
        "http" | "https" => {}
        "file" if settings.local_repositories => {
            let path = url.to_file_path();
            return path
                .map(Address::Local)
                .map_err(|()| invalid("the address names no folder of this machine"));
        }
        "file" => {
            let why = "repositories of this machine are not read unless the configuration allows it";
            return Err(SourceError::refused("address_refused", why));
        }
        _ => return Err(invalid("repositories are fetched by https")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(AddressRefused::HoldsCredential.to_string()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("the address of a repository holds no \"?\" and no \"#\""));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(Address::Smart(url))
}

/// `ssh://…` and the short form `git@host:path`.
pub(crate) fn is_ssh(text: &str) -> bool {
    ssh_parts(text).is_some()
}

/// The https address under which forges have what they also have under this address of ssh; `None` for other addresses.
pub fn https_of_ssh(text: &str) -> Option<String> {
    let (host, path) = ssh_parts(text)?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // A port of ssh is none of https.
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    Some(format!("https://{host}/{}", path.trim_start_matches('/')))
}

/// The host, with user and port, and the path of an address of ssh.
fn ssh_parts(text: &str) -> Option<(&str, &str)> {
    let Some((scheme, rest)) = text.split_once("://") else {
        let (host, path) = text.split_once(':')?;
        return (host.contains('@') && !host.contains('/')).then_some((host, path));
    };
    let is_ssh = ["ssh", "git+ssh", "ssh+git"]
        .iter()
        .any(|ssh| scheme.eq_ignore_ascii_case(ssh));
    is_ssh.then(|| rest.split_once('/').unwrap_or((rest, "")))
}

fn branch(name: &str) -> Result<String, SourceError> {
    let name = name.strip_prefix("refs/heads/").unwrap_or(name);
    let is_valid = name.len() <= MOST_BRANCH_BYTES
        && !name.starts_with('-')
        && Reference::is_valid_name(&format!("refs/heads/{name}"));
    if is_valid {
        Ok(name.to_owned())
    } else {
        Err(invalid(format!("{name:.80?} cannot be the name of a branch")))
    }
}

fn folder(name: &str, limits: &Limits) -> Result<Vec<String>, SourceError> {
    let name = name.trim_matches('/');
    if name.is_empty() {
        return Ok(Vec::new());
    }
    let refused = |why: &str| invalid(format!("the folder {name:.80?} cannot be read: {why}"));
    if name.starts_with('-') {
        return Err(refused("its name begins with \"-\""));
    }
    match normalise_path(name, limits) {
        Ok(Some(path)) => Ok(path.split('/').map(str::to_owned).collect()),
        Ok(None) => Err(refused("nothing in it is a document")),
        Err((_, why)) => Err(refused(&why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<impl Sized, SourceError>) -> (&'static str, String) {
        match result {
            Err(SourceError::Refused { code, message }) => (code, message),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it was taken"),
        }
    }

    #[test]
    fn addresses_by_https_are_taken() {
        let address = address("https://example.org/group/wiki.git/", &Settings::default()).unwrap();
        let url = Url::parse("https://example.org/group/wiki.git").unwrap();
        assert_eq!(address, Address::Smart(url));
    }

    #[test]
    fn addresses_by_ssh_are_told_what_to_do() {
        for text in [
            "git@github.com:o/r.git",
            "ssh://git@github.com/o/r.git",
            "SSH://github.com/o/r",
        ] {
            let (code, message) = code(address(text, &Settings::default()));
            assert_eq!(code, "invalid_source", "{text}");
            assert!(
                message.contains("https") && message.contains("token"),
                "{message}"
            );
        }
    }

    #[test]
    fn an_address_of_ssh_has_one_of_https() {
        for (ssh, https) in [
            ("git@github.com:o/r.git", Some("https://github.com/o/r.git")),
            (
                "ssh://git@git.example.org:2222/o/r.git",
                Some("https://git.example.org/o/r.git"),
            ),
            ("SSH://github.com/o/r", Some("https://github.com/o/r")),
            ("https://github.com/o/r.git", None),
            ("C:\\docs", None),
            ("docs/guide.md", None),
            ("notes@home/a:b", None),
        ] {
            assert_eq!(https_of_ssh(ssh).as_deref(), https, "{ssh}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for text in [
            "https://me:secret-word@example.org/r",
            "https://secret-word@example.org/r",
            "https://example.org:x/secret-word",
            "git://secret-word.example.org/r",
            "secret-word:x@example.org/r",
        ] {
            let (code, message) = code(address(text, &Settings::default()));
            assert_eq!(code, "invalid_source", "{text}");
            assert!(!message.contains("secret-word"), "{message}");
        }
    }

    #[test]
    fn local_folders_need_the_configuration() {
        let mut settings = Settings::default();
        assert_eq!(code(address("file:///srv/r", &settings)).0, "address_refused");
        settings.local_repositories = true;
        assert_eq!(
            address("file:///srv/r", &settings).unwrap(),
            Address::Local("/srv/r".into())
        );
        for text in [
            "/srv/r",
            "../r",
            "git://example.org/r",
            "ext::sh -c id",
            "data:,x",
        ] {
            assert_eq!(code(address(text, &settings)).0, "invalid_source", "{text}");
        }
    }

    #[test]
    fn names_that_git_would_read_as_something_else_are_refused() {
        for name in [
            "--upload-pack=id",
            "a..b",
            "a b",
            "a\nb",
            "",
            "a.lock",
            "@{1}",
            "a~1",
            "/a",
        ] {
            assert_eq!(code(branch(name)).0, "invalid_source", "{name:?}");
        }
        for name in ["main", "feature/поиск", "refs/heads/main"] {
            branch(name).unwrap();
        }
        for name in ["../x", "a/../b", "-x", "a\0b", ".git"] {
            assert_eq!(
                code(folder(name, &Limits::default())).0,
                "invalid_source",
                "{name:?}"
            );
        }
        assert_eq!(folder("/docs/en/", &Limits::default()).unwrap(), ["docs", "en"]);
        assert!(folder("/", &Limits::default()).unwrap().is_empty());
    }
}
