//! Logs: JSON lines on standard error, one span per request and task; and traces beside them, where they are exported.

use nexus_telemetry::{TRACE_ONLY, Traces};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{ConfigError, LogConfig, LogFormat};

/// The embedded store warns at each start about switches that only its server has.
const NOISE: &str = "qdrant_edge=error";
/// The chat client logs what it cannot read, which may be text of documents. The adapter logs what went wrong itself.
const INDISCREET: &str = "async_openai=off";

/// Starts logging. Fails for directives that do not parse; a second call leaves the first one's settings.
pub fn start(config: &LogConfig) -> Result<(), ConfigError> {
    start_with(config, None)
}

/// The same, with traces beside the log.
pub fn start_with(config: &LogConfig, traces: Option<&Traces>) -> Result<(), ConfigError> {
    let directives = match config.level.contains("qdrant_edge") {
        true => config.level.clone(),
        false => format!("{},{NOISE}", config.level),
    };
    let directives = format!("{directives},{INDISCREET},{TRACE_ONLY}=off");
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| ConfigError::invalid("log.level", error.to_string()))?;
    let lines = match config.format {
        LogFormat::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_current_span(false);
            lines.with_writer(std::io::stderr).boxed()
        }
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).boxed(),
    };
    let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
    let started = match traces {
        Some(traces) => registry.with(traces.layer()).try_init(),
        None => registry.try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
    Ok(())
}
