//! Settings of credentials and sign-in.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use nexus_auth::KeyRing;
use nexus_auth::telegram::init_data::Environment;
use nexus_net::is_loopback;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::sections::in_range;
use super::{Config, ConfigError};

#[derive(Clone, Debug, Deserialize)]
pub struct AuthConfig {
    pub session_hours: u64,
    pub sign_in_max_age_seconds: u32,
    pub telegram_environment: TelegramEnvironment,
    pub jwks_url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TelegramEnvironment {
    Production,
    Test,
}

impl From<TelegramEnvironment> for Environment {
    fn from(environment: TelegramEnvironment) -> Self {
        match environment {
            TelegramEnvironment::Production => Self::Production,
            TelegramEnvironment::Test => Self::Test,
        }
    }
}

impl AuthConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        in_range("auth.session_hours", self.session_hours, 1, 24 * 365)?;
        in_range(
            "auth.sign_in_max_age_seconds",
            u64::from(self.sign_in_max_age_seconds),
            1,
            7 * 86_400,
        )?;
        let url = Url::parse(&self.jwks_url).ok();
        if !url.is_some_and(|url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url)) {
            let reason = "keys are fetched by https (plain http from this machine only)";
            return Err(ConfigError::invalid("auth.jwks_url", reason));
        }
        Ok(())
    }
}

impl Config {
    /// Where the secret key is kept that the first start makes.
    pub fn secret_key_file(&self) -> PathBuf {
        self.data_dir.join("secret.key")
    }

    /// The keys that `current` and the earlier secrets give.
    pub fn key_ring(&self, current: &SecretString) -> Result<KeyRing, ConfigError> {
        let previous: Vec<SecretString> = self
            .secret_keys_previous
            .expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty())
            .map(SecretString::from)
            .collect();
        KeyRing::new(current, &previous)
            .map_err(|error| ConfigError::invalid("secret_key", error.to_string()))
    }

    /// The proxies that are believed.
    pub fn trusted_proxies(&self) -> Result<Vec<IpNet>, ConfigError> {
        let networks = self.http.trusted_proxies.split(',').map(str::trim);
        networks
            .filter(|network| !network.is_empty())
            .map(|network| {
                let address = network.parse::<IpAddr>().ok().map(IpNet::from);
                network.parse().ok().or(address).ok_or_else(|| {
                    let reason = format!("{network:?} is no network such as 10.0.0.0/8");
                    ConfigError::invalid("http.trusted_proxies", reason)
                })
            })
            .collect()
    }
}

/// The secret in a file that only its owner reads; made if there is none.
pub fn read_or_make_secret(file: &Path) -> std::io::Result<SecretString> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret = nexus_auth::secrets::random_token("");
            crate::private_file::write(file, secret.expose_secret())?;
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}
