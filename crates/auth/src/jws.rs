//! Compact JWS (RFC 7515): taking one apart, and the two algorithms that we accept.
//!
//! Knows nothing of claims. The caller names the algorithm it wants and asks for exactly that one: a token never
//! chooses how it is checked (RFC 8725, section 3.1). That, errors told apart, a caller's clock and refused
//! duplicates are most of a JWT library; the rest is the two functions below.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::digest::{hmac_matches, hmac_sha256};

#[cfg(test)]
mod tests;

/// A token whose shape is right, and nothing more: its signature has not been looked at.
pub(crate) struct Compact<'a> {
    pub(crate) header: Header,
    /// What the signature is over: header and payload as they were sent.
    pub(crate) signed: &'a [u8],
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'a> Compact<'a> {
    /// `None` when it is longer than `limit` bytes, is not three parts of base64url, or its header is not ours to
    /// read.
    pub(crate) fn parse(token: &'a str, limit: usize) -> Option<Self> {
        if token.len() > limit {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        // RFC 7515, section 4.1.11: who does not understand what is critical refuses. We understand no extension.
        if header.crit.is_some() {
            return None;
        }
        Some(Self {
            header,
            signed: signed.as_bytes(),
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    pub(crate) fn hs256_matches(&self, key: &[u8]) -> bool {
        hmac_matches(key, self.signed, &self.signature)
    }

    /// `modulus` and `exponent` are big-endian, without leading zeros. Moduli under 2,048 bits never match.
    pub(crate) fn rs256_matches(&self, modulus: &[u8], exponent: &[u8]) -> bool {
        RsaPublicKeyComponents {
            n: modulus,
            e: exponent,
        }
        .verify(&RSA_PKCS1_2048_8192_SHA256, self.signed, &self.signature)
        .is_ok()
    }
}

/// Signs a payload with HS256, under a header that names the key.
pub(crate) fn sign_hs256(kid: &str, key: &[u8], payload: &[u8]) -> String {
    let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#);
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = hmac_sha256(key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Refuses dots, padding and bits that are left over, so that a text has one spelling.
fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
