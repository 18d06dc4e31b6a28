//! The Telegram frontend of Nexus: everything that the binary `nexus-bot` does.
//!
//! The pure half is how answers, messages and task cards look in Telegram ([`render`], [`present`]), every sentence that a
//! person can read ([`words`]), what an update becomes ([`updates`]' mapper) and when a call may be made ([`schedule`]).
//! Around it stands a process ([`run()`]) that keeps nothing: what it has not told the backend or Telegram, it finds again
//! with them after it was killed.

mod commands;
pub mod config;
mod deliver;
mod lease;
pub mod log;
mod outbound;
pub mod present;
pub mod render;
mod run;
pub mod schedule;
mod signature;
pub mod telegram;
#[cfg(feature = "testing")]
pub mod testing;
pub mod updates;
pub mod words;

pub use deliver::Delivering;
pub use run::{RunError, run};
pub use signature::Unsigned;
