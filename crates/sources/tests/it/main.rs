//! One binary for the crate's tests: repositories, sites and wikis that live on this machine, and what a sync makes of them.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod dokuwiki;
mod git;
mod git_support;
mod mediawiki;
mod support;
mod web;
mod web_failures;
mod web_manners;
