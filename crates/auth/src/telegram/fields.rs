//! Named fields that Telegram signed together: bounded, each there once, in the order that the signature wants.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::TelegramError;
use crate::CLOCK_SKEW_SECONDS;
use crate::digest::{self, DIGEST_BYTES};

/// Bytes of all fields together, as they were sent.
pub(super) const MAX_BYTES: usize = 4096;
const MAX_FIELDS: usize = 64;

/// Fields by name. Sorted by bytes, which for Telegram's names is the alphabet. (Sorting whole lines, as others do,
/// differs only where a digit follows what is another field's whole name; Telegram has no such names.)
#[derive(Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads a query string, as `application/x-www-form-urlencoded` but strictly: what does not decode is refused.
    pub(super) fn from_query(raw: &str) -> Result<Self, TelegramError> {
        if raw.len() > MAX_BYTES {
            return Err(TelegramError::TooLarge);
        }
        let mut fields = Self::default();
        for pair in raw.split('&') {
            let (name, value) = pair.split_once('=').ok_or(TelegramError::Malformed)?;
            let value = percent_decode(value).ok_or(TelegramError::Malformed)?;
            fields.insert(name, value)?;
        }
        Ok(fields)
    }

    /// Reads a JSON object of texts and integers.
    pub(super) fn from_json(raw: &[u8]) -> Result<Self, TelegramError> {
        if raw.len() > MAX_BYTES {
            return Err(TelegramError::TooLarge);
        }
        let Pairs(pairs) = serde_json::from_slice(raw).map_err(|_| TelegramError::Malformed)?;
        let mut fields = Self::default();
        for (name, value) in pairs {
            fields.insert(&name, value)?;
        }
        Ok(fields)
    }

    pub(super) fn from_map(map: &BTreeMap<String, String>) -> Result<Self, TelegramError> {
        let bytes = map.iter().fold(0_usize, |sum, (name, value)| {
            sum.saturating_add(name.len() + value.len())
        });
        if bytes > MAX_BYTES {
            return Err(TelegramError::TooLarge);
        }
        let mut fields = Self::default();
        for (name, value) in map {
            fields.insert(name, value.clone())?;
        }
        Ok(fields)
    }

    /// Refuses names and values in which `=` or a line feed would let two sets of fields have one check string.
    fn insert(&mut self, name: &str, value: String) -> Result<(), TelegramError> {
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() || !plain || value.contains('\n') {
            return Err(TelegramError::Malformed);
        }
        if self.0.insert(name.to_owned(), value).is_some() {
            return Err(TelegramError::Duplicate);
        }
        if self.0.len() > MAX_FIELDS {
            return Err(TelegramError::TooLarge);
        }
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// `name=value` of all fields but some, by name, joined by line feeds: what Telegram signs.
    pub(super) fn check_string(&self, without: &[&str]) -> String {
        let lines = self
            .0
            .iter()
            .filter(|(name, _)| !without.contains(&name.as_str()));
        lines
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The field `hash`: 64 digits of lower-case hex.
    pub(super) fn hash(&self) -> Result<[u8; DIGEST_BYTES], TelegramError> {
        self.get("hash")
            .and_then(digest::from_hex)
            .ok_or(TelegramError::Malformed)
    }

    /// The field `auth_date` (Unix seconds), when it is neither too old nor from the future.
    pub(super) fn auth_date(&self, now: i64, max_age_seconds: u32) -> Result<i64, TelegramError> {
        let auth_date = self
            .get("auth_date")
            .and_then(unsigned)
            .ok_or(TelegramError::Malformed)?;
        if auth_date > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(TelegramError::FromTheFuture);
        }
        if now.saturating_sub(auth_date) > i64::from(max_age_seconds) {
            return Err(TelegramError::Expired);
        }
        Ok(auth_date)
    }
}

/// Digits only: `parse` alone would take a sign as well.
pub(super) fn unsigned(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => (hex_digit(bytes.next()?)? << 4) | hex_digit(bytes.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// An object's members as they stand: a map would silently keep the last of two that have one name.
struct Pairs(Vec<(String, String)>);

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(i64),
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts and integers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Scalar>()? {
            pairs.push(match value {
                Scalar::Text(text) => (name, text),
                Scalar::Number(number) => (name, number.to_string()),
            });
        }
        Ok(Pairs(pairs))
    }
}
