//! From the backend to people: deliveries are taken from the outbox (`take`), those of one chat one after the other
//! (`lanes`), sent (`courier`), and what became of them is told (`report`).

mod courier;
mod failure;
mod file;
mod lanes;
mod preview;
mod report;
mod take;

pub use take::Delivering;
pub(crate) use take::deliver;
