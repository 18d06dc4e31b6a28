//! Where traces are sent.

use std::collections::BTreeMap;

use nexus_telemetry::{Export, InvalidExport};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::ConfigError;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// Of a collector; empty: nothing is sent.
    pub endpoint: String,
    /// `NAME=VALUE` with commas between, such as what the collector knows us by.
    pub headers: SecretString,
    /// Of all traces.
    pub ratio: f64,
}

impl OtlpConfig {
    /// What is not set here may stand in the variables that all programs with OpenTelemetry read.
    pub(super) fn fill_from(&mut self, environment: &BTreeMap<String, String>) {
        let given = |name: &str| environment.get(name).cloned().unwrap_or_default();
        if self.endpoint.is_empty() {
            self.endpoint = given("OTEL_EXPORTER_OTLP_ENDPOINT");
        }
        if self.headers.expose_secret().is_empty() {
            self.headers = given("OTEL_EXPORTER_OTLP_HEADERS").into();
        }
    }

    /// `None`: nothing is sent.
    pub fn export(&self) -> Result<Option<Export>, ConfigError> {
        Export::new(&self.endpoint, &self.headers, self.ratio).map_err(|error| {
            let setting = match error {
                InvalidExport::Endpoint => "otlp.endpoint",
                InvalidExport::Headers => "otlp.headers",
                InvalidExport::Ratio => "otlp.ratio",
            };
            ConfigError::invalid(setting, error.to_string())
        })
    }
}
