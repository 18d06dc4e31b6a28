//! A collector that keeps what it is sent, for tests: OTLP over HTTP, in protobuf.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;

/// A span as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub service: String,
    pub name: String,
    /// 32 and 16 digits; the parent is empty where there is none.
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub attributes: Vec<(String, String)>,
    pub events: usize,
}

impl Seen {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, Default)]
struct Kept {
    spans: Vec<Seen>,
    headers: Vec<HeaderMap>,
}

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Collector {
    /// # Errors
    ///
    /// Where no port is free.
    pub async fn start() -> std::io::Result<Self> {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&kept));
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            kept,
            serving,
        })
    }

    /// What `NEXUS_OTLP_ENDPOINT` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that has arrived.
    pub fn spans(&self) -> Vec<Seen> {
        self.kept().spans.clone()
    }

    /// Those of one trace.
    pub fn trace(&self, id: &str) -> Vec<Seen> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace == id);
        spans
    }

    /// A header of the requests that have come.
    pub fn header(&self, name: &str) -> Vec<String> {
        let kept = self.kept();
        let values = kept.headers.iter().filter_map(|headers| headers.get(name));
        values
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(kept): State<Arc<Mutex<Kept>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.headers.push(headers);
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes);
        let named = attributes.unwrap_or_default();
        let named = named
            .into_iter()
            .find(|attribute| attribute.key == "service.name");
        let service = named.map(|attribute| said(attribute.value)).unwrap_or_default();
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        kept.spans.extend(spans.map(|span| {
            Seen {
                service: service.clone(),
                name: span.name,
                trace: digits(&span.trace_id),
                id: digits(&span.span_id),
                parent: digits(&span.parent_span_id),
                attributes: span
                    .attributes
                    .into_iter()
                    .map(|attribute| (attribute.key, said(attribute.value)))
                    .collect(),
                events: span.events.len(),
            }
        }));
    }
    StatusCode::OK
}

fn said(value: Option<opentelemetry_proto::tonic::common::v1::AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
