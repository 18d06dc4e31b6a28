//! Settings of chat models: where they are, and how they are asked.

use std::time::Duration;

use nexus_domain::money::parse_price;
use nexus_domain::{Currency, Prices};
use nexus_models::chat::provider;
use nexus_net::is_loopback;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::ConfigError;
use super::sections::in_range;

#[derive(Clone, Debug, Deserialize)]
pub struct ChatConfig {
    pub url: String,
    pub key: SecretString,
    pub model: String,
    /// Of a million tokens, in units of the currency; text, so that it can be left out and stays exact.
    pub prompt_price: String,
    pub completion_price: String,
    pub currency: String,
    /// Asked when the one before fails.
    #[serde(rename = "2")]
    pub second: ChatModelConfig,
    #[serde(rename = "3")]
    pub third: ChatModelConfig,
    pub allow_http: bool,
    pub max_answer_tokens: u32,
    /// Text, so that it can be left out.
    pub temperature: String,
    pub context_tokens: usize,
    /// What becomes of statements that their sources do not hold: `mark` or `drop`.
    pub unverified: String,
    /// Who makes questions stand alone that lean on the conversation: `rules` or `model`.
    pub follow_ups: String,
    pub follow_up_seconds: u64,
    pub connect_seconds: u64,
    pub first_token_seconds: u64,
    pub between_tokens_seconds: u64,
    pub total_seconds: u64,
    pub attempts: u32,
    pub retry_seconds: u64,
    pub rest_seconds: u64,
    /// Days for which it is kept who called which model, and what that cost.
    pub calls_keep_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ChatModelConfig {
    pub url: String,
    pub key: SecretString,
    pub model: String,
    pub prompt_price: String,
    pub completion_price: String,
}

/// A model that is set up.
#[derive(Clone, Debug)]
pub struct ChosenModel {
    pub base: Url,
    pub key: SecretString,
    pub model: String,
    /// What it takes, where that is set.
    pub prices: Option<Prices>,
}

impl ChatConfig {
    /// The models that are set up, in the order in which they are asked.
    pub fn models(&self) -> Vec<ChosenModel> {
        let set_up = self.slots().into_iter().filter(|(_, slot)| !slot.url.is_empty());
        set_up
            .filter_map(|(_, slot)| {
                Some(ChosenModel {
                    base: Url::parse(&slot.url).ok()?,
                    prices: slot.prices().ok()?,
                    key: slot.key,
                    model: slot.model,
                })
            })
            .collect()
    }

    /// How long a question may wait for chat models at most; none, without a model.
    pub fn longest_answer(&self) -> Duration {
        let models = u64::try_from(self.models().len()).unwrap_or(1);
        // All models but the last use up their time before the first word.
        let waiting = models.saturating_sub(1) * self.retry_seconds;
        let rewriting = if self.follow_ups == "model" {
            self.follow_up_seconds + 1
        } else {
            0
        };
        Duration::from_secs(if models == 0 {
            0
        } else {
            rewriting + waiting + self.total_seconds
        })
    }

    pub fn currency(&self) -> Result<Currency, ConfigError> {
        let parsed = self.currency.parse::<Currency>();
        parsed.map_err(|error| ConfigError::invalid("chat.currency", error.to_string()))
    }

    /// How long calls are kept.
    pub const fn calls_keep(&self) -> Duration {
        Duration::from_secs(self.calls_keep_days as u64 * 24 * 3_600)
    }

    /// `None` leaves it to the model.
    pub fn temperature(&self) -> Option<f32> {
        self.temperature.parse().ok()
    }

