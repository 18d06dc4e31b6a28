//! What of a source's settings can be judged before it is fetched, so that mistakes are told at once.

use nexus_domain::Remote;
use url::Url;

use crate::git::address::is_ssh;
use crate::{Filter, Guard, Settings, SourceError};

/// Longest address, in bytes.
const MOST_URL_BYTES: usize = 2_048;

/// Refuses settings that can never work under this configuration.
pub fn check(remote: &Remote, guard: &Guard, settings: &Settings) -> Result<(), SourceError> {
    address(remote, guard, settings)?;
    Filter::new(remote.filter()).map_err(|error| invalid(error.to_string()))?;
    if let Remote::Web(web) = remote
        && let Some(prefix) = &web.prefix
    {
        let url = parsed(&web.url)?;
        let prefix = parsed(prefix)?;
        if prefix.origin() != url.origin() {
            return Err(invalid("the prefix leads to another site than the address"));
        }
    }
    Ok(())
}

fn address(remote: &Remote, guard: &Guard, settings: &Settings) -> Result<(), SourceError> {
    let text = remote.url();
    if matches!(remote, Remote::Git(_)) && is_ssh(text) {
        return Err(invalid(
            "ssh is not spoken here: use the repository's https address, with a token where it is private",
        ));
    }
    let url = parsed(text)?;
    if url.scheme() == "file" {
        return if matches!(remote, Remote::Git(_)) && settings.local_repositories {
            Ok(())
        } else {
            Err(invalid("folders of this machine are not read as sources"))
        };
    }
    guard
        .check(&url)
        .map_err(|refused| SourceError::refused("address_refused", refused.to_string()))
}

fn parsed(text: &str) -> Result<Url, SourceError> {
    if text.len() > MOST_URL_BYTES {
        return Err(invalid(format!(
            "an address takes at most {MOST_URL_BYTES} bytes"
        )));
    }
    Url::parse(text).map_err(|error| invalid(format!("this is no address: {error}")))
}

fn invalid(message: impl Into<String>) -> SourceError {
    SourceError::refused("invalid_source", message)
}
