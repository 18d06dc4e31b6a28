//! Requests that a bot signs: HMAC-SHA256 over method, target, time, nonce and the hash of the body.
//!
//! The secret never travels, and a signature is good for one request. The body's hash is declared in a header, so a
//! body may be read as a stream: what [`verify`] accepts has a [`BodyCheck`], which must be fed the body and asked
//! at its end. Remembering nonces, for twice [`TOLERANCE_SECONDS`], is the caller's.

mod body;
mod canonical;

use secrecy::{ExposeSecret as _, SecretString};

pub use body::{BodyCheck, BodyMismatch};

use crate::digest::{self, hmac_matches, hmac_sha256, sha256};
pub(crate) use canonical::parse_timestamp;
use canonical::{canonical, is_nonce, is_target};

/// When it was signed, in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "x-nexus-timestamp";
/// 16 to 64 letters, digits, `-` and `_`; never used twice.
pub const NONCE_HEADER: &str = "x-nexus-nonce";
/// SHA-256 of the body, in lower-case hex.
pub const CONTENT_SHA256_HEADER: &str = "x-nexus-content-sha256";
/// `v1=` and the HMAC, in lower-case hex.
pub const SIGNATURE_HEADER: &str = "x-nexus-signature";

/// How far the signer's clock may be from ours, either way.
pub const TOLERANCE_SECONDS: u64 = 300;

pub(crate) const SIGNATURE_PREFIX: &str = "v1=";

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// In upper case.
    pub method: &'a str,
    /// As sent: neither decoded nor normalised.
    pub path_and_query: &'a str,
}

/// The four headers, as far as the request has them. A header that stands twice counts as missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    pub timestamp: Option<&'a str>,
    pub nonce: Option<&'a str>,
    pub content_sha256: Option<&'a str>,
    pub signature: Option<&'a str>,
}

/// The four headers that a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub timestamp: String,
    pub nonce: String,
    pub content_sha256: String,
    pub signature: String,
}

/// A request whose headers are right. Its body is not proven until [`BodyCheck::finish`] says so.
#[derive(Debug)]
#[must_use = "the body is not proven until it was checked"]
pub struct Accepted {
    /// To be refused when it comes a second time.
    pub nonce: String,
    /// Unix seconds.
    pub timestamp: i64,
    pub body: BodyCheck,
}

/// Why a request is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("a header of the signature is missing")]
    Missing,
    #[error("a header of the signature is malformed")]
    Malformed,
    /// Altered, or signed with another secret.
    #[error("the signature of the request is wrong")]
    Mismatch,
    /// Rightly signed, but too long ago or too far ahead: told only to who has the secret.
    #[error("the signature of the request is too far from our time")]
    Stale,
}

/// Signs a request, for clients. `Malformed` when the server would refuse its target, nonce or time.
pub fn sign(
    target: &Target<'_>,
    body: &[u8],
    nonce: &str,
    now: i64,
    secret: &SecretString,
) -> Result<Signed, RequestError> {
    let (timestamp, content_sha256) = (now.to_string(), hex::encode(sha256(body)));
    if !is_target(target) || !is_nonce(nonce) || parse_timestamp(&timestamp).is_none() {
        return Err(RequestError::Malformed);
    }
    let message = canonical(target, &timestamp, nonce, &content_sha256);
    let tag = hmac_sha256(secret.expose_secret().as_bytes(), message.as_bytes());
    let signature = format!("{SIGNATURE_PREFIX}{}", hex::encode(tag));
    Ok(Signed {
        timestamp,
        nonce: nonce.to_owned(),
        content_sha256,
        signature,
    })
}

/// Verifies the headers of a request at `now` (Unix seconds).
pub fn verify(
    target: &Target<'_>,
    presented: &Presented<'_>,
    secret: &SecretString,
    now: i64,
) -> Result<Accepted, RequestError> {
    let timestamp = presented.timestamp.ok_or(RequestError::Missing)?;
    let nonce = presented.nonce.ok_or(RequestError::Missing)?;
    let content_sha256 = presented.content_sha256.ok_or(RequestError::Missing)?;
    let signature = presented.signature.ok_or(RequestError::Missing)?;

    let signed_at = parse_timestamp(timestamp).ok_or(RequestError::Malformed)?;
    let declared = digest::from_hex(content_sha256).ok_or(RequestError::Malformed)?;
    let tag = signature
        .strip_prefix(SIGNATURE_PREFIX)
        .and_then(digest::from_hex);
    let tag = tag.ok_or(RequestError::Malformed)?;
    if !is_target(target) || !is_nonce(nonce) {
        return Err(RequestError::Malformed);
    }

    let message = canonical(target, timestamp, nonce, content_sha256);
    if !hmac_matches(secret.expose_secret().as_bytes(), message.as_bytes(), &tag) {
        return Err(RequestError::Mismatch);
    }
    if now.abs_diff(signed_at) > TOLERANCE_SECONDS {
        return Err(RequestError::Stale);
    }
    Ok(Accepted {
        nonce: nonce.to_owned(),
        timestamp: signed_at,
        body: BodyCheck::against(declared),
    })
}
