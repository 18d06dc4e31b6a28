//! What leaves a process: spans of real programs, as a collector receives them.

#![expect(clippy::unwrap_used, reason = "a test that fails to set itself up has failed")]

use std::time::{Duration, Instant};

use nexus_telemetry::collector::Collector;
use nexus_telemetry::{Export, Traces, adopt, trace_id_of, traceparent};
use tracing::{Instrument as _, Level, event, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn start(endpoint: &str, ratio: f64) -> Traces {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let headers = "authorization=Bearer key-of-the-collector".into();
    let export = Export::new(endpoint, &headers, ratio).unwrap().unwrap();
    Traces::start(&export, "nexus-test", "serve").unwrap()
}

/// Spans of this test's own subscriber.
fn under<T>(traces: &Traces, work: impl FnOnce() -> T) -> T {
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    tracing::subscriber::with_default(subscriber, work)
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_arrive_under_the_id_of_their_request_and_say_nothing_else() {
    let collector = Collector::start().await.unwrap();
    let traces = start(&collector.endpoint(), 1.0);
    let header = under(&traces, || {
        let request = info_span!(target: "nexus_backend::http", "request", request_id = TRACE,
            path = "/knowledge-bases/Secrets", question = "Who is Anna?", status = 200);
        adopt(&request, TRACE, None);
        request.in_scope(|| {
            event!(target: "nexus_backend", Level::WARN, "a document of Anna's");
            info_span!(target: "sqlx", "query", statement = "SELECT").in_scope(|| {});
            let inner = info_span!(target: "nexus_rag", "question", hits = 3);
            inner.in_scope(traceparent)
        })
    });
    assert!(traces.flush().await);
    let spans = collector.spans();
    let [question, request] = &spans[..] else {
        panic!("two spans of ours: {spans:?}");
    };
    assert_eq!(
        (question.name.as_str(), request.name.as_str()),
        ("question", "request")
    );
    assert_eq!((question.trace.as_str(), request.trace.as_str()), (TRACE, TRACE));
    assert_eq!((&question.parent, request.parent.as_str()), (&request.id, ""));
    assert_eq!(request.service, "nexus-test");
    assert_eq!(request.attribute("request_id"), Some(TRACE));
    assert_eq!(question.attribute("hits"), Some("3"));
    assert_eq!((request.events, question.events), (0, 0));
    let told = format!("{spans:?}");
    for secret in ["Secrets", "Anna", "SELECT"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert_eq!(header, Some(format!("00-{TRACE}-{}-01", question.id)));
    assert_eq!(
        collector.header("authorization").first().map(String::as_str),
        Some("Bearer key-of-the-collector")
    );
    traces.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_names_the_parent_within_its_own_trace_only() {
    let collector = Collector::start().await.unwrap();
    let traces = start(&collector.endpoint(), 1.0);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-00");
    under(&traces, || {
        for id in [TRACE, "trace-7"] {
            let span = info_span!(target: "nexus_backend", "request");
            adopt(&span, id, Some(&parent));
            span.in_scope(|| {});
        }
    });
    traces.stop().await;
    let own = &collector.trace(TRACE)[0];
    assert_eq!(own.parent, "00f067aa0ba902b7");
    let other = &collector.trace(&trace_id_of("trace-7"))[0];
    assert_eq!(other.parent, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_taken_whole_or_not_at_all() {
    let collector = Collector::start().await.unwrap();
    let traces = start(&collector.endpoint(), 0.5);
    under(&traces, || {
        for number in 0..200 {
            // Two processes that know nothing of each other.
            for name in ["one", "two"] {
                let span = match name {
                    "one" => info_span!(target: "nexus_backend", "one"),
                    _ => info_span!(target: "nexus_bot", "two"),
                };
                adopt(&span, &format!("request-{number}"), None);
                span.in_scope(|| {});
            }
        }
    });
    traces.stop().await;
    let mut taken = 0;
    for number in 0..200 {
        let spans = collector.trace(&trace_id_of(&format!("request-{number}")));
        assert!(spans.is_empty() || spans.len() == 2, "{spans:?}");
        taken += usize::from(!spans.is_empty());
    }
    assert!((60..140).contains(&taken), "{taken} of 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_keeps_nobody_waiting() {
    // Takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let traces = start(&format!("http://{}", silent.local_addr().unwrap()), 1.0);
    let began = Instant::now();
    under(&traces, || {
        for _ in 0..20_000 {
            info_span!(target: "nexus_backend", "request").in_scope(|| {});
        }
    });
    let spent = began.elapsed();
    assert!(spent < Duration::from_secs(5), "{spent:?} for 20,000 spans");
    let began = Instant::now();
    traces.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?} to stop",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_another_task_stays_in_its_trace() {
    let collector = Collector::start().await.unwrap();
    let traces = start(&collector.endpoint(), 1.0);
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let span = info_span!(target: "nexus_backend", "task", task_id = "t-1");
    adopt(&span, "trace-of-a-task", None);
    async {
        tokio::task::yield_now().await;
        info_span!(target: "nexus_storage", "commit").in_scope(|| {});
    }
    .instrument(span)
    .await;
    traces.stop().await;
    let names: Vec<_> = collector
        .trace(&trace_id_of("trace-of-a-task"))
        .into_iter()
        .map(|span| span.name)
        .collect();
    assert_eq!(names, ["commit", "task"]);
}
