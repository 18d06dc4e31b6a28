//! What is valid, everything that is not, and what must hold for input that was written to hurt.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod fixtures;
mod hostile;
mod id_token;
mod init_data;
mod jwks;
mod keys;
mod login_widget;
mod rsa_key;
mod seal;
mod secrets;
mod signed_request;
mod token;
