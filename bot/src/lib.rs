//! The Telegram frontend of Nexus, as far as it is pure: how answers, messages and task cards look in Telegram
//! ([`render`]), and every sentence that a person can read ([`words`]). No network, no clock, no state.

pub mod render;
#[cfg(feature = "testing")]
pub mod testing;
pub mod words;
