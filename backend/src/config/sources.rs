//! Where sources may be fetched from, and how politely.

use std::time::Duration;

use ipnet::IpNet;
use nexus_sources::{Guard, Settings};
use serde::Deserialize;

use super::ConfigError;
use super::sections::in_range;

/// The way out that leads to public addresses and to `networks`, which are separated by commas.
pub(super) fn guard(setting: &'static str, networks: &str, plain_http: bool) -> Result<Guard, ConfigError> {
    let networks = networks.split(',').map(str::trim);
    let networks = networks.filter(|network| !network.is_empty()).map(|network| {
        let ip = network.parse::<std::net::IpAddr>().ok();
        let net = network.parse::<IpNet>().ok().or(ip.map(IpNet::from));
        net.ok_or_else(|| {
            let reason = format!("{network:?} is no network such as 10.0.0.0/8");
            ConfigError::invalid(setting, reason)
        })
    });
    Ok(Guard {
        allowed: networks.collect::<Result<_, _>>()?,
        plain_http,
    })
}

#[derive(Clone, Debug, Deserialize)]
pub struct SourcesConfig {
    /// Networks, separated by commas: see [`SourcesConfig::guard`].
    pub allow_networks: String,
    pub allow_http: bool,
    pub local_repositories: bool,
    pub max_pages: u64,
    pub max_repository_bytes: u64,
    pub pause_milliseconds: u64,
    pub patience_seconds: u64,
}

impl SourcesConfig {
    /// Which addresses may be fetched.
    pub fn guard(&self) -> Result<Guard, ConfigError> {
        guard("sources.allow_networks", &self.allow_networks, self.allow_http)
    }

    pub fn settings(&self) -> Settings {
        Settings {
            local_repositories: self.local_repositories,
            repository_bytes: self.max_repository_bytes,
            pages: self.max_pages,
            politeness: Duration::from_millis(self.pause_milliseconds),
            patience: Duration::from_secs(self.patience_seconds),
            ..Settings::default()
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.guard()?;
        in_range("sources.max_pages", self.max_pages, 1, 1_000_000)?;
        let bytes = self.max_repository_bytes;
        in_range("sources.max_repository_bytes", bytes, 1 << 20, 1 << 44)?;
        in_range("sources.pause_milliseconds", self.pause_milliseconds, 0, 60_000)?;
        in_range("sources.patience_seconds", self.patience_seconds, 1, 3_600)
    }
}
