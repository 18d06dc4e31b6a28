//! Logging in: a bot password by `action=login`, or a token with each request.

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::api::{Api, Called};
use crate::{Credential, SourceError};

/// Logs in where there is a credential. From then on the wiki has to know us, or refuses.
pub(super) fn login(api: &mut Api<'_>, credential: Option<&Credential>) -> Result<(), SourceError> {
    match credential {
        None => return Ok(()),
        Some(Credential::Bearer(_)) => {}
        Some(Credential::Basic { user, password }) => {
            let token = value(api, &[("action", "query"), ("meta", "tokens"), ("type", "login")])?;
            let token = token["query"]["tokens"]["logintoken"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let answer = value(
                api,
                &[
                    ("action", "login"),
                    ("lgname", user),
                    ("lgpassword", password.expose_secret()),
                    ("lgtoken", &token),
                ],
            )?;
            let login = &answer["login"];
            if login["result"].as_str() != Some("Success") {
                let reason = login["reason"].as_str().or(login["result"].as_str());
                let reason: String = reason.unwrap_or("no reason is given").chars().take(300).collect();
                let message = format!("The wiki refuses to log {user} in: {reason}");
                return Err(SourceError::refused("access_denied", message));
            }
        }
    }
    api.asserts_user = true;
    Ok(())
}

fn value(api: &Api<'_>, parameters: &[(&str, &str)]) -> Result<Value, SourceError> {
    match api.call(parameters)? {
        Called::Answer(value) => Ok(value),
        Called::TooLarge => Ok(Value::Null),
    }
}
