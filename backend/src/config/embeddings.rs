//! The settings of an embeddings API.

use std::time::Duration;

use nexus_domain::Script;
use nexus_domain::money::parse_price;
use nexus_models::OpenAiOptions;
use nexus_net::is_loopback;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::ConfigError;
use super::sections::in_range;

#[derive(Clone, Debug, Deserialize)]
pub struct EmbeddingsConfig {
    pub url: String,
    pub key: SecretString,
    pub model: String,
    /// Of a million tokens, in units of `chat.currency`; text, so that it can be left out and stays exact.
    pub price: String,
    pub dimension: usize,
    pub batch: usize,
    pub requests_per_minute: u32,
    pub tokens_per_minute: u32,
    pub query_prefix: String,
    pub passage_prefix: String,
    pub scripts: String,
    pub timeout_seconds: u64,
    pub allow_http: bool,
}

impl EmbeddingsConfig {
    /// The API's settings; `None` where none is configured.
    pub fn options(&self) -> Result<Option<OpenAiOptions>, ConfigError> {
        if self.url.is_empty() {
            return Ok(None);
        }
        Ok(Some(OpenAiOptions {
            key: Some(self.key.clone()).filter(|key| !key.expose_secret().is_empty()),
            dimension: Some(self.dimension).filter(|dimension| *dimension > 0),
            batch: self.batch,
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            query_prefix: self.query_prefix.clone(),
            passage_prefix: self.passage_prefix.clone(),
            scripts: self.scripts()?,
            timeout: Duration::from_secs(self.timeout_seconds),
            ..OpenAiOptions::new(self.address()?, self.model.as_str())
        }))
    }

    /// Of a million tokens, in millionths of the currency's unit, where that is set.
    pub fn price(&self) -> Result<Option<u64>, ConfigError> {
        if self.price.is_empty() {
            return Ok(None);
        }
        let price = parse_price(&self.price);
        let price = price.map_err(|error| ConfigError::invalid("embeddings.price", error.to_string()))?;
        Ok(Some(price))
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        in_range("embeddings.dimension", self.dimension as u64, 0, 8_192)?;
        in_range("embeddings.batch", self.batch as u64, 1, 2_048)?;
        in_range("embeddings.timeout_seconds", self.timeout_seconds, 1, 600)?;
        if !self.key.expose_secret().chars().all(|c| c.is_ascii_graphic()) {
            let reason = "a key is made of visible ASCII characters";
            return Err(ConfigError::invalid("embeddings.key", reason));
        }
        self.price()?;
        if self.url.is_empty() {
            return Ok(());
        }
        if self.model.is_empty() || self.model.len() > 200 {
            let reason = "embeddings.url is set, so the model's name is needed, too";
            return Err(ConfigError::invalid("embeddings.model", reason));
        }
        self.options().map(|_| ())
    }

    fn address(&self) -> Result<Url, ConfigError> {
        let invalid = |reason: &str| ConfigError::invalid("embeddings.url", reason);
        let address = Url::parse(&self.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| invalid("use the API's base address, such as https://api.example.com/v1"))?;
        if !address.username().is_empty() || address.password().is_some() {
            return Err(invalid(
                "the key belongs into embeddings.key, not into the address",
            ));
        }
        if address.scheme() == "http" && !is_loopback(&address) && !self.allow_http {
            return Err(invalid(
                "another machine is reached by https only, or texts and key could be read on the way \
                 (embeddings.allow_http allows it in a network of your own)",
            ));
        }
        Ok(address)
    }

    fn scripts(&self) -> Result<Vec<Script>, ConfigError> {
        let words = self
            .scripts
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let scripts: Option<Vec<Script>> = words
            .map(|word| match word {
                "latin" => Some(Script::Latin),
                "cyrillic" => Some(Script::Cyrillic),
                "other" => Some(Script::Other),
                _ => None,
            })
            .collect();
        scripts.filter(|scripts| !scripts.is_empty()).ok_or_else(|| {
            let reason = "a list of latin, cyrillic and other, with commas between them";
            ConfigError::invalid("embeddings.scripts", reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut EmbeddingsConfig)) -> EmbeddingsConfig {
        let mut config = EmbeddingsConfig {
            url: "https://api.example.com/v1".to_owned(),
            key: "k".to_owned().into(),
            model: "small".to_owned(),
            price: String::new(),
            dimension: 0,
            batch: 32,
            requests_per_minute: 0,
            tokens_per_minute: 0,
            query_prefix: String::new(),
            passage_prefix: String::new(),
            scripts: "latin, cyrillic".to_owned(),
            timeout_seconds: 30,
            allow_http: false,
        };
        change(&mut config);
        config
    }

    #[test]
    fn an_address_makes_an_api_and_none_makes_none() {
        let options = config(|_| {}).options().unwrap().unwrap();
        assert_eq!(options.scripts, [Script::Latin, Script::Cyrillic]);
        assert_eq!(options.dimension, None);
        let priced = config(|config| config.price = "0.02".to_owned());
        assert_eq!(priced.price().unwrap(), Some(20_000));
        let none = config(|config| config.url.clear());
        assert!(none.validate().is_ok() && none.options().unwrap().is_none());
    }

    #[test]
    fn what_would_leak_or_cannot_work_is_refused_by_name() {
        type Change = fn(&mut EmbeddingsConfig);
        let cases: [(Change, &str); 9] = [
            (|c| c.url = "api.example.com".to_owned(), "NEXUS_EMBEDDINGS_URL"),
            (|c| c.url = "http://api.example.com/v1".to_owned(), "https only"),
            (
                |c| c.url = "https://me:secret@api.example.com".to_owned(),
                "NEXUS_EMBEDDINGS_URL",
            ),
            (|c| c.model.clear(), "NEXUS_EMBEDDINGS_MODEL"),
            (|c| c.scripts = "greek".to_owned(), "NEXUS_EMBEDDINGS_SCRIPTS"),
            (|c| c.price = "cheap".to_owned(), "NEXUS_EMBEDDINGS_PRICE"),
            (|c| c.batch = 0, "NEXUS_EMBEDDINGS_BATCH"),
            (|c| c.dimension = 100_000, "NEXUS_EMBEDDINGS_DIMENSION"),
            (|c| c.key = "two\nlines".to_owned().into(), "NEXUS_EMBEDDINGS_KEY"),
        ];
        for (change, complaint) in cases {
            let error = config(change).validate().unwrap_err().to_string();
            assert!(error.contains(complaint) && !error.contains("secret"), "{error}");
        }
        config(|c| c.url = "http://127.0.0.1:11434/v1".to_owned())
            .validate()
            .unwrap();
        config(|c| {
            c.url = "http://gpu.lan/v1".to_owned();
            c.allow_http = true;
        })
        .validate()
        .unwrap();
    }
}
