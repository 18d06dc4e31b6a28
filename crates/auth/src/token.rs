//! Our own tokens: a bot's, and a person's. JWTs signed with HS256 (RFC 7519) by the key ring.
//!
//! A token names a row by its `jti` and carries no rights: what it may do is looked up when it is used, so taking a
//! right away works at once. Whether the row still exists (was not revoked) is the caller's to ask.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CLOCK_SKEW_SECONDS;
use crate::jws::{self, Compact};
use crate::keys::KeyRing;

/// Bytes of the longest token that is looked at. Ours have about 330.
pub const MAX_TOKEN_BYTES: usize = 2048;

const ISSUER: &str = "nexus";

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A bot's: long-lived, kept by a program.
    Service,
    /// A person's: short-lived, kept by a browser.
    Session,
}

impl TokenKind {
    fn audience(self) -> &'static str {
        match self {
            Self::Service => "nexus/service",
            Self::Session => "nexus/session",
        }
    }

    fn of_audience(audience: &str) -> Option<Self> {
        [Self::Service, Self::Session]
            .into_iter()
            .find(|kind| kind.audience() == audience)
    }
}

/// What a valid token says. Whoever accepts only one kind looks at `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub kind: TokenKind,
    pub jti: Uuid,
    /// Unix seconds.
    pub expires_at: i64,
}

/// Why a token is not valid. In the order in which it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too long, not a JWT, or its claims are not ours.
    #[error("the token is malformed")]
    Malformed,
    #[error("the token is signed by an algorithm that is not accepted")]
    Algorithm,
    /// It names no key, or one that is not in the ring (any more).
    #[error("the key of the token is not known")]
    UnknownKey,
    #[error("the signature of the token is wrong")]
    Signature,
    #[error("the token has another issuer")]
    WrongIssuer,
    #[error("the token is for another audience")]
    WrongAudience,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token has expired")]
    Expired,
}

/// Everything a token says. serde refuses a claim that stands twice; a claim that we never wrote is refused too.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

impl KeyRing {
    /// Makes a token. Times are Unix seconds; it is valid from `issued_at` until before `expires_at`.
    pub fn mint(&self, kind: TokenKind, jti: Uuid, issued_at: i64, expires_at: i64) -> SecretString {
        let (iss, aud) = (ISSUER.to_owned(), kind.audience().to_owned());
        let claims = Claims {
            iss,
            aud,
            jti,
            iat: issued_at,
            exp: expires_at,
        };
        let payload = serde_json::to_vec(&claims).expect("strings and numbers are always JSON");
        let key = self.current();
        SecretString::from(jws::sign_hs256(&key.kid, key.tokens.as_slice(), &payload))
    }

    /// Says what a token of either kind proves at `now` (Unix seconds).
    pub fn verify(&self, token: &str, now: i64) -> Result<Verified, TokenError> {
        let compact = Compact::parse(token, MAX_TOKEN_BYTES).ok_or(TokenError::Malformed)?;
        if compact.header.alg != "HS256" {
            return Err(TokenError::Algorithm);
        }
        let kid = compact.header.kid.as_deref().ok_or(TokenError::UnknownKey)?;
        let key = self.find(kid).ok_or(TokenError::UnknownKey)?;
        if !compact.hs256_matches(key.tokens.as_slice()) {
            return Err(TokenError::Signature);
        }
        serde_json::from_slice::<Claims>(&compact.payload)
            .map_err(|_| TokenError::Malformed)?
            .check(now)
    }
}

impl Claims {
    fn check(self, now: i64) -> Result<Verified, TokenError> {
        if self.iss != ISSUER {
            return Err(TokenError::WrongIssuer);
        }
        let kind = TokenKind::of_audience(&self.aud).ok_or(TokenError::WrongAudience)?;
        if self.iat > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(TokenError::NotYetValid);
        }
        if self.exp <= now {
            return Err(TokenError::Expired);
        }
        Ok(Verified {
            kind,
            jti: self.jti,
            expires_at: self.exp,
        })
    }
}
