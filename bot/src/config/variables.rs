//! Reads single variables. Names what is wrong, and never shows a secret.

use std::collections::BTreeMap;
use std::str::FromStr;

use secrecy::SecretString;
use url::Url;

use super::{ConfigError, VARIABLES, invalid};

pub(super) struct Variables<'a>(pub(super) &'a BTreeMap<String, String>);

impl Variables<'_> {
    pub(super) fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let ours = |name: &&String| name.starts_with("NEXUS_BOT_") || name.starts_with("NEXUS_BACKEND_");
        let unknown = self
            .0
            .keys()
            .filter(ours)
            .find(|name| !VARIABLES.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(invalid(
                "environment",
                format!("there is no setting {name}; .env.example lists them all"),
            )),
            None => Ok(()),
        }
    }

    /// Empty means "not set".
    pub(super) fn text(&self, variable: &str) -> Option<&str> {
        let text = self.0.get(variable)?.trim();
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn secret(&self, variable: &'static str, from: &str) -> Result<SecretString, ConfigError> {
        let missing = || invalid(variable, format!("it is missing; {from}"));
        self.optional_secret(variable)?.ok_or_else(missing)
    }

    pub(super) fn optional_secret(
        &self,
        variable: &'static str,
    ) -> Result<Option<SecretString>, ConfigError> {
        match self.text(variable) {
            None => Ok(None),
            Some(text) if text.chars().all(|c| c.is_ascii_graphic()) => Ok(Some(text.into())),
            Some(_) => Err(invalid(variable, "it holds characters that no token has")),
        }
    }

    pub(super) fn parsed<T: FromStr>(
        &self,
        variable: &'static str,
        what: &str,
    ) -> Result<Option<T>, ConfigError> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| invalid(variable, format!("{text:?} is not {what}")))
        };
        self.text(variable).map(parse).transpose()
    }

    pub(super) fn number(
        &self,
        variable: &'static str,
        default: u32,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, ConfigError> {
        let number = self.parsed(variable, "a whole number")?.unwrap_or(default);
        if range.contains(&number) {
            return Ok(number);
        }
        let reason = format!("{number} is not between {} and {}", range.start(), range.end());
        Err(invalid(variable, reason))
    }

    pub(super) fn flag(&self, variable: &'static str) -> Result<bool, ConfigError> {
        Ok(self.parsed(variable, "true or false")?.unwrap_or(false))
    }

    /// An address of http or https without anything behind the port, unless `path` is allowed.
    pub(super) fn address(&self, variable: &'static str, path: bool) -> Result<Option<Url>, ConfigError> {
        let Some(url) = self.parsed::<Url>(variable, "an address such as https://host:8443")? else {
            return Ok(None);
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid(variable, "it must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid(variable, "it must not hold a name or a password"));
        }
        if !path && (url.path() != "/" || url.query().is_some()) {
            return Err(invalid(variable, "it must end after the host and port"));
        }
        Ok(Some(url))
    }

    /// The contents of a file of certificates.
    pub(super) fn certificates(&self, variable: &'static str) -> Result<Option<Vec<u8>>, ConfigError> {
        let read = |path: &str| {
            std::fs::read(path).map_err(|error| invalid(variable, format!("{path} cannot be read: {error}")))
        };
        self.text(variable).map(read).transpose()
    }
}
