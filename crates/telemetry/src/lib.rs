//! Traces: the spans of `tracing` that our programs open are sent by OTLP to a collector, where the operator has one.
//!
//! What joins them is an id that stands in rows, logs and error envelopes already: of a request, or of an update of Telegram.
//! [`adopt`] puts a span under it, in whichever process it is opened, so that nothing but the id need be carried from a request
//! to the worker that does its work later. Between processes that speak to each other, `traceparent` (W3C) names the very span.
//!
//! Spans that are of no use in a log have the target `nexus_trace`, which logs leave out. Only what [`ALLOWED`] lists leaves the process: ids, kinds, counts and times, never texts or names. Where nothing is
//! exported, spans are those of the log alone.

#[cfg(feature = "testing")]
pub mod collector;
mod context;
mod export;
mod sender;
mod settings;

pub use context::{adopt, trace_id_of, trace_of_header, trace_of_update, traceparent};
pub use export::{ALLOWED, StartError, TRACE_ONLY, Traces};
pub use settings::{Export, InvalidExport};
