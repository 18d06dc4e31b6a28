//! From Telegram to the backend: what is read of an update (`incoming`), what it becomes ([`Mapper`]), how it is
//! stored (`store`), and the two ways that updates come: asked for (`poll`) or sent ([`Webhook`]).

mod incoming;
mod map;
mod outage;
mod poll;
mod store;
mod text;
mod webhook;

pub use map::{Mapped, Mapper};
pub(crate) use poll::poll;
pub(crate) use store::{Store, chain};
pub use webhook::Webhook;
pub(crate) use webhook::webhook;
