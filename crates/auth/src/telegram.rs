//! Who a person is at Telegram, in the four ways in which Telegram says so.
//!
//! - [`init_data`]: a Mini App sends what Telegram gave it. Verified by the bot's token, or without it by Telegram's
//!   key.
//! - [`login_widget`]: the older button on web pages. Verified by the bot's token.
//! - [`id_token`]: the newer sign-in, OpenID Connect. Verified by the keys ([`jwks`]) that Telegram publishes.
//!
//! All of them prove the same: a [`TelegramPerson`], at a time. None proves that it is used for the first time.

mod fields;
pub mod id_token;
pub mod init_data;
pub mod jwks;
pub mod login_widget;
mod person;

pub use person::{MAX_FULL_NAME_CHARS, TelegramPerson};

/// Why initData or a widget's fields do not prove who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TelegramError {
    #[error("the sign-in data is too large")]
    TooLarge,
    /// Not what Telegram sends: wrong encoding, something missing, a value that Telegram would not have given.
    #[error("the sign-in data is malformed")]
    Malformed,
    #[error("a field of the sign-in data stands twice")]
    Duplicate,
    /// Altered, cut, or made for another bot.
    #[error("the signature of the sign-in data is wrong")]
    Signature,
    #[error("the sign-in data comes from the future")]
    FromTheFuture,
    #[error("the sign-in data has expired")]
    Expired,
    #[error("a bot does not sign in")]
    Bot,
}
