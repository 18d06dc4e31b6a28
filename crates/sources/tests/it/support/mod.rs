//! What the tests share: a web server that can misbehave, and a knowledge base that is kept by syncs.

mod base;
mod doku;
mod media;
mod server;
mod site;

pub use base::Base;
pub use doku::DokuWiki;
pub use media::MediaWiki;
pub use server::Reply;
pub use site::{Fault, Site, gzip};
