//! The embedded store: the contract of the port, and what is its own.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod contract;
mod crash;
mod damage;
mod fixture;
mod optimise;
