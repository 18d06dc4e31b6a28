//! HTTP: one service for all paths, which can also close a connection instead of a reply.

mod delivery;
mod listen;
mod service;
mod tls;

pub(crate) use delivery::{client, deliver};
pub(crate) use listen::{Listening, listen};
pub(crate) use tls::Authority;
pub use tls::Identity;
