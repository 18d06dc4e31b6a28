//! From spans of `tracing` to OTLP.

use std::fmt;
use std::time::Duration;

use opentelemetry::trace::{SpanId, SpanKind, TracerProvider as _};
use opentelemetry_otlp::{
    Protocol, SpanExporter as OtlpExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use crate::context::{NO_PARENT, turn_on};
use crate::sender::{Sender, TIMEOUT};
use crate::settings::Export;

/// Spans of this target are for traces alone: logs leave them out.
pub const TRACE_ONLY: &str = "nexus_trace";

/// What a span may say of itself. Everything else that logs are told stays there.
pub const ALLOWED: &[&str] = &[
    "attempt",
    "bot_id",
    "candidates",
    "code",
    "completion_tokens",
    "delivery",
    "found",
    "hits",
    "kind",
    "method",
    "parts",
    "passages",
    "prompt_tokens",
    "request_id",
    "route",
    "stage",
    "status",
    "task_id",
    "trace_id",
    "update_id",
    "updates",
];

/// Spans that wait for the collector; more than that are dropped, and nobody waits.
const QUEUE: usize = 4_096;
const BATCH: usize = 512;
const EVERY: Duration = Duration::from_secs(2);
/// Time for what is left when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The export of one process. Ends with [`Traces::stop`].
pub struct Traces {
    provider: SdkTracerProvider,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the client of the collector cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
    #[error("the exporter of traces cannot be set up: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

impl Traces {
    /// Begins to export as this service, such as `nexus`. Needs a runtime that lives until [`Traces::stop`].
    pub fn start(export: &Export, service: &'static str, role: &'static str) -> Result<Self, StartError> {
        let sender = Sender::new(export)?;
        let otlp = OtlpExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(export.traces.as_str())
            .with_timeout(TIMEOUT)
            .build()?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(EVERY)
            .build();
        let processor = BatchSpanProcessor::builder(Discreet(otlp))
            .with_batch_config(batches)
            .build();
        let resource = Resource::builder_empty()
            .with_service_name(service)
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_attribute(opentelemetry::KeyValue::new("nexus.role", role))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            // By the trace's id alone, so that all processes take the same ones. A caller who chooses its id chooses this, too.
            .with_sampler(Sampler::TraceIdRatioBased(export.ratio))
            .with_resource(resource)
            .build();
        turn_on();
        Ok(Self { provider })
    }

    /// What spans are told to beside the log: our own ones, whatever the log's level is.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let ours = filter_fn(|metadata| {
            metadata.is_span() && *metadata.level() <= Level::INFO && metadata.target().starts_with("nexus_")
        });
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("nexus"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::INFO))
    }

    /// Sends what waits now, and says whether that went well. Takes its time: for tests and ends.
    pub async fn flush(&self) -> bool {
        let provider = self.provider.clone();
        let flushed = tokio::task::spawn_blocking(move || provider.force_flush());
        matches!(flushed.await, Ok(Ok(())))
    }

    /// Sends what waits and ends, within a few seconds whatever the collector does.
    pub async fn stop(self) {
        let provider = self.provider;
        let stopping = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_WORDS));
        if !matches!(
            tokio::time::timeout(LAST_WORDS * 2, stopping).await,
            Ok(Ok(Ok(())))
        ) {
            tracing::warn!("the last traces of this process may not have been sent");
        }
    }
}

/// Lets through what may leave the process.
#[derive(Debug)]
struct Discreet<E>(E);

fn discreet(mut span: SpanData) -> SpanData {
    if span.parent_span_id == NO_PARENT {
        span.parent_span_id = SpanId::INVALID;
    }
    if span.name == "request" {
        span.span_kind = SpanKind::Server;
        let said = |name| span.attributes.iter().find(|said| said.key.as_str() == name);
        if let (Some(method), Some(route)) = (said("method"), said("route")) {
            span.name = format!("{} {}", method.value, route.value).into();
        }
    }
    span.attributes
        .retain(|attribute| ALLOWED.contains(&attribute.key.as_str()));
    span.events.events.clear();
    span
}

impl<E: SpanExporter> SpanExporter for Discreet<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.export(batch.into_iter().map(discreet).collect()).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.0.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
