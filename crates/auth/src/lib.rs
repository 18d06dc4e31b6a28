//! Everything that proves who somebody is: our own tokens, sealed secrets, Telegram's sign-ins, signed requests.
//!
//! Pure functions: no clock (callers pass `now`, in Unix seconds), no database, no network, no web framework,
//! nothing else of ours. Every input is hostile: it is bounded before work is done on it, nothing panics, what is
//! secret is compared in constant time, and no error repeats what was presented.
//!
//! - [`keys`] derives all our keys from the operator's secret; [`seal`] keeps other people's secrets with them, and
//!   [`token`] makes the tokens of bots and of people.
//! - [`telegram`] verifies who a person is at Telegram, in the four ways in which Telegram says so.
//! - [`signed_request`] verifies that a bot sent a request, without the bot sending its secret.
//! - [`signed_delivery`] signs webhooks and verifies theirs, [`webhook`] those that forges sign.
//! - [`secrets`] makes new secrets.
//!
//! What is *not* here: rights (they are looked up by the id that was proven) and replay (the caller remembers what
//! was used once: a nonce, a `hash`, a `jti`).

mod digest;
mod jws;
pub mod keys;
pub mod seal;
pub mod secrets;
pub mod signed_delivery;
pub mod signed_request;
pub mod telegram;
pub mod token;
pub mod webhook;

pub use keys::{KeyError, KeyRing};
pub use seal::SealError;
pub use token::{TokenError, TokenKind, Verified};

/// How far another clock may be ahead of ours before what it signed counts as coming from the future.
pub const CLOCK_SKEW_SECONDS: i64 = 60;
