//! One binary for the crate's tests: uploads in, passages out.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod archives;
mod bombs;
mod bundles;
mod child;
mod chunks;
mod dokuwiki;
mod dumps;
mod encodings;
mod exports;
mod formats;
mod html;
mod mediawiki;
mod nested;
mod office;
mod office_file;
mod pdf;
mod pdf_file;
mod poison;
mod properties;
mod sevens;
mod sevenz_file;
mod streams;
mod support;
mod tars;
mod uploads;
