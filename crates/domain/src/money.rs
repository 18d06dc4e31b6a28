//! Prices of models and what calls cost: whole numbers of millionths of a currency unit, never floats.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::chat::ChatUsage;

/// Millionths of a unit.
const UNIT: u64 = 1_000_000;
/// Tokens that a price is of.
const PRICED_TOKENS: u128 = 1_000_000;
/// The highest price of a million tokens, in units; beyond it somebody has mistyped.
const MAX_UNITS: u64 = 1_000_000;

/// Three letters of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Why a currency or an amount cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("a currency is three capital letters, such as USD")]
    Currency,
    #[error("a price is a number of 0 to {MAX_UNITS} with at most six digits after the point, such as 0.15")]
    Price,
}

impl Currency {
    pub fn as_str(&self) -> &str {
        // Only capital letters of ASCII get in.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match text.as_bytes() {
            [a, b, c] if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(MoneyError::Currency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount of a currency, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Millionths of the unit.
    pub micros: u64,
    pub currency: Currency,
}

impl fmt::Display for Amount {
    /// With as many digits as it needs, two at least: `0.000225 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.micros % UNIT);
        let needed = fraction.trim_end_matches('0').len().max(2);
        let shown = fraction.get(..needed).unwrap_or(&fraction);
        write!(f, "{}.{shown} {}", self.micros / UNIT, self.currency)
    }
}

/// What the calls for an answer cost, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    #[serde(flatten)]
    pub amount: Amount,
    /// Whether that is all of it: each model that began to work on it has a price and told its tokens.
    pub complete: bool,
}

/// What a model takes, in millionths of the currency unit for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    pub prompt: u64,
    pub completion: u64,
}

impl Prices {
    /// The price of a call, rounded up to the millionth.
    pub fn of(&self, usage: ChatUsage) -> u64 {
        self.of_tokens(usage.prompt_tokens.into(), usage.completion_tokens.into())
    }

    pub fn of_tokens(&self, prompt: u64, completion: u64) -> u64 {
        let price = |price: u64, tokens: u64| u128::from(price) * u128::from(tokens);
        let both = price(self.prompt, prompt).saturating_add(price(self.completion, completion));
        u64::try_from(both.div_ceil(PRICED_TOKENS)).unwrap_or(u64::MAX)
    }
}

/// Reads an amount such as `0.15` exactly, in millionths.
pub fn parse_price(text: &str) -> Result<u64, MoneyError> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(units) || !is_number(fraction) || fraction.len() > 6 {
        return Err(MoneyError::Price);
    }
    let units: u64 = units.parse().map_err(|_| MoneyError::Price)?;
    let micros: u64 = format!("{fraction:0<6}").parse().map_err(|_| MoneyError::Price)?;
    if units > MAX_UNITS || (units == MAX_UNITS && micros > 0) {
        return Err(MoneyError::Price);
    }
    Ok(units * UNIT + micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly_or_not_at_all() {
        for (text, micros) in [
            ("0", 0),
            ("0.15", 150_000),
            ("0.000001", 1),
            ("15", 15_000_000),
            ("2.50", 2_500_000),
            ("1000000", 1_000_000_000_000),
        ] {
            assert_eq!(parse_price(text), Ok(micros), "{text}");
        }
        for text in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "0,15",
            "0.0000001",
            "1000000.1",
            "1 000",
            "٣",
            "99999999999999999999999",
        ] {
            assert_eq!(parse_price(text), Err(MoneyError::Price), "{text:?}");
        }
    }

    #[test]
    fn a_call_costs_what_its_tokens_cost_rounded_up_to_the_millionth() {
        let prices = Prices {
            prompt: 150_000,
            completion: 600_000,
        };
        let usage = |prompt_tokens, completion_tokens| ChatUsage {
            prompt_tokens,
            completion_tokens,
        };
        assert_eq!(prices.of(usage(100, 10)), 21);
        assert_eq!(prices.of(usage(1_000_000, 0)), 150_000);
        assert_eq!(prices.of(usage(1, 0)), 1, "no call is for nothing");
        assert_eq!(prices.of(usage(0, 0)), 0);
        let dear = Prices {
            prompt: u64::MAX,
            completion: u64::MAX,
        };
        assert_eq!(dear.of(usage(u32::MAX, u32::MAX)), u64::MAX);
    }

    #[test]
    fn amounts_are_told_in_units_and_currencies_are_three_letters() {
        let usd: Currency = "USD".parse().unwrap();
        let told = |micros| {
            Amount {
                micros,
                currency: usd,
            }
            .to_string()
        };
        assert_eq!(told(225), "0.000225 USD");
        assert_eq!(told(1_500_000), "1.50 USD");
        assert_eq!(told(20_000_000), "20.00 USD");
        for bad in ["", "usd", "US", "USDT", "РУБ", "U1D"] {
            assert_eq!(bad.parse::<Currency>(), Err(MoneyError::Currency), "{bad:?}");
        }
        let cost = Cost {
            amount: Amount {
                micros: 7,
                currency: usd,
            },
            complete: true,
        };
        let json = serde_json::to_string(&cost).unwrap();
        assert_eq!(json, r#"{"micros":7,"currency":"USD","complete":true}"#);
        assert_eq!(serde_json::from_str::<Cost>(&json).unwrap(), cost);
        assert!(serde_json::from_str::<Currency>("\"usd\"").is_err());
    }
}
