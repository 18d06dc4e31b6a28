//! Where webhooks may be sent to.

use nexus_sources::Guard;
use serde::Deserialize;

use super::ConfigError;
use super::sections::in_range;
use super::sources::guard;

#[derive(Clone, Debug, Deserialize)]
pub struct WebhooksConfig {
    /// Networks, separated by commas: see [`WebhooksConfig::guard`].
    pub allow_networks: String,
    pub allow_http: bool,
    pub timeout_seconds: u64,
    pub concurrency: usize,
}

impl WebhooksConfig {
    /// Which addresses may be sent to.
    pub fn guard(&self) -> Result<Guard, ConfigError> {
        guard("webhooks.allow_networks", &self.allow_networks, self.allow_http)
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.guard()?;
        in_range("webhooks.timeout_seconds", self.timeout_seconds, 1, 60)?;
        in_range("webhooks.concurrency", self.concurrency as u64, 1, 64)
    }
}
