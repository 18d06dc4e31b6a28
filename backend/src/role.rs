//! What a process does of the work of an installation, and what it must share with the others for that.

use anyhow::ensure;
use secrecy::ExposeSecret as _;

use crate::config::{Config, ConfigError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessRole {
    /// Everything, in one process.
    Serve,
    /// The HTTP API.
    Api,
    /// Background work.
    Worker,
}

impl ProcessRole {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }

    pub const fn answers(self) -> bool {
        matches!(self, Self::Serve | Self::Api)
    }

    pub const fn works(self) -> bool {
        matches!(self, Self::Serve | Self::Worker)
    }

    /// One that does only a part needs others, and they must all see the same.
    pub fn check(self, config: &Config) -> anyhow::Result<()> {
        let command = match self {
            Self::Serve => return Ok(()),
            Self::Api => "nexus api",
            Self::Worker => "nexus worker",
        };
        let missing = not_shared(config)?;
        ensure!(
            missing.is_empty(),
            "`{command}` works beside other processes and needs what they share: {} (`nexus serve` does everything in one process)",
            missing.join("; ")
        );
        Ok(())
    }
}

/// What other processes cannot see, each with the setting that changes it.
fn not_shared(config: &Config) -> Result<Vec<&'static str>, ConfigError> {
    let mut missing = Vec::new();
    if config.database_url().starts_with("sqlite:") {
        missing.push("set NEXUS_DATABASE_URL to a PostgreSQL server, postgres://USER:PASSWORD@HOST/NAME");
    }
    if config.qdrant.url.is_empty() {
        missing.push("set NEXUS_QDRANT_URL to a Qdrant server, https://HOST:6334");
    }
    if config.secret_key.expose_secret().is_empty() {
        missing.push("set NEXUS_SECRET_KEY to the secret that all of them sign and encrypt with");
    }
    if !config.uploads_place()?.is_shared() {
        missing.push("set NEXUS_UPLOADS_URL to a place that all see, file:///FOLDER or s3://BUCKET/PREFIX");
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SHARED: [(&str, &str); 4] = [
        ("NEXUS_SECRET_KEY", "a-secret-of-more-than-thirty-two-characters"),
        ("NEXUS_DATABASE_URL", "postgres://me@host/nexus"),
        ("NEXUS_QDRANT_URL", "https://host:6334"),
        ("NEXUS_UPLOADS_URL", "file:///srv/uploads"),
    ];

    fn check(role: ProcessRole, settings: &[(&str, &str)]) -> Result<(), String> {
        let environment: BTreeMap<String, String> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let config = Config::from_layers(None, &environment).unwrap();
        role.check(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_process_that_does_a_part_names_each_setting_that_it_lacks() {
        for role in [ProcessRole::Api, ProcessRole::Worker] {
            check(role, &SHARED).unwrap();
            for (left_out, _) in SHARED {
                let others: Vec<_> = SHARED.into_iter().filter(|(name, _)| *name != left_out).collect();
                let error = check(role, &others).unwrap_err();
                let named = SHARED.iter().filter(|(name, _)| error.contains(name)).count();
                assert!(error.contains(left_out) && named == 1, "{error}");
            }
        }
        let error = check(ProcessRole::Worker, &[]).unwrap_err();
        assert!(error.contains("nexus worker"), "{error}");
        assert!(SHARED.iter().all(|(name, _)| error.contains(name)), "{error}");
        check(ProcessRole::Serve, &[]).unwrap();
    }
}
