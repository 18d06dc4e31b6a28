//! Where traces are sent.

use std::collections::BTreeMap;
use std::fmt;

use nexus_telemetry::{Export, InvalidExport};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::ConfigError;

#[derive(Clone, Deserialize)]
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
    /// Without an endpoint here, the variables count that all programs with OpenTelemetry read. Their headers are for their own
    /// endpoint: another one is not told them.
    pub(super) fn fill_from(&mut self, environment: &BTreeMap<String, String>) {
        if !self.endpoint.is_empty() {
            return;
        }
        let given = |name: &str| environment.get(name).cloned().unwrap_or_default();
        self.endpoint = given("OTEL_EXPORTER_OTLP_ENDPOINT");
        if self.headers.expose_secret().is_empty() {
            self.headers = given("OTEL_EXPORTER_OTLP_HEADERS").into();
        }
    }

    /// `None`: nothing is sent.
    pub fn export(&self) -> Result<Option<Export>, ConfigError> {
        Export::new(&self.endpoint, &self.headers, self.ratio).map_err(|error| {
            let setting = match error {
                InvalidExport::Endpoint | InvalidExport::Credentials => "otlp.endpoint",
                InvalidExport::Headers | InvalidExport::PlainHttp => "otlp.headers",
                InvalidExport::Ratio => "otlp.ratio",
            };
            ConfigError::invalid(setting, error.to_string())
        })
    }
}

/// The endpoint is shown nowhere before it is checked: it may hold a password.
impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpConfig")
            .field("ratio", &self.ratio)
            .finish_non_exhaustive()
    }
}
