//! The keys with which Telegram signs its `id_token`s, as it publishes them (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::jws::Compact;

/// Where Telegram publishes its keys (<https://core.telegram.org/bots/telegram-login>).
pub const JWKS_URL: &str = "https://oauth.telegram.org/.well-known/jwks.json";
/// Bytes of the largest answer that is parsed. Whoever fetches it stops reading there.
pub const MAX_JWKS_BYTES: usize = 64 * 1024;

const MAX_KEYS: usize = 32;
/// RFC 7518, section 3.3 asks for 2,048 bits or more; 8,192 are the most that we would compute with.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const MAX_EXPONENT_BYTES: usize = 4;

/// Why an answer is not a set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    #[error("the key set is larger than {MAX_JWKS_BYTES} bytes or has more than {MAX_KEYS} keys")]
    TooLarge,
    #[error("the key set is malformed")]
    Malformed,
    #[error("the key set has no key that could verify an RS256 signature")]
    NoUsableKey,
}

/// A parsed key set: RSA keys for RS256, by name. Keys of other kinds, and weak ones, are left out.
#[derive(Clone, Debug, Default)]
pub struct Jwks {
    keys: Vec<RsaKey>,
}

#[derive(Clone, Debug)]
pub(super) struct RsaKey {
    kid: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<RawKey>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwks {
    pub fn parse(bytes: &[u8]) -> Result<Self, JwksError> {
        if bytes.len() > MAX_JWKS_BYTES {
            return Err(JwksError::TooLarge);
        }
        let set: RawSet = serde_json::from_slice(bytes).map_err(|_| JwksError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(JwksError::TooLarge);
        }
        let mut keys: Vec<RsaKey> = Vec::new();
        for key in set.keys.into_iter().filter_map(RsaKey::usable) {
            // Which of the two was meant would be a guess.
            if keys.iter().any(|known| known.kid == key.kid) {
                return Err(JwksError::Malformed);
            }
            keys.push(key);
        }
        if keys.is_empty() {
            Err(JwksError::NoUsableKey)
        } else {
            Ok(Self { keys })
        }
    }

    pub(super) fn find(&self, kid: &str) -> Option<&RsaKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }
}

impl RsaKey {
    fn usable(raw: RawKey) -> Option<Self> {
        let signs = raw.r#use.is_none_or(|r#use| r#use == "sig") && raw.alg.is_none_or(|alg| alg == "RS256");
        if raw.kty != "RSA" || !signs {
            return None;
        }
        let modulus = URL_SAFE_NO_PAD.decode(raw.n?).ok()?;
        let exponent = URL_SAFE_NO_PAD.decode(raw.e?).ok()?;
        let fits =
            MODULUS_BITS.contains(&bits(&modulus)) && (1..=MAX_EXPONENT_BYTES).contains(&exponent.len());
        fits.then_some(Self {
            kid: raw.kid?,
            modulus,
            exponent,
        })
    }

    pub(super) fn matches(&self, compact: &Compact<'_>) -> bool {
        compact.rs256_matches(&self.modulus, &self.exponent)
    }
}

/// Bits of a big-endian number; zero when it starts with a zero byte, which RFC 7518, section 2 forbids.
fn bits(number: &[u8]) -> usize {
    match number.first() {
        Some(&first) if first != 0 => number.len() * 8 - first.leading_zeros() as usize,
        _ => 0,
    }
}
