//! Which trace a span belongs to.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Whether spans are exported at all: where they are not, this is all that it costs.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// The parent of spans that have none but belong to a known trace. It never leaves the process.
pub(crate) const NO_PARENT: SpanId = SpanId::from_bytes([0, 0, 0, 0, 0, 0, 0, 1]);

pub(crate) fn turn_on() {
    IS_ON.store(true, Ordering::Relaxed);
}

fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// Puts a span, before it is entered, under the trace of an id as rows and logs hold it. `parent` is the `traceparent` that
/// a caller has sent; it counts if it belongs to the same trace.
pub fn adopt(span: &Span, id: &str, parent: Option<&str>) {
    if !is_on() || id.is_empty() {
        return;
    }
    let trace = trace(id);
    let parent = parent.and_then(parsed).filter(|(of, _)| *of == trace);
    let parent = parent.map_or(NO_PARENT, |(_, span)| span);
    // Which traces are sampled is decided by their ids alone, in all processes alike: a caller's flag has no say, its id has.
    let context = SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, TraceState::default());
    // It fails where the span is not exported.
    let _ = span.set_parent(Context::new().with_remote_span_context(context));
}

/// What a request says of the span that sends it; `None` where nothing is exported.
pub fn traceparent() -> Option<String> {
    if !is_on() {
        return None;
    }
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        let flags = span.trace_flags().to_u8();
        format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())
    })
}

/// The trace that a `traceparent` names, as 32 digits.
pub fn trace_of_header(traceparent: &str) -> Option<String> {
    parsed(traceparent).map(|(trace, _)| trace.to_string())
}

/// The id of the trace that an id belongs to, as collectors show it: an id of 32 hexadecimal digits is one.
pub fn trace_id_of(id: &str) -> String {
    trace(id).to_string()
}

/// The trace of an update of Telegram: the bot that fetches it and the backend that stores it know it without telling each
/// other, and one that is fetched again is the same.
pub fn trace_of_update(bot: &str, update: i64) -> String {
    trace(&format!("update {update} of {bot}")).to_string()
}

fn trace(id: &str) -> TraceId {
    let is_trace = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let given = is_trace.then(|| TraceId::from_hex(id).ok()).flatten();
    given.filter(|id| *id != TraceId::INVALID).unwrap_or_else(|| {
        let mut bytes = [0; 16];
        blake3::Hasher::new()
            .update(id.as_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        TraceId::from_bytes(bytes)
    })
}

/// Trace and span of a `traceparent` of version 00 (<https://www.w3.org/TR/trace-context/#traceparent-header>).
fn parsed(header: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = header.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if version != "00"
        || !is_hex(trace, 32)
        || !is_hex(span, 16)
        || !is_hex(flags, 2)
        || parts.next().is_some()
    {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    (trace != TraceId::INVALID && span != SpanId::INVALID).then_some((trace, span))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn an_id_that_is_one_of_a_trace_stays_what_it_is() {
        assert_eq!(trace_id_of(TRACE), TRACE);
        for other in ["trace-7", "", &TRACE.to_uppercase(), &"0".repeat(32)] {
            let made = trace_id_of(other);
            assert_eq!((made.len(), trace_id_of(other) == made), (32, true), "{other}");
            assert_ne!(made, "0".repeat(32));
        }
        assert_ne!(trace_id_of("a"), trace_id_of("b"));
    }

    #[test]
    fn an_update_has_one_trace_wherever_it_is_seen() {
        assert_eq!(trace_of_update("docs", 7), trace_of_update("docs", 7));
        assert_ne!(trace_of_update("docs", 7), trace_of_update("docs", 8));
        assert_ne!(trace_of_update("docs", 7), trace_of_update("shop", 7));
        assert_eq!(
            trace_id_of(&trace_of_update("docs", 7)),
            trace_of_update("docs", 7)
        );
    }

    #[test]
    fn a_traceparent_is_read_as_the_recommendation_says() {
        let header = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(trace_of_header(&header).as_deref(), Some(TRACE));
        for wrong in [
            "",
            "00",
            &format!("01-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-00f067aa0ba902b7"),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-x"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{TRACE}-00f067aa0ba902b7-é1"),
        ] {
            assert_eq!(trace_of_header(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_is_said_where_nothing_is_exported() {
        assert_eq!(traceparent(), None);
    }
}
