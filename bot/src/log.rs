//! Logs: JSON lines on standard error, like the backend's; and traces beside them, where they are exported.

use nexus_telemetry::{TRACE_ONLY, Traces};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{ConfigError, invalid};

/// Addresses of Telegram hold the bot's token, and these would log them. What went wrong with a call is logged here.
const INDISCREET: &str = "reqwest=off,hyper=off,hyper_util=off,h2=off,rustls=off";

#[derive(Clone, Debug)]
pub struct LogConfig {
    /// A level, or directives.
    pub level: String,
    pub is_json: bool,
}

/// Starts logging. Fails for directives that do not parse; a second call leaves the first one's settings.
pub fn start(config: &LogConfig, traces: Option<&Traces>) -> Result<(), ConfigError> {
    let directives = format!("{},{INDISCREET},{TRACE_ONLY}=off", config.level);
    let filter =
        EnvFilter::try_new(directives).map_err(|error| invalid("NEXUS_LOG_LEVEL", error.to_string()))?;
    let lines = if config.is_json {
        let lines = fmt::layer().json().flatten_event(true).with_span_list(false);
        lines.with_writer(std::io::stderr).boxed()
    } else {
        fmt::layer().with_writer(std::io::stderr).boxed()
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
