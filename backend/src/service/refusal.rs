//! Why a caller is turned away at the door. Each reason has a code of its own in the contract; none repeats a secret.

use nexus_auth::TokenError;
use nexus_auth::signed_request::RequestError;
use nexus_auth::telegram::TelegramError;
use nexus_auth::telegram::id_token::IdTokenError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("send a valid API key or token in the header `Authorization: Bearer …`")]
    Unauthorized,
    #[error("the token has expired; a new one is needed")]
    Expired,
    #[error("the token was revoked")]
    Revoked,
    #[error("this bot signs its requests, and this one is not signed")]
    SignatureRequired,
    #[error("{0}")]
    Signature(RequestError),
    #[error("the body is not the one that was signed")]
    Body,
    #[error("this was sent before; it counts once")]
    Replayed,
    #[error("this person is blocked")]
    UserBlocked,
    #[error("this bot is turned off")]
    BotDisabled,
    #[error("calls from this address are not allowed")]
    AddressNotAllowed,
    #[error("a change with a session cookie needs the header X-CSRF-Token that the sign-in gave")]
    Csrf,
    #[error("only a bot names a person by X-Telegram-User-Id, and only with one number")]
    ConflictingIdentity,
    #[error("the Mini App's data is not accepted: {0}")]
    InitData(TelegramError),
    #[error("the Mini App's data is not accepted: {0}")]
    InitDataSignature(TelegramError),
    #[error("the login widget's data is not accepted: {0}")]
    LoginWidget(TelegramError),
    #[error("the OpenID Connect token is not accepted: {0}")]
    IdToken(IdTokenError),
}

impl Refusal {
    /// What programs may tell apart under one code.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Signature(error) => Some(match error {
                RequestError::Missing => "missing",
                RequestError::Malformed => "malformed",
                RequestError::Mismatch => "mismatch",
                RequestError::Stale => "stale",
            }),
            Self::Body => Some("body"),
            Self::InitData(error) | Self::InitDataSignature(error) | Self::LoginWidget(error) => {
                Some(telegram_reason(error))
            }
            Self::IdToken(error) => Some(id_token_reason(error)),
            _ => None,
        }
    }
}

fn telegram_reason(error: TelegramError) -> &'static str {
    match error {
        TelegramError::TooLarge => "too_large",
        TelegramError::Malformed => "malformed",
        TelegramError::Duplicate => "duplicate",
        TelegramError::Signature => "signature",
        TelegramError::FromTheFuture => "from_the_future",
        TelegramError::Expired => "expired",
        TelegramError::Bot => "bot",
    }
}

fn id_token_reason(error: IdTokenError) -> &'static str {
    match error {
        IdTokenError::Malformed => "malformed",
        IdTokenError::Algorithm => "algorithm",
        IdTokenError::UnknownKey => "unknown_key",
        IdTokenError::Signature => "signature",
        IdTokenError::WrongIssuer => "issuer",
        IdTokenError::WrongAudience => "audience",
        IdTokenError::WrongNonce => "nonce",
        IdTokenError::NotYetValid => "not_yet_valid",
        IdTokenError::Expired => "expired",
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::Expired,
            _ => Self::Unauthorized,
        }
    }
}

/// Whether a credential is one of our tokens and not an API key. Tokens are JWTs: three parts, the first one JSON.
pub(super) fn looks_like_token(credential: &str) -> bool {
    credential.starts_with("eyJ") && credential.split('.').count() == 3
}
