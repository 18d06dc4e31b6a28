//! The Telegram frontend of Nexus, as far as it is pure: every sentence that a person can read ([`words`]). No network,
//! no clock, no state.

pub mod words;