    fn slots(&self) -> [(&'static str, ChatModelConfig); 3] {
        let first = ChatModelConfig {
            url: self.url.clone(),
            key: self.key.clone(),
            model: self.model.clone(),
            prompt_price: self.prompt_price.clone(),
            completion_price: self.completion_price.clone(),
        };
        [
            ("chat", first),
            ("chat.2", self.second.clone()),
            ("chat.3", self.third.clone()),
        ]
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let mut before = None;
        for (name, slot) in self.slots() {
            slot.validate(name, self.allow_http)?;
            if let Some(before) = before.filter(|_| !slot.url.is_empty()) {
                let reason = format!("models are set up in order: {before} is empty");
                return Err(ConfigError::invalid(&format!("{name}.url"), reason));
            }
            before = slot.url.is_empty().then(|| format!("{name}.url"));
        }
        self.validate_prices()?;
        self.currency()?;
        in_range("chat.calls_keep_days", u64::from(self.calls_keep_days), 1, 36_500)?;
        if !self.temperature.is_empty() && !self.temperature().is_some_and(|t| (0.0..=2.0).contains(&t)) {
            let reason = "a number from 0 to 2, or empty for the model's own";
            return Err(ConfigError::invalid("chat.temperature", reason));
        }
        if !["mark", "drop"].contains(&self.unverified.as_str()) {
            return Err(ConfigError::invalid("chat.unverified", "mark or drop"));
        }
        if !["rules", "model"].contains(&self.follow_ups.as_str()) {
            return Err(ConfigError::invalid("chat.follow_ups", "rules or model"));
        }
        in_range("chat.follow_up_seconds", self.follow_up_seconds, 1, 60)?;
        let tokens = u64::from(self.max_answer_tokens);
        in_range("chat.max_answer_tokens", tokens, 16, 32_000)?;
        in_range("chat.context_tokens", self.context_tokens as u64, 500, 100_000)?;
        in_range("chat.connect_seconds", self.connect_seconds, 1, 60)?;
        in_range("chat.first_token_seconds", self.first_token_seconds, 1, 600)?;
        in_range("chat.between_tokens_seconds", self.between_tokens_seconds, 1, 600)?;
        in_range("chat.total_seconds", self.total_seconds, 1, 1_800)?;
        in_range("chat.attempts", u64::from(self.attempts), 1, 10)?;
        in_range("chat.retry_seconds", self.retry_seconds, 1, 600)?;
        in_range("chat.rest_seconds", self.rest_seconds, 0, 600)
    }

    /// Calls are priced by host, port and model: there is one price for them, whatever path or key they are asked with.
    fn validate_prices(&self) -> Result<(), ConfigError> {
        let mut seen: Vec<(String, ChosenModel)> = Vec::new();
        for (model, (name, _)) in self.models().into_iter().zip(self.slots()) {
            let provider = provider(&model.base);
            let same = |(of, other): &&(String, ChosenModel)| *of == provider && other.model == model.model;
            if seen
                .iter()
                .find(same)
                .is_some_and(|(_, other)| other.prices != model.prices)
            {
                let reason = "the same model at the same host has another price above";
                return Err(ConfigError::invalid(&format!("{name}.prompt_price"), reason));
            }
            seen.push((provider, model));
        }
        Ok(())
    }
}

impl ChatModelConfig {
    /// Both, or the name of the field that cannot be used and why.
    fn prices(&self) -> Result<Option<Prices>, (&'static str, String)> {
        match (self.prompt_price.is_empty(), self.completion_price.is_empty()) {
            (true, true) => return Ok(None),
            (true, false) => return Err(("prompt_price", "the price of prompts is needed, too".to_owned())),
            (false, true) => {
                return Err((
                    "completion_price",
                    "the price of answers is needed, too".to_owned(),
                ));
            }
            (false, false) => {}
        }
        let price = |field, text: &str| parse_price(text).map_err(|error| (field, error.to_string()));
        Ok(Some(Prices {
            prompt: price("prompt_price", &self.prompt_price)?,
            completion: price("completion_price", &self.completion_price)?,
        }))
    }

    fn validate(&self, name: &str, allow_http: bool) -> Result<(), ConfigError> {
        let invalid =
            |field: &str, reason: &str| Err(ConfigError::invalid(&format!("{name}.{field}"), reason));
        let key = self.key.expose_secret();
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            return invalid("key", "a key is made of visible ASCII characters");
        }
        if let Err((field, reason)) = self.prices() {
            return invalid(field, &reason);
        }
        match (self.url.is_empty(), self.model.is_empty()) {
            (true, true) if key.is_empty() => return Ok(()),
            (true, _) => return invalid("url", "the address of the model is needed, too"),
            (false, true) => return invalid("model", "the name of the model is needed, too"),
            (false, false) => {}
        }
        let Some(url) = Url::parse(&self.url).ok().filter(is_base) else {
            return invalid(
                "url",
                "use the address that /chat/completions is appended to, such as https://api.openai.com/v1",
            );
        };
        if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
            return invalid(
                "url",
                "plain http to another machine shows questions, passages and the key to the network; use https, or set \
                 chat.allow_http (NEXUS_CHAT_ALLOW_HTTP) if the network between is trusted",
            );
        }
        Ok(())
    }
}

