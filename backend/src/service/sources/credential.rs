//! Credentials of sources: as they are given, as they are kept, as a source wants them.

use nexus_auth::KeyRing;
use nexus_domain::{Remote, Source};
use nexus_sources::Credential;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::service::ServiceError;
use crate::service::secrets::SourceSecret;

/// Longest user name and token of a credential, in characters.
const MAX_USER_CHARS: usize = 256;
const MAX_TOKEN_CHARS: usize = 4_096;

#[derive(Debug)]
pub struct GivenCredential {
    pub user: Option<String>,
    pub token: SecretString,
}

/// How a credential is kept: as JSON, sealed.
#[derive(Serialize, Deserialize)]
struct KeptCredential {
    user: Option<String>,
    token: String,
}

/// As it is kept.
pub(super) fn checked(given: &GivenCredential) -> Result<SecretString, ServiceError> {
    let token = given.token.expose_secret();
    let refuse = |reason: String| Err(ServiceError::invalid("credential", reason));
    let is_plain = |text: &str| !text.chars().any(char::is_control);
    if !(1..=MAX_TOKEN_CHARS).contains(&token.chars().count()) || !is_plain(token) {
        return refuse(format!(
            "a token takes 1 to {MAX_TOKEN_CHARS} characters, none of them control characters"
        ));
    }
    if let Some(user) = &given.user
        && (user.chars().count() > MAX_USER_CHARS || !is_plain(user) || user.contains(':'))
    {
        return refuse(format!(
            "a user name takes at most {MAX_USER_CHARS} characters, none of them a colon or a control character"
        ));
    }
    let kept = KeptCredential {
        user: given.user.clone().filter(|user| !user.is_empty()),
        token: token.to_owned(),
    };
    let json = serde_json::to_string(&kept).map_err(|error| ServiceError::Internal(error.into()))?;
    Ok(SecretString::from(json))
}

/// A kept credential as its source wants it.
pub fn opened(keys: &KeyRing, source: &Source, sealed: &str) -> Result<Credential, ServiceError> {
    let kept = SourceSecret::Credential.open(keys, source.id, sealed)?;
    let kept: KeptCredential =
        serde_json::from_str(kept.expose_secret()).map_err(|error| ServiceError::Internal(error.into()))?;
    let password = SecretString::from(kept.token);
    let user = match (&source.remote, kept.user) {
        (_, Some(user)) => Some(user),
        // Forges take a token as the password of a user whose name says what it is.
        (Some(Remote::Git(git)), None) => Some(token_user(&git.url).to_owned()),
        _ => None,
    };
    Ok(match user {
        Some(user) => Credential::Basic { user, password },
        None => Credential::Bearer(password),
    })
}

fn token_user(url: &str) -> &'static str {
    let host = Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    if host.contains("bitbucket") {
        "x-token-auth"
    } else if host.contains("gitlab") {
        "oauth2"
    } else {
        "x-access-token"
    }
}

/// Whether a credential that was given for one may go to the other.
pub(super) fn is_same_site(before: Option<&Remote>, now: Option<&Remote>) -> bool {
    let origin = |remote: &Remote| Url::parse(remote.url()).ok().map(|url| url.origin());
    match (before, now) {
        (Some(before), Some(now)) => origin(before) == origin(now),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_to_forges_under_the_names_that_they_expect() {
        assert_eq!(token_user("https://gitlab.com/a/b.git"), "oauth2");
        assert_eq!(token_user("https://bitbucket.org/a/b"), "x-token-auth");
        assert_eq!(token_user("https://github.com/a/b"), "x-access-token");
    }
}
