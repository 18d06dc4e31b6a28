//! Retrieval and answering as their callers see them, over small stand-ins for the ports.

#![expect(clippy::unwrap_used, reason = "a test that fails to set itself up has failed")]

mod answers;
mod beir;
mod follow_ups;
mod follow_ups_by_model;
mod free;
mod fusion;
mod injections;
mod kept;
mod marks;
mod quotes;
mod refusals;
mod reranking;
mod retrieval;
mod stand_alone;
mod support;
mod verified;
mod written;
