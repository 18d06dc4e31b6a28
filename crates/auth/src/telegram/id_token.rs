//! What Telegram's OpenID Connect sign-in says about who signed in: an `id_token`, signed with RS256.
//!
//! <https://core.telegram.org/bots/telegram-login>. The claim `id` is the person's Telegram id, the number that bots
//! know them by; `sub` is an opaque name that is *not* that number. Telegram has no userinfo endpoint: what stands
//! in the token is all there is. `id`, `name`, `preferred_username` and `picture` come with the scope `profile`.

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::TelegramPerson;
use super::jwks::Jwks;
use super::person::Claimed;
use crate::CLOCK_SKEW_SECONDS;
use crate::jws::Compact;

/// Who issues the tokens.
pub const ISSUER: &str = "https://oauth.telegram.org";
/// Bytes of the longest token that is looked at. Real ones have about 1,200.
pub const MAX_ID_TOKEN_BYTES: usize = 8192;

/// Bytes of the longest `sub` (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT_BYTES: usize = 255;

/// What we asked Telegram for, and so expect back.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The client id that BotFather gave us: the bot's id, as text.
    pub client_id: &'a str,
    /// The nonce of our request, when the caller sent one. Then the token must repeat it.
    pub nonce: Option<&'a str>,
}

/// What an `id_token` proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdToken {
    /// `first_name` is the full name: Telegram gives one, and where the first name ends would be a guess.
    pub person: TelegramPerson,
    /// The person's name at this client. Opaque; the person is identified by `person.id`.
    pub subject: String,
    /// Unix seconds.
    pub issued_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
}

/// Why an `id_token` does not prove who somebody is. In the order in which it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Too long, not a JWT, or its claims are not Telegram's (such as no `id`, when the scope `profile` was not
    /// asked for).
    #[error("the id_token is malformed")]
    Malformed,
    #[error("the id_token is signed by an algorithm that is not accepted")]
    Algorithm,
    /// Not in the key set that was given. Telegram may have a new key: the caller may fetch the set again, once.
    #[error("the key of the id_token is not known")]
    UnknownKey,
    #[error("the signature of the id_token is wrong")]
    Signature,
    #[error("the id_token has another issuer")]
    WrongIssuer,
    #[error("the id_token is for another audience")]
    WrongAudience,
    #[error("the id_token does not repeat the nonce of the request")]
    WrongNonce,
    #[error("the id_token is not valid yet")]
    NotYetValid,
    #[error("the id_token has expired")]
    Expired,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    sub: String,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    id: i64,
    name: String,
    preferred_username: Option<String>,
}

/// RFC 7519, section 4.1.3: a text, or an array of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Verifies a token by Telegram's keys. One that was issued longer ago than `max_age_seconds` counts as expired,
/// whatever its own `exp` says.
pub fn verify(
    token: &str,
    jwks: &Jwks,
    expected: &Expected<'_>,
    now: i64,
    max_age_seconds: u32,
) -> Result<IdToken, IdTokenError> {
    let compact = Compact::parse(token, MAX_ID_TOKEN_BYTES).ok_or(IdTokenError::Malformed)?;
    if compact.header.alg != "RS256" {
        return Err(IdTokenError::Algorithm);
    }
    let kid = compact.header.kid.as_deref().ok_or(IdTokenError::UnknownKey)?;
    let key = jwks.find(kid).ok_or(IdTokenError::UnknownKey)?;
    if !key.matches(&compact) {
        return Err(IdTokenError::Signature);
    }
    let claims: Claims = serde_json::from_slice(&compact.payload).map_err(|_| IdTokenError::Malformed)?;
    claims.check_request(expected)?;
    claims.check_time(now, max_age_seconds)?;
    claims.read()
}

impl Claims {
    fn check_request(&self, expected: &Expected<'_>) -> Result<(), IdTokenError> {
        if self.iss != ISSUER {
            return Err(IdTokenError::WrongIssuer);
        }
        if !self.aud.is_only(expected.client_id) {
            return Err(IdTokenError::WrongAudience);
        }
        match expected.nonce {
            Some(nonce) if !self.repeats(nonce) => Err(IdTokenError::WrongNonce),
            _ => Ok(()),
        }
    }

    fn repeats(&self, nonce: &str) -> bool {
        self.nonce
            .as_ref()
            .is_some_and(|own| own.as_bytes().ct_eq(nonce.as_bytes()).into())
    }

    fn check_time(&self, now: i64, max_age_seconds: u32) -> Result<(), IdTokenError> {
        let latest_start = now.saturating_add(CLOCK_SKEW_SECONDS);
        if self.iat > latest_start || self.nbf.is_some_and(|nbf| nbf > latest_start) {
            return Err(IdTokenError::NotYetValid);
        }
        if self.exp <= now || now.saturating_sub(self.iat) > i64::from(max_age_seconds) {
            return Err(IdTokenError::Expired);
        }
        Ok(())
    }

    fn read(self) -> Result<IdToken, IdTokenError> {
        if self.sub.is_empty() || self.sub.len() > MAX_SUBJECT_BYTES {
            return Err(IdTokenError::Malformed);
        }
        let claimed = Claimed {
            id: self.id,
            first_name: self.name,
            last_name: None,
            username: self.preferred_username,
            language_code: None,
            is_bot: None,
        };
        let person = claimed.admit_full_name().map_err(|_| IdTokenError::Malformed)?;
        Ok(IdToken {
            person,
            subject: self.sub,
            issued_at: self.iat,
            expires_at: self.exp,
        })
    }
}

impl Audience {
    /// A token that is meant for others as well could have been handed to us by one of them.
    fn is_only(&self, client_id: &str) -> bool {
        match self {
            Self::One(audience) => audience == client_id,
            Self::Many(audiences) => audiences.as_slice() == [client_id],
        }
    }
}
