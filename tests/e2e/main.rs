//! Real binaries, from outside.

mod kill;
mod poison;
#[allow(
    dead_code,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "shared with the tests of the backend"
)]
#[path = "../../backend/tests/it/receiver.rs"]
mod receiver;
mod scale;
mod seen;
mod telegram;
mod walls;
mod webhooks;