/// Nothing but scheme, host, port and path. Credentials would end up in logs.
fn is_base(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Config;
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<ChatConfig, String> {
        let environment: BTreeMap<_, _> = pairs
            .iter()
            .map(|(name, value)| (format!("NEXUS_CHAT_{name}"), (*value).to_owned()))
            .collect();
        let loaded = Config::from_layers(None, &environment);
        loaded
            .map(|config| config.chat)
            .map_err(|error| error.to_string())
    }

    const HERE: (&str, &str) = ("URL", "http://127.0.0.1:1234/v1");
    const MODEL: (&str, &str) = ("MODEL", "small");

    #[test]
    fn without_settings_there_is_no_model_and_nothing_to_wait_for() {
        let chat = load(&[]).unwrap();
        assert!(chat.models().is_empty());
        assert_eq!(chat.longest_answer(), Duration::ZERO);
    }

    #[test]
    fn what_a_model_may_take_to_rewrite_a_question_comes_on_top() {
        let longest = |pairs: &[(&str, &str)]| load(pairs).unwrap().longest_answer().as_secs();
        assert_eq!(longest(&[HERE, MODEL]), 120);
        assert_eq!(longest(&[HERE, MODEL, ("FOLLOW_UPS", "model")]), 126);
        assert_eq!(longest(&[("FOLLOW_UPS", "model")]), 0);
    }

    #[test]
    fn models_are_asked_in_the_order_of_their_numbers() {
        let second = [
            ("2_URL", "https://models.example/v1"),
            ("2_MODEL", "large"),
            ("2_KEY", "secret"),
        ];
        let chat = load(&[&[HERE, MODEL][..], &second].concat()).unwrap();
        let names: Vec<_> = chat.models().into_iter().map(|model| model.model).collect();
        assert_eq!(names, ["small", "large"]);
        assert_eq!(chat.temperature(), Some(0.1));
        assert_eq!(load(&[("TEMPERATURE", "")]).unwrap().temperature(), None);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_no_key_is_shown() {
        let message = |pairs: &[(&str, &str)]| load(pairs).unwrap_err();
        assert!(message(&[HERE]).contains("NEXUS_CHAT_MODEL"));
        assert!(message(&[MODEL]).contains("NEXUS_CHAT_URL"));
        assert!(message(&[("KEY", "secret")]).contains("NEXUS_CHAT_URL"));
        assert!(message(&[HERE, MODEL, ("2_URL", "https://x.example")]).contains("NEXUS_CHAT_2_MODEL"));
        let gap = message(&[HERE, MODEL, ("3_URL", "https://x.example"), ("3_MODEL", "m")]);
        assert!(
            gap.contains("NEXUS_CHAT_3_URL") && gap.contains("chat.2.url"),
            "{gap}"
        );
        let key = message(&[HERE, MODEL, ("KEY", "se\ncret")]);
        assert!(key.contains("NEXUS_CHAT_KEY") && !key.contains("cret\""), "{key}");
        for url in [
            "models",
            "ftp://x.example",
            "https://a:b@x.example",
            "https://x.example/?k=1",
        ] {
            assert!(
                message(&[("URL", url), MODEL]).contains("NEXUS_CHAT_URL"),
                "{url}"
            );
        }
        for (name, value) in [
            ("TEMPERATURE", "3"),
            ("TEMPERATURE", "warm"),
            ("UNVERIFIED", "keep"),
            ("FOLLOW_UPS", "guess"),
            ("FOLLOW_UP_SECONDS", "0"),
            ("ATTEMPTS", "0"),
            ("CONTEXT_TOKENS", "1"),
            ("CURRENCY", "dollars"),
            ("CALLS_KEEP_DAYS", "0"),
        ] {
            assert!(message(&[(name, value)]).contains(&format!("NEXUS_CHAT_{name}")));
        }
    }

    #[test]
    fn prices_are_exact_and_come_in_pairs() {
        let prices = [
            ("PROMPT_PRICE", "0.15"),
            ("COMPLETION_PRICE", "0.6"),
            ("CURRENCY", "EUR"),
        ];
        let chat = load(&[&[HERE, MODEL][..], &prices].concat()).unwrap();
        let expected = Prices {
            prompt: 150_000,
            completion: 600_000,
        };
        assert_eq!(chat.models()[0].prices, Some(expected));
        assert_eq!(chat.currency().unwrap().as_str(), "EUR");
        assert_eq!(load(&[HERE, MODEL]).unwrap().models()[0].prices, None);
        let both = [("PROMPT_PRICE", "cheap"), ("COMPLETION_PRICE", "1")];
        assert!(load(&both).unwrap_err().contains("NEXUS_CHAT_PROMPT_PRICE"));
        for (pairs, named) in [
            (("PROMPT_PRICE", "1"), "NEXUS_CHAT_COMPLETION_PRICE"),
            (("COMPLETION_PRICE", "1"), "NEXUS_CHAT_PROMPT_PRICE"),
            (("2_PROMPT_PRICE", "1"), "NEXUS_CHAT_2_COMPLETION_PRICE"),
        ] {
            assert!(
                load(&[HERE, MODEL, pairs]).unwrap_err().contains(named),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn one_model_at_one_host_has_one_price() {
        let twice = |prompt: &str, model: &str| {
            load(&[
                ("URL", "https://models.example/v1"),
                MODEL,
                ("PROMPT_PRICE", "0.15"),
                ("COMPLETION_PRICE", "0.6"),
                ("2_URL", "https://models.example/eu/v1"),
                ("2_MODEL", model),
                ("2_PROMPT_PRICE", prompt),
                ("2_COMPLETION_PRICE", "0.6"),
            ])
        };
        assert!(twice("0.15", MODEL.1).is_ok() && twice("1", "large").is_ok());
        let refused = twice("1", MODEL.1).unwrap_err();
        assert!(refused.contains("NEXUS_CHAT_2_PROMPT_PRICE"), "{refused}");
    }

    #[test]
    fn plain_http_goes_to_this_machine_or_where_it_is_allowed() {
        let open = ("URL", "http://models.example/v1");
        assert!(
            load(&[open, MODEL])
                .unwrap_err()
                .contains("NEXUS_CHAT_ALLOW_HTTP")
        );
        assert!(load(&[open, MODEL, ("ALLOW_HTTP", "true")]).is_ok());
        assert!(load(&[HERE, MODEL]).is_ok());
    }
}
