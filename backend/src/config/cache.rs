//! Settings of the cache of answers: how much, how long, and whether processes share it.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::ConfigError;
use super::sections::in_range;
use crate::service::{CacheOptions, SharedOptions};

#[derive(Clone, Debug, Deserialize)]
pub struct CacheConfig {
    pub megabytes: u64,
    pub hours: u64,
    /// May hold a password.
    pub redis_url: SecretString,
    pub redis_milliseconds: u64,
}

impl CacheConfig {
    pub fn options(&self) -> CacheOptions {
        let url = Some(self.redis_url.clone()).filter(|url| !url.expose_secret().is_empty());
        CacheOptions {
            bytes: self.megabytes << 20,
            life: Duration::from_secs(self.hours * 3_600),
            shared: url.map(|url| SharedOptions {
                url,
                patience: Duration::from_millis(self.redis_milliseconds),
            }),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        in_range("cache.megabytes", self.megabytes, 0, 1 << 20)?;
        in_range("cache.hours", self.hours, 0, 24 * 365)?;
        in_range("cache.redis_milliseconds", self.redis_milliseconds, 1, 10_000)?;
        let url = self.redis_url.expose_secret();
        let is_redis = |url: &Url| {
            matches!(url.scheme(), "redis" | "rediss") && url.host_str().is_some_and(|host| !host.is_empty())
        };
        if url.is_empty() || Url::parse(url).is_ok_and(|url| is_redis(&url)) {
            return Ok(());
        }
        let usage = "use redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS";
        Err(ConfigError::invalid("cache.redis_url", usage))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Config;
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<CacheOptions, String> {
        let environment: BTreeMap<_, _> = pairs
            .iter()
            .map(|(name, value)| (format!("NEXUS_CACHE_{name}"), (*value).to_owned()))
            .collect();
        let loaded = Config::from_layers(None, &environment);
        loaded
            .map(|config| config.cache.options())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_cache_is_bounded_and_this_process_own_unless_there_is_a_redis() {
        let own = load(&[]).unwrap();
        assert_eq!((own.bytes, own.life), (64 << 20, Duration::from_secs(86_400)));
        assert!(own.shared.is_none());
        let shared = load(&[("REDIS_URL", "rediss://:secret@cache.example:6380/2")]).unwrap();
        let shared = shared.shared.unwrap();
        assert_eq!(shared.patience, Duration::from_millis(100));
        assert!(load(&[("HOURS", "0")]).unwrap().life.is_zero());
    }

    #[test]
    fn what_is_no_redis_is_refused_and_no_password_is_shown() {
        for url in [
            "cache.example",
            "http://cache.example",
            "redis://",
            "redis-sentinel://:secret@x",
        ] {
            let error = load(&[("REDIS_URL", url)]).unwrap_err();
            assert!(
                error.contains("NEXUS_CACHE_REDIS_URL") && !error.contains("secret@"),
                "{error}"
            );
        }
        assert!(load(&[("REDIS_MILLISECONDS", "0")]).is_err());
    }
}
