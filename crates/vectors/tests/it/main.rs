//! The stores: the contract of the port on each of them, and what is their own.

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
mod server;
